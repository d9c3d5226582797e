"""Topology spread: how evenly the replicas of a pod lie over zones and nodes. Pure.

Source: the Kubernetes page on topology spread constraints; KEP-3022 (minDomains), KEP-3094 (inclusion policies),
KEP-3243 (matchLabelKeys).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cluster.client import Obj
from cluster.scheduler.facts import NodeFacts, PodFacts
from cluster.scheduler.filters import Filter, Refusal, matches_node
from cluster.selectors import matches_selector
from cluster.taints import is_tolerated

UNEVEN = "node(s) didn't match pod topology spread constraints"
UNLABELLED = f"{UNEVEN} (missing required label)"

# What kube-scheduler does for pods without constraints of their own: spread loosely.
DEFAULTS: Sequence[tuple[str, int]] = (("kubernetes.io/hostname", 3), ("topology.kubernetes.io/zone", 5))


@dataclass(frozen=True, slots=True)
class Spread:
    """One constraint, with how many matching pods each of its domains has now."""

    key: str
    max_skew: int
    counts: Mapping[str, int]
    counts_itself: bool
    min_domains: int = 1

    def refuse(self, node: NodeFacts) -> Refusal | None:
        domain = node.labels.get(self.key)
        if domain is None:
            return Refusal((UNLABELLED,), final=True)
        fewest = min(self.counts.values(), default=0) if len(self.counts) >= self.min_domains else 0
        skew = self.counts.get(domain, 0) + self.counts_itself - fewest
        return Refusal((UNEVEN,), final=False) if skew > self.max_skew else None


def spread_filters(pod: PodFacts, nodes: Sequence[NodeFacts]) -> list[Filter]:
    """One filter for each constraint that must hold (DoNotSchedule)."""
    return [_filter(spread) for spread in _spreads(pod, nodes, "DoNotSchedule")]


def spread_scores(pod: PodFacts, nodes: Sequence[NodeFacts], feasible: Sequence[NodeFacts]) -> dict[str, float]:
    """0 to 100 by node name, for the constraints that should hold (ScheduleAnyway), or for the defaults."""
    spreads = _spreads(pod, nodes, "ScheduleAnyway")
    if not pod.spec.get("topologySpreadConstraints") and pod.owner:
        spreads = _default_spreads(pod, nodes)
    # A node without one of the labels is no domain: it gets nothing.
    counted = [n for n in feasible if all(s.key in n.labels for s in spreads)]
    if not spreads or not counted:
        return dict.fromkeys((n.name for n in feasible), 0.0)
    crowding = {n.name: sum(_crowding(s, n, counted) for s in spreads) for n in counted}
    return _evenness(feasible, crowding)


def _spreads(pod: PodFacts, nodes: Sequence[NodeFacts], unsatisfiable: str) -> list[Spread]:
    all_constraints: Sequence[Obj] = pod.spec.get("topologySpreadConstraints") or ()
    constraints = [c for c in all_constraints if c["whenUnsatisfiable"] == unsatisfiable]
    keys = {c["topologyKey"] for c in constraints}
    labelled = [n for n in nodes if keys <= n.labels.keys()]
    return [_spread(pod, constraint, labelled) for constraint in constraints]


def _spread(pod: PodFacts, constraint: Obj, nodes: Sequence[NodeFacts]) -> Spread:
    selector, key = pod.selector(constraint), constraint["topologyKey"]
    counts: dict[str, int] = {}
    for node in nodes:
        if _takes_part(pod, constraint, node):
            domain = node.labels[key]
            counts[domain] = counts.get(domain, 0) + sum(_counts(other, pod, selector) for other in node.pods.values())
    itself = matches_selector(selector, pod.labels)
    return Spread(key, constraint["maxSkew"], counts, itself, constraint.get("minDomains") or 1)


def _takes_part(pod: PodFacts, constraint: Obj, node: NodeFacts) -> bool:
    if constraint.get("nodeAffinityPolicy", "Honor") == "Honor" and not matches_node(pod, node):
        return False
    if constraint.get("nodeTaintsPolicy", "Ignore") == "Ignore":
        return True
    return all(t["effect"] == "PreferNoSchedule" or is_tolerated(t, pod.tolerations) for t in node.taints)


def _counts(other: PodFacts, pod: PodFacts, selector: Obj | None) -> bool:
    return other.namespace == pod.namespace and not other.going and matches_selector(selector, other.labels)


def _default_spreads(pod: PodFacts, nodes: Sequence[NodeFacts]) -> list[Spread]:
    """Replicas of the same controller are kept apart, by node and by zone."""
    siblings = {n.name: sum(o.owner == pod.owner and not o.going for o in n.pods.values()) for n in nodes}
    spreads = []
    for key, max_skew in DEFAULTS:
        counts: dict[str, int] = {}
        for node in nodes:
            if key in node.labels:
                counts[node.labels[key]] = counts.get(node.labels[key], 0) + siblings[node.name]
        # A cluster without zones has no zones to spread over.
        if counts:
            spreads.append(Spread(key, max_skew, counts, counts_itself=True))
    return spreads


def _crowding(spread: Spread, node: NodeFacts, nodes: Sequence[NodeFacts]) -> float:
    """Matching pods in the node's domain, weighted so that few domains do not outweigh many."""
    domains = len({n.labels[spread.key] for n in nodes})
    return spread.counts.get(node.labels[spread.key], 0) * math.log(domains + 2) + spread.max_skew - 1


def _evenness(feasible: Sequence[NodeFacts], crowding: Mapping[str, float]) -> dict[str, float]:
    most, least = max(crowding.values()), min(crowding.values())
    if most == 0:
        return {n.name: 100.0 if n.name in crowding else 0.0 for n in feasible}
    return {n.name: 100.0 * (most + least - crowding[n.name]) / most if n.name in crowding else 0.0 for n in feasible}


def _filter(spread: Spread) -> Filter:
    return lambda _, node: spread.refuse(node)
