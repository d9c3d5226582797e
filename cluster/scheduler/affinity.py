"""Pod affinity and anti-affinity: which pods want each other near, and which do not. Pure.

Anti-affinity works both ways: a pod already there may refuse the one that comes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from cluster.scheduler.facts import NodeFacts, PodFacts, Term
from cluster.scheduler.filters import Filter, Refusal

Namespaces = Mapping[str, Mapping[str, str]]
"""Labels of each namespace by name."""

Domain = tuple[str, str]
"""A topology key and one of its values."""

FAR_FROM_FRIENDS = Refusal(("node(s) didn't match pod affinity rules",), final=True)
NEAR_FOES = Refusal(("node(s) didn't match pod anti-affinity rules",), final=False)
UNWELCOME = Refusal(("node(s) didn't satisfy existing pods anti-affinity rules",), final=False)


def affinity_filters(pod: PodFacts, nodes: Sequence[NodeFacts], namespaces: Namespaces) -> list[Filter]:
    """The filters that this pod needs beside these others; none where nobody has such rules."""
    filters: list[Filter] = []
    if pod.affinity:
        filters.append(_near_friends(pod, nodes, namespaces))
    if pod.anti_affinity:
        foes = _domains_with(pod.anti_affinity, nodes, namespaces)
        filters.append(_outside(foes, NEAR_FOES))
    if unwelcome := _refusing_domains(pod, nodes, namespaces):
        filters.append(_outside(unwelcome, UNWELCOME))
    return filters


def affinity_scores(
    pod: PodFacts, nodes: Sequence[NodeFacts], feasible: Sequence[NodeFacts], namespaces: Namespaces
) -> dict[str, float]:
    """0 to 100 by node name: the preferences of the pod, and of the pods that are there, about each other."""
    weights: dict[Domain, int] = {}
    for domain, weight in _wishes(pod, nodes, namespaces):
        weights[domain] = weights.get(domain, 0) + weight
    sums = {n.name: sum(w for (key, value), w in weights.items() if n.labels.get(key) == value) for n in feasible}
    least, most = min(sums.values()), max(sums.values())
    return {name: 100.0 * (value - least) / (most - least) if most > least else 0.0 for name, value in sums.items()}


def _near_friends(pod: PodFacts, nodes: Sequence[NodeFacts], namespaces: Namespaces) -> Filter:
    """Each term needs a pod in the node's domain that matches all terms; the first of a group may start alone."""
    terms = pod.affinity
    friends = _domains_with_all(terms, nodes, namespaces)
    is_first = not friends and all(term.matches(pod, namespaces) for term in terms)

    def near(_: PodFacts, node: NodeFacts) -> Refusal | None:
        here = [(t.topology_key, node.labels[t.topology_key]) for t in terms if t.topology_key in node.labels]
        if len(here) < len(terms):
            return FAR_FROM_FRIENDS
        return None if is_first or all(domain in friends for domain in here) else FAR_FROM_FRIENDS

    return near


def _outside(domains: set[Domain], refusal: Refusal) -> Filter:
    def outside(_: PodFacts, node: NodeFacts) -> Refusal | None:
        return refusal if any(node.labels.get(key) == value for key, value in domains) else None

    return outside


def _domains_with(terms: Sequence[Term], nodes: Sequence[NodeFacts], namespaces: Namespaces) -> set[Domain]:
    """The domains in which a pod matches any of the terms."""
    return {
        (term.topology_key, node.labels[term.topology_key])
        for term in terms
        for node in nodes
        if term.topology_key in node.labels and any(term.matches(other, namespaces) for other in node.pods.values())
    }


def _domains_with_all(terms: Sequence[Term], nodes: Sequence[NodeFacts], namespaces: Namespaces) -> set[Domain]:
    """The domains in which one pod matches all of the terms."""
    with_friend = [n for n in nodes if any(all(t.matches(o, namespaces) for t in terms) for o in n.pods.values())]
    keys = {term.topology_key for term in terms}
    return {(key, node.labels[key]) for node in with_friend for key in keys if key in node.labels}


def _refusing_domains(pod: PodFacts, nodes: Sequence[NodeFacts], namespaces: Namespaces) -> set[Domain]:
    return {
        (term.topology_key, node.labels[term.topology_key])
        for node in nodes
        for other in node.pods.values()
        for term in other.anti_affinity
        if term.topology_key in node.labels and term.matches(pod, namespaces)
    }


def _wishes(pod: PodFacts, nodes: Sequence[NodeFacts], namespaces: Namespaces) -> Iterator[tuple[Domain, int]]:
    for node in nodes:
        for other in node.pods.values():
            yield from _wanted(pod.preferences, other, node, namespaces)
            yield from _wanted(other.preferences, pod, node, namespaces)


def _wanted(
    terms: Iterable[Term], other: PodFacts, node: NodeFacts, namespaces: Namespaces
) -> Iterator[tuple[Domain, int]]:
    for term in terms:
        if term.topology_key in node.labels and term.matches(other, namespaces):
            yield (term.topology_key, node.labels[term.topology_key]), term.weight
