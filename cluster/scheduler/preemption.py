"""Whom a pod may push off a node, and from which node. Pure.

All pods of lower priority are taken off in thought; if the pod then fits, they are put back one by one, those first
whose budget (PodDisruptionBudget) would be broken and then the more important ones, and who does not fit any more must
go. Of the nodes the one is chosen where least is lost. Source: the Kubernetes page on pod priority and preemption, and
kube-scheduler's order of choice.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from cluster.client import Obj
from cluster.scheduler.facts import NodeFacts, PodFacts
from cluster.scheduler.filters import Refusal
from cluster.selectors import matches_selector
from cluster.timestamps import parse_time

Fits = Callable[[Sequence[NodeFacts], NodeFacts], bool]
"""(all nodes, one of them) -> whether the pod could be there."""

_LOWEST = 2**31


@dataclass(frozen=True, slots=True)
class Sacrifice:
    """Who has to go from a node, the most important first, and how many of them against their budget."""

    node: str
    victims: tuple[PodFacts, ...]
    violations: int


def choose(
    pod: PodFacts,
    nodes: Sequence[NodeFacts],
    refused: Mapping[str, Refusal],
    fits: Fits,
    budgets: Sequence[Obj],
) -> Sacrifice | None:
    """The smallest sacrifice that makes room for the pod; None where none would."""
    hopeful = [node for node in nodes if node.name in refused and not refused[node.name].final]
    found = [s for node in hopeful if (s := sacrifice(pod, nodes, node, fits, budgets)) is not None]
    return min(found, key=_loss, default=None)


def sacrifice(
    pod: PodFacts, nodes: Sequence[NodeFacts], node: NodeFacts, fits: Fits, budgets: Sequence[Obj]
) -> Sacrifice | None:
    """What this node would have to give up."""
    lower = sorted((p for p in node.pods.values() if p.priority < pod.priority), key=_importance)
    trial = node.copy()
    world = [trial if other is node else other for other in nodes]
    for one in lower:
        trial.remove(one.uid)
    if not lower or not fits(world, trial):
        return None
    protected = _protected(lower, budgets)
    victims = []
    for one in sorted(lower, key=lambda p: (p.uid not in protected, _importance(p))):
        trial.add(one)
        if not fits(world, trial):
            trial.remove(one.uid)
            victims.append(one)
    broken = sum(one.uid in protected for one in victims)
    return Sacrifice(node.name, tuple(sorted(victims, key=_importance)), broken)


def _protected(pods: Iterable[PodFacts], budgets: Sequence[Obj]) -> frozenset[str]:
    """The uids of those that cannot go without breaking a budget, if all before them go."""
    left = [int((budget.get("status") or {}).get("disruptionsAllowed", 0)) for budget in budgets]
    found = set()
    for pod in pods:
        for i, budget in enumerate(budgets):
            if _covers(budget, pod):
                left[i] -= 1
                if left[i] < 0:
                    found.add(pod.uid)
    return frozenset(found)


def _covers(budget: Obj, pod: PodFacts) -> bool:
    selector = budget["spec"].get("selector")
    same = budget["metadata"]["namespace"] == pod.namespace
    return same and bool(selector) and matches_selector(selector, pod.labels)


def _importance(pod: PodFacts) -> tuple[float, ...]:
    """Sorts higher priorities first, and those that have run longer."""
    return -pod.priority, _started(pod)


def _started(pod: PodFacts) -> float:
    started = (pod.obj.get("status") or {}).get("startTime")
    return parse_time(started) if started else float("inf")


def _loss(found: Sacrifice) -> tuple[object, ...]:
    """Broken budgets, the highest priority lost, all priorities lost, pods lost, and how long the best of them ran."""
    highest = max((v.priority for v in found.victims), default=-_LOWEST)
    total = sum(v.priority + _LOWEST for v in found.victims)
    oldest = min((_started(v) for v in found.victims if v.priority == highest), default=float("inf"))
    return found.violations, highest, total, len(found.victims), -oldest, found.node
