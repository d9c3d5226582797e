"""The indexes of an Indexed Job: written and read, failed one by one (KEP-3850), some that suffice (KEP-3998). Pure."""

from collections.abc import Iterator, Mapping

from cluster.client import Obj
from cluster.objects import annotations_of

INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
"""On pods of an index that fails for itself: how often it has failed before them."""
IGNORED = "batch.kubernetes.io/job-index-ignored-failure-count"


def index_of(pod: Obj) -> int:
    return int(annotations_of(pod).get(INDEX, -1))


def failures_before(pod: Obj) -> tuple[int, int]:
    """How often its index had failed before it: counted, and ignored."""
    notes = annotations_of(pod)
    return int(notes.get(FAILURES, 0)), int(notes.get(IGNORED, 0))


def failure_notes(counted: int, ignored: int) -> dict[str, str]:
    """The annotations that say so."""
    return {FAILURES: str(counted), **({IGNORED: str(ignored)} if ignored else {})}


def matched_rule(policy: Obj, done: frozenset[int], completions: int) -> int | None:
    """The first rule of a successPolicy that these completed indexes satisfy."""
    rules = enumerate(policy.get("rules") or ())
    return next((i for i, rule in rules if _is_satisfied(rule, done, completions)), None)


def _is_satisfied(rule: Mapping[str, object], done: frozenset[int], completions: int) -> bool:
    named = rule.get("succeededIndexes")
    among = frozenset(parse_indexes(str(named))) if named else frozenset(range(completions))
    wanted = rule.get("succeededCount")
    return len(done & among) >= (len(among) if wanted is None else int(str(wanted)))


def parse_indexes(text: str) -> Iterator[int]:
    """status.completedIndexes: "0-2,5"."""
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def format_indexes(indexes: frozenset[int]) -> str:
    """The same way back."""
    runs: list[list[int]] = []
    for index in sorted(indexes):
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return ",".join(f"{r[0]}-{r[-1]}" if len(r) > 2 else ",".join(map(str, r)) for r in runs)
