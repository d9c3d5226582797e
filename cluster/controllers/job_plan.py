"""What a Job needs next, from its pods. Pure.

Counting, reasons and messages as recorded in `job-failing`; limits as the page "Jobs" has them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cluster.client import Obj
from cluster.controllers.job_failure_policy import FAIL_JOB, IGNORE, judge
from cluster.objects import annotations_of, is_condition_true, is_going, is_pod_active, is_pod_finished, restarts_of
from cluster.timestamps import parse_time

FINALIZER = "batch.kubernetes.io/job-tracking"
"""On pods that have not been counted yet."""

INDEX = "batch.kubernetes.io/job-completion-index"
BACKOFF_SECONDS = 10.0
BACKOFF_SECONDS_MAX = 600.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a Job ended, or is ending while pods of it still run."""

    succeeded: bool
    reason: str
    message: str


COMPLETED = Outcome(True, "CompletionsReached", "Reached expected number of succeeded pods")
TOO_MANY_FAILURES = Outcome(False, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
TOO_LATE = Outcome(False, "DeadlineExceeded", "Job was active longer than specified deadline")


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that the next step is decided by. `pods` are the Job's own."""

    job: Obj
    pods: Sequence[Obj]
    now: float

    @property
    def spec(self) -> Obj:
        spec: Obj = self.job["spec"]
        return spec

    @property
    def status(self) -> Obj:
        return self.job.get("status") or {}

    @property
    def is_indexed(self) -> bool:
        return bool(self.spec.get("completionMode") == "Indexed")

    @property
    def active(self) -> list[Obj]:
        return [p for p in self.pods if is_pod_active(p)]

    @property
    def terminating(self) -> list[Obj]:
        return [p for p in self.pods if is_going(p) and not is_pod_finished(p)]

    @property
    def counted(self) -> list[Obj]:
        """Pods that have ended and are to be counted now."""
        return [p for p in self.pods if _is_uncounted(p) and (_is_success(p) or self._is_failure(p))]

    @property
    def succeeded(self) -> int:
        if self.is_indexed:
            return len(self.done_indexes)
        return int(self.status.get("succeeded", 0)) + sum(map(_is_success, self.counted))

    @property
    def failed(self) -> int:
        failures = (p for p in self.counted if self._is_failure(p))
        return int(self.status.get("failed", 0)) + sum(judge(self.job, p)[0] != IGNORE for p in failures)

    @property
    def done_indexes(self) -> frozenset[int]:
        """Of an Indexed Job: those that some pod has completed."""
        before = set(parse_indexes(self.status.get("completedIndexes", "")))
        return frozenset(before | {index_of(p) for p in self.counted if _is_success(p)})

    def outcome(self) -> Outcome | None:
        """None while the Job goes on."""
        if is_condition_true(self.job, "FailureTarget"):
            found = next(c for c in self.status["conditions"] if c["type"] == "FailureTarget")
            return Outcome(False, found["reason"], found["message"])
        for action, why in (judge(self.job, p) for p in self.counted if self._is_failure(p)):
            if action == FAIL_JOB:
                return Outcome(False, "PodFailurePolicy", why)
        if self._is_complete():
            return COMPLETED
        if self.failed > self.spec["backoffLimit"] or self._restarted_too_often():
            return TOO_MANY_FAILURES
        return TOO_LATE if self.seconds_left() == 0 else None

    def seconds_left(self) -> float | None:
        """Until activeDeadlineSeconds; None without such a limit."""
        limit, start = self.spec.get("activeDeadlineSeconds"), self.status.get("startTime")
        if limit is None or start is None or self.spec.get("suspend"):
            return None
        return max(0.0, parse_time(start) + float(limit) - self.now)

    def missing(self) -> int:
        """How many pods to start; negative for how many to stop."""
        if self.spec.get("suspend"):
            return -len(self.active)
        wanted, completions = self.spec["parallelism"], self.spec.get("completions")
        if completions is not None:
            wanted = min(wanted, completions - self.succeeded)
        elif self.succeeded:
            # One has done the work: the others end it, none begins.
            wanted = min(wanted, len(self.active))
        waited_for = len(self.terminating) if self.spec.get("podReplacementPolicy") == "Failed" else 0
        return int(wanted) - len(self.active) - (waited_for if wanted > len(self.active) else 0)

    def free_indexes(self) -> Iterator[int]:
        """Of an Indexed Job: those that no pod works on or has completed, from the lowest."""
        taken = self.done_indexes | {index_of(p) for p in self.active}
        return (index for index in range(self.spec["completions"]) if index not in taken)

    def backoff_seconds(self) -> float:
        """How long after its last failure the Job waits: 10 s, 20 s, 40 s … ten minutes; a success forgives all."""
        ended = sorted((_ended_at(p), _is_success(p)) for p in self.pods if is_pod_finished(p))
        failures = 0
        for _, is_success in ended:
            failures = 0 if is_success else failures + 1
        if not failures:
            return 0.0
        delay = min(BACKOFF_SECONDS * 2.0 ** (failures - 1), BACKOFF_SECONDS_MAX)
        return max(0.0, ended[-1][0] + delay - self.now)

    def _is_failure(self, pod: Obj) -> bool:
        if pod.get("status", {}).get("phase") == "Failed":
            return True
        return self.spec.get("podReplacementPolicy") != "Failed" and is_going(pod) and not _is_success(pod)

    def _is_complete(self) -> bool:
        completions = self.spec.get("completions")
        if completions is None:
            return self.succeeded > 0 and not self.active
        return self.succeeded >= int(completions)

    def _restarted_too_often(self) -> bool:
        if self.spec["template"]["spec"].get("restartPolicy") != "OnFailure":
            return False
        restarts, limit = sum(map(restarts_of, self.active)), self.spec["backoffLimit"]
        return restarts > 0 if limit == 0 else restarts >= limit


def index_of(pod: Obj) -> int:
    return int(annotations_of(pod).get(INDEX, -1))


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


def _is_uncounted(pod: Obj) -> bool:
    return FINALIZER in (pod["metadata"].get("finalizers") or ())


def _is_success(pod: Obj) -> bool:
    return bool(pod.get("status", {}).get("phase") == "Succeeded")


def _ended_at(pod: Obj) -> float:
    statuses = pod.get("status", {}).get("containerStatuses") or ()
    ends = [t["finishedAt"] for s in statuses if (t := s.get("state", {}).get("terminated")) and t.get("finishedAt")]
    return max(map(parse_time, ends), default=parse_time(pod["metadata"]["creationTimestamp"]))
