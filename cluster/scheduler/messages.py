"""What FailedScheduling says, to the letter of the recordings `schedule-*` and `unschedulable-requests`. Pure."""

from collections import Counter
from collections.abc import Mapping

from cluster.scheduler.filters import Refusal

NO_NODES = "no nodes available to schedule pods"


def unschedulable(total: int, refused: Mapping[str, Refusal]) -> str:
    """Why none of `total` nodes can take the pod, and why removing other pods would not help."""
    if total == 0:
        return NO_NODES
    hopeless = sum(refusal.final for refusal in refused.values())
    victims = {
        "No preemption victims found for incoming pod": len(refused) - hopeless,
        "Preemption is not helpful for scheduling": hopeless,
    }
    return (
        f"0/{total} nodes are available: {_reasons(refused)}. no new claims to deallocate, "
        f"preemption: 0/{total} nodes are available: {_listed(victims)}."
    )


def beaten(total: int, refused: Mapping[str, Refusal]) -> str:
    """Why none can take the pod now, where others are going to make room for it."""
    return f"0/{total} nodes are available: {_reasons(refused)}."


def not_eligible(total: int, refused: Mapping[str, Refusal], why: str) -> str:
    """Why none can take the pod, and why nobody is removed for it."""
    return f"{beaten(total, refused)} no new claims to deallocate, preemption: not eligible due to {why}."


def rejected(total: int, why: str) -> str:
    """The pod cannot be scheduled anywhere for a reason of its own (recording `storage-pvc-pending`)."""
    return f"0/{total} nodes are available: {why}. not found"


def _reasons(refused: Mapping[str, Refusal]) -> str:
    return _listed(Counter(reason for refusal in refused.values() for reason in refusal.reasons))


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items() if count))
