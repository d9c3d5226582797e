"""Which of the nodes that can take a pod is best. Pure; ties are broken by the chance that is passed in.

The plugins and weights of kube-scheduler's default profile, but for image locality: every node has every image.
"""

import random
from collections.abc import Mapping, Sequence

from cluster.client import Obj
from cluster.scheduler.affinity import Namespaces, affinity_scores
from cluster.scheduler.facts import NodeFacts, PodFacts
from cluster.scheduler.filters import matches_term
from cluster.scheduler.spread import spread_scores
from cluster.taints import is_tolerated

Scores = Mapping[str, float]
"""0 to 100 by node name."""


def best(
    pod: PodFacts,
    nodes: Sequence[NodeFacts],
    feasible: Sequence[NodeFacts],
    namespaces: Namespaces,
    chance: random.Random,
) -> NodeFacts:
    """The node with the highest sum of weighted scores; `feasible` must not be empty."""
    if len(feasible) == 1:
        return feasible[0]
    weighted: Sequence[tuple[int, Scores]] = (
        (3, _tolerance(pod, feasible)),
        (2, _preference(pod, feasible)),
        (2, spread_scores(pod, nodes, feasible)),
        (2, affinity_scores(pod, nodes, feasible, namespaces)),
        (1, {n.name: least_allocated(pod, n) for n in feasible}),
        (1, {n.name: balance(pod, n) for n in feasible}),
    )
    totals = {n.name: sum(weight * int(scores[n.name]) for weight, scores in weighted) for n in feasible}
    most = max(totals.values())
    return chance.choice([n for n in feasible if totals[n.name] == most])


def least_allocated(pod: PodFacts, node: NodeFacts) -> float:
    """The free share of cpu and memory, with the pod on the node."""
    cpu, memory = _shares(pod, node)
    return 100.0 * ((1 - cpu) + (1 - memory)) / 2


def balance(pod: PodFacts, node: NodeFacts) -> float:
    """How near the used shares of cpu and memory are to each other."""
    cpu, memory = _shares(pod, node)
    return 100.0 * (1 - abs(cpu - memory) / 2)


def _shares(pod: PodFacts, node: NodeFacts) -> tuple[float, float]:
    cpu = (node.usual_cpu + pod.usual[0]) / max(1, node.allocatable.get("cpu", 0))
    memory = (node.usual_memory + pod.usual[1]) / max(1, node.allocatable.get("memory", 0))
    return min(cpu, 1.0), min(memory, 1.0)


def _tolerance(pod: PodFacts, nodes: Sequence[NodeFacts]) -> Scores:
    """Fewer PreferNoSchedule taints that the pod does not tolerate are better."""
    disliked = {
        n.name: sum(t["effect"] == "PreferNoSchedule" and not is_tolerated(t, pod.tolerations) for t in n.taints)
        for n in nodes
    }
    most = max(disliked.values())
    return {name: 100.0 * (1 - count / most) if most else 100.0 for name, count in disliked.items()}


def _preference(pod: PodFacts, nodes: Sequence[NodeFacts]) -> Scores:
    """The weights of the preferred node affinity terms that match."""
    affinity = (pod.spec.get("affinity") or {}).get("nodeAffinity") or {}
    terms: Sequence[Obj] = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    sums = {n.name: sum(t["weight"] for t in terms if matches_term(t["preference"], n)) for n in nodes}
    most = max(sums.values())
    return {name: 100.0 * value / most if most else 0.0 for name, value in sums.items()}
