"""Indexes that fail by themselves (KEP-3850), and those that are enough (KEP-3998). Pure."""

from collections.abc import Iterable, Iterator

from cluster.client import Obj
from cluster.controllers.job_failure_policy import FAIL_INDEX, IGNORE, judge
from cluster.objects import annotations_of

INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
"""On a pod of a Job whose indexes fail by themselves: how often its index has failed before."""


def limit_of(job: Obj) -> int | None:
    """How often each index may fail; None where failures are counted for all together."""
    limit: int | None = job["spec"].get("backoffLimitPerIndex")
    return limit


def index_of(pod: Obj) -> int:
    return int(annotations_of(pod).get(INDEX, -1))


def fails_its_index(job: Obj, pod: Obj) -> bool:
    """Whether this failed pod was the last that its index had."""
    limit, action = limit_of(job), judge(job, pod)[0]
    return limit is not None and (action == FAIL_INDEX or (action != IGNORE and failures_before(pod) >= limit))


def failures_before(pod: Obj) -> int:
    return int(annotations_of(pod).get(FAILURES, 0))


def failures_with(job: Obj, pod: Obj) -> int:
    """How often the index has failed now that this pod has, too."""
    return failures_before(pod) + (judge(job, pod)[0] != IGNORE)


def matched_rule(job: Obj, done: frozenset[int]) -> int | None:
    """The first rule of the successPolicy that these completed indexes satisfy."""
    for place, rule in enumerate((job["spec"].get("successPolicy") or {}).get("rules") or ()):
        if _is_satisfied(rule, done):
            return place
    return None


def _is_satisfied(rule: Obj, done: frozenset[int]) -> bool:
    count, named = rule.get("succeededCount"), rule.get("succeededIndexes")
    if named is None:
        return count is not None and len(done) >= count
    wanted = frozenset(parse_indexes(named))
    return wanted <= done if count is None else len(wanted & done) >= count


def parse_indexes(text: str) -> Iterator[int]:
    """status.completedIndexes: "0-2,5"."""
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def format_indexes(indexes: Iterable[int]) -> str:
    """The same way back."""
    runs: list[list[int]] = []
    for index in sorted(indexes):
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return ",".join(f"{r[0]}-{r[-1]}" if len(r) > 2 else ",".join(map(str, r)) for r in runs)
