"""Which changes of pods may help one that fitted nowhere: kube-scheduler's queueing hints (KEP-4247). Pure.

Trying a pod again for nothing costs it time: each try doubles how long it waits for the next.
"""

from collections.abc import Iterable, Mapping

from cluster.objects import Key
from cluster.scheduler.affinity import FAR_FROM_FRIENDS, NEAR_FOES, UNWELCOME
from cluster.scheduler.facts import PodFacts
from cluster.scheduler.filters import NO_PORTS, TOO_MANY
from cluster.scheduler.spread import UNEVEN
from cluster.scheduler.volumes import IN_USE
from cluster.volumes import claim_names

Namespaces = Mapping[str, Mapping[str, str]]


def may_help(
    waiting: PodFacts, reasons: Iterable[str], changed: PodFacts, namespaces: Namespaces, *, gone: bool
) -> bool:
    """`reasons` are those for which nodes refused the waiting pod; the changed one came to a node, or has `gone`."""
    return any(_helps(reason, waiting, changed, namespaces, gone=gone) for reason in reasons)


def claim_may_help(waiting: PodFacts, changed: Key) -> bool:
    """Whether it mounts the claim that came or changed."""
    return changed.namespace == waiting.namespace and changed.name in claim_names(waiting.obj)


def volume_may_help(waiting: PodFacts, reasons: Iterable[str]) -> bool:
    """Whether a volume or a class that came or changed may: not where all that is wrong is who else has the claim."""
    return bool(claim_names(waiting.obj)) and set(reasons) != set(IN_USE.reasons)


def _helps(reason: str, waiting: PodFacts, changed: PodFacts, namespaces: Namespaces, *, gone: bool) -> bool:
    if reason in FAR_FROM_FRIENDS.reasons:
        return not gone and any(term.matches(changed, namespaces) for term in waiting.affinity)
    if reason == UNEVEN:
        return changed.namespace == waiting.namespace
    return gone and _frees(reason, waiting, changed, namespaces)


def _frees(reason: str, waiting: PodFacts, changed: PodFacts, namespaces: Namespaces) -> bool:
    if reason in NEAR_FOES.reasons:
        return any(term.matches(changed, namespaces) for term in waiting.anti_affinity)
    if reason in UNWELCOME.reasons:
        return any(term.matches(waiting, namespaces) for term in changed.anti_affinity)
    if reason in IN_USE.reasons:
        return changed.namespace == waiting.namespace
    if reason == NO_PORTS:
        return bool(changed.ports)
    return reason == TOO_MANY or bool(changed.requests.get(reason.removeprefix("Insufficient ")))
