"""What a Job needs next, from its pods. Pure.

Counting, reasons and messages as recorded in `job-failing`; limits as the page "Jobs" has them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cluster.client import Obj
from cluster.controllers.job_failure_policy import FAIL_INDEX, FAIL_JOB, IGNORE, judge
from cluster.controllers.job_indexes import failures_before, index_of, matched_rule, parse_indexes
from cluster.objects import is_condition_true, is_going, is_pod_active, is_pod_finished, restarts_of
from cluster.timestamps import parse_time

FINALIZER = "batch.kubernetes.io/job-tracking"
"""On pods that have not been counted yet."""

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
TOO_MANY_INDEXES = Outcome(
    False, "MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes"
)
SOME_INDEXES = Outcome(False, "FailedIndexes", "Job has failed indexes")
TOO_LATE = Outcome(False, "DeadlineExceeded", "Job was active longer than specified deadline")


class Failures(NamedTuple):
    """How many pods in a row have failed, and when the last of them did."""

    in_a_row: int = 0
    last: float = 0.0


NONE = Failures()


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that the next step is decided by. `pods` are the Job's own."""

    job: Obj
    pods: Sequence[Obj]
    now: float
    past: Failures = NONE
    """Of pods that were counted before, and may be gone."""

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

    @property
    def index_limit(self) -> int | None:
        """How often each index may fail, where each fails for itself."""
        limit: int | None = self.spec.get("backoffLimitPerIndex")
        return limit

    @property
    def failed_indexes(self) -> frozenset[int]:
        """Those that are not tried again."""
        before = set(parse_indexes(self.status.get("failedIndexes", "")))
        now = {index_of(p) for p in self.counted if self._is_failure(p) and self._was_last(p)}
        return frozenset(before | now) - self.done_indexes

    def _was_last(self, pod: Obj) -> bool:
        action, _ = judge(self.job, pod)
        if self.index_limit is None or action == IGNORE:
            return False
        return action == FAIL_INDEX or failures_before(pod)[0] >= self.index_limit

    def outcome(self) -> Outcome | None:
        """None while the Job goes on."""
        for type, succeeded in (("FailureTarget", False), ("SuccessCriteriaMet", True)):
            if is_condition_true(self.job, type):
                found = next(c for c in self.status["conditions"] if c["type"] == type)
                return Outcome(succeeded, found["reason"], found["message"])
        for action, why in (judge(self.job, p) for p in self.counted if self._is_failure(p)):
            if action == FAIL_JOB:
                return Outcome(False, "PodFailurePolicy", why)
        if self._is_complete():
            return COMPLETED
        if self.failed > self.spec["backoffLimit"] or self._restarted_too_often():
            return TOO_MANY_FAILURES
        if self.seconds_left() == 0:
            return TOO_LATE
        return self._outcome_by_index()

    def _outcome_by_index(self) -> Outcome | None:
        failed, most = len(self.failed_indexes), self.spec.get("maxFailedIndexes")
        if most is not None and failed > most:
            return TOO_MANY_INDEXES
        if failed and self.succeeded + failed >= self.spec["completions"]:
            return SOME_INDEXES
        policy = self.spec.get("successPolicy")
        rule = matched_rule(policy, self.done_indexes, self.spec["completions"]) if policy else None
        return None if rule is None else Outcome(True, "SuccessPolicy", f"Matched rules at index {rule}")

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
            wanted = min(wanted, completions - self.succeeded - len(self.failed_indexes))
        elif self.succeeded:
            # One has done the work: the others end it, none begins.
            wanted = min(wanted, len(self.active))
        waited_for = len(self.terminating) if self.spec.get("podReplacementPolicy") == "Failed" else 0
        return int(wanted) - len(self.active) - (waited_for if wanted > len(self.active) else 0)

    def free_indexes(self) -> Iterator[int]:
        """Of an Indexed Job: those that no pod works on, or has completed, or waits for, from the lowest."""
        taken = self.done_indexes | self.failed_indexes | {index_of(p) for p in self.active}
        free = (index for index in range(self.spec["completions"]) if index not in taken)
        return (index for index in free if self.index_limit is None or not self.index_backoff_seconds(index))

    def index_failures(self, index: int) -> tuple[int, int]:
        """How often an index that fails for itself has failed: counted, and ignored."""
        ended = [p for p in self.pods if index_of(p) == index and self._is_failure(p)]
        if not ended:
            return 0, 0
        last = max(ended, key=_ended_at)
        counted, ignored = failures_before(last)
        is_ignored = judge(self.job, last)[0] == IGNORE
        return counted + (not is_ignored), ignored + is_ignored

    def index_backoff_seconds(self, index: int) -> float:
        """How long such an index still waits after its last failure."""
        ends = [_ended_at(p) for p in self.pods if index_of(p) == index and self._is_failure(p)]
        return self._left(sum(self.index_failures(index)), max(ends, default=0.0))

    def backoff_seconds(self) -> float:
        """How long after its last failure the Job waits: 10 s, 20 s, 40 s … ten minutes; a success forgives all.

        Where each index fails for itself, each waits for itself: until the next of them is due.
        """
        if self.index_limit is not None:
            waiting = set(range(self.spec["completions"])) - self.done_indexes - self.failed_indexes
            waiting -= {index_of(p) for p in self.active}
            return min((self.index_backoff_seconds(index) for index in waiting), default=0.0)
        return self._left(*self.failures)

    @property
    def failures(self) -> Failures:
        found = self.past
        for at, is_success in sorted((_ended_at(p), _is_success(p)) for p in self.counted):
            found = NONE if is_success else Failures(found.in_a_row + 1, at)
        return found

    def _left(self, failures: int, since: float) -> float:
        if not failures:
            return 0.0
        delay = min(BACKOFF_SECONDS * 2.0 ** min(failures - 1, 10), BACKOFF_SECONDS_MAX)
        return max(0.0, since + delay - self.now)

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


def _is_uncounted(pod: Obj) -> bool:
    return FINALIZER in (pod["metadata"].get("finalizers") or ())


def _is_success(pod: Obj) -> bool:
    return bool(pod.get("status", {}).get("phase") == "Succeeded")


def _ended_at(pod: Obj) -> float:
    statuses = pod.get("status", {}).get("containerStatuses") or ()
    ends = [t["finishedAt"] for s in statuses if (t := s.get("state", {}).get("terminated")) and t.get("finishedAt")]
    meta = pod["metadata"]
    return max(map(parse_time, ends), default=parse_time(meta.get("deletionTimestamp") or meta["creationTimestamp"]))
