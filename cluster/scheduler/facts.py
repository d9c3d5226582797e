"""What scheduling asks of pods and nodes, read once from their objects; totals of a node follow its pods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cluster.client import Obj
from cluster.objects import controller_of, is_going, labels_of
from cluster.quantity import millis, parse_quantity, to_bytes
from cluster.selectors import matches_selector

Amounts = dict[str, int]
"""Resources by name: cpu in thousandths, everything else in whole units."""

Port = tuple[str, str, int]
"""Host address, protocol, number."""

_KINDS = ("containers", "initContainers")
# What a pod without requests counts for when nodes are compared (never when they are filtered).
USUAL_CPU_MILLIS = 100
USUAL_MEMORY_BYTES = 200 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One term of pod affinity or anti-affinity, complete with the namespaces it looks into."""

    topology_key: str
    selector: Mapping[str, Any] | None
    namespaces: frozenset[str]
    namespace_selector: Mapping[str, Any] | None
    weight: int = 1

    def matches(self, pod: "PodFacts", namespaces: Mapping[str, Mapping[str, str]]) -> bool:
        """Whether the term means that pod; `namespaces` gives the labels of each namespace."""
        in_scope = pod.namespace in self.namespaces or (
            self.namespace_selector is not None
            and matches_selector(self.namespace_selector, namespaces.get(pod.namespace, {}))
        )
        return in_scope and matches_selector(self.selector, pod.labels)


@dataclass(frozen=True)
class PodFacts:
    """A pod as the scheduler sees it."""

    obj: Obj

    @cached_property
    def uid(self) -> str:
        return str(self.obj["metadata"]["uid"])

    @cached_property
    def namespace(self) -> str:
        return str(self.obj["metadata"].get("namespace", ""))

    @cached_property
    def labels(self) -> dict[str, str]:
        return labels_of(self.obj)

    @property
    def spec(self) -> Obj:
        spec: Obj = self.obj["spec"]
        return spec

    @cached_property
    def going(self) -> bool:
        return is_going(self.obj)

    @cached_property
    def priority(self) -> int:
        return int(self.spec.get("priority") or 0)

    @cached_property
    def owner(self) -> str:
        """The uid of the controller; pods with the same one are replicas of each other."""
        return str((controller_of(self.obj) or {}).get("uid", ""))

    @cached_property
    def requests(self) -> Amounts:
        return requests_of(_held(self.obj))

    @cached_property
    def usual(self) -> tuple[int, int]:
        """Cpu and memory for comparing nodes: what is requested, else the usual."""
        cpu, memory = self.requests.get("cpu"), self.requests.get("memory")
        return cpu or USUAL_CPU_MILLIS, memory or USUAL_MEMORY_BYTES

    @cached_property
    def ports(self) -> frozenset[Port]:
        containers = self.spec["containers"]
        offered = [p for c in containers for p in c.get("ports") or () if p.get("hostPort")]
        return frozenset((p.get("hostIP") or "0.0.0.0", p.get("protocol", "TCP"), p["hostPort"]) for p in offered)  # noqa: S104 - compared, not listened on

    @cached_property
    def tolerations(self) -> Sequence[Obj]:
        return self.spec.get("tolerations") or ()

    @cached_property
    def affinity(self) -> Sequence[Term]:
        return self._terms("podAffinity", required=True)

    @cached_property
    def anti_affinity(self) -> Sequence[Term]:
        return self._terms("podAntiAffinity", required=True)

    @cached_property
    def preferences(self) -> Sequence[Term]:
        """Preferred terms; those of anti-affinity with negative weight."""
        against = self._terms("podAntiAffinity", required=False)
        return [*self._terms("podAffinity", required=False), *(_negated(t) for t in against)]

    def _terms(self, kind: str, *, required: bool) -> list[Term]:
        rules = (self.spec.get("affinity") or {}).get(kind) or {}
        if required:
            return [self._term(t, 1) for t in rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ()]
        weighted = rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        return [self._term(w["podAffinityTerm"], w["weight"]) for w in weighted]

    def _term(self, term: Obj, weight: int) -> Term:
        anywhere = term.get("namespaceSelector")
        named = frozenset(term.get("namespaces") or ([] if anywhere is not None else [self.namespace]))
        return Term(
            topology_key=term["topologyKey"],
            selector=self.selector(term),
            namespaces=named,
            namespace_selector=anywhere,
            weight=weight,
        )

    def selector(self, term: Obj) -> Obj | None:
        """The labelSelector of a term or constraint, with the pod's own values of its (mis)matchLabelKeys."""
        selector: Obj | None = term.get("labelSelector")
        keys = [(k, "In") for k in term.get("matchLabelKeys") or ()]
        keys += [(k, "NotIn") for k in term.get("mismatchLabelKeys") or ()]
        added = [{"key": k, "operator": o, "values": [self.labels[k]]} for k, o in keys if k in self.labels]
        if selector is None or not added:
            return selector
        return {**selector, "matchExpressions": [*(selector.get("matchExpressions") or ()), *added]}


@dataclass
class NodeFacts:
    """A node with the pods on it and what they take of it."""

    obj: Obj
    pods: dict[str, PodFacts] = field(default_factory=dict)
    """By uid."""
    taken: Amounts = field(default_factory=dict)
    usual_cpu: int = 0
    usual_memory: int = 0

    def __post_init__(self) -> None:
        self.renew(self.obj)

    def renew(self, obj: Obj) -> None:
        """Take over a newer version of the node's object."""
        self.obj = obj
        self.name = str(obj["metadata"]["name"])
        self.labels = labels_of(obj)
        self.allocatable = amounts((obj.get("status") or {}).get("allocatable") or {})
        self.taints: Sequence[Obj] = (obj.get("spec") or {}).get("taints") or ()

    def copy(self) -> "NodeFacts":
        """The same node, to try something with."""
        return NodeFacts(self.obj, dict(self.pods), dict(self.taken), self.usual_cpu, self.usual_memory)

    def add(self, pod: PodFacts) -> None:
        """A pod came to the node, or changed there."""
        self.remove(pod.uid)
        self.pods[pod.uid] = pod
        self._count(pod, 1)

    def remove(self, uid: str) -> None:
        if pod := self.pods.pop(uid, None):
            self._count(pod, -1)

    def _count(self, pod: PodFacts, sign: int) -> None:
        for name, amount in pod.requests.items():
            self.taken[name] = self.taken.get(name, 0) + sign * amount
        self.usual_cpu += sign * pod.usual[0]
        self.usual_memory += sign * pod.usual[1]


def amounts(quantities: Mapping[str, Any]) -> Amounts:
    return {name: millis(q) if name == "cpu" else to_bytes(q) for name, q in quantities.items()}


def requests_of(spec: Obj) -> Amounts:
    """What a pod takes of its node: its containers and sidecars together, or its hungriest init container if more.

    Source: the Kubernetes page on init containers, and KEP-753 for sidecars.
    """
    running = _sum([amounts(_requests(c)) for c in spec["containers"]])
    hungriest: Amounts = {}
    sidecars: Amounts = {}
    for container in spec.get("initContainers") or ():
        wanted = _sum([amounts(_requests(container)), sidecars])
        if container.get("restartPolicy") == "Always":
            sidecars = wanted
        hungriest = _max(hungriest, wanted)
    return _sum([_max(_sum([running, sidecars]), hungriest), amounts(spec.get("overhead") or {})])


def _held(pod: Obj) -> Obj:
    """The spec of a pod, each container with the most of what it asks for, was granted and still has (KEP-1287)."""
    spec: Obj = pod["spec"]
    status = pod.get("status") or {}
    known = {s["name"]: s for kind in ("containerStatuses", "initContainerStatuses") for s in status.get(kind) or ()}
    if not known:
        return spec
    changed = {kind: [_largest(c, known.get(c["name"], {})) for c in spec.get(kind) or ()] for kind in _KINDS}
    return {**spec, **changed}


def _largest(container: Obj, status: Obj) -> Obj:
    wanted = _requests(container)
    present = [status.get("allocatedResources") or {}, _requests(status)]
    if all(found in ({}, wanted) for found in present):
        return container
    most = wanted
    for found in present:
        most = {name: _more(most.get(name), found.get(name)) for name in {*most, *found}}
    return {**container, "resources": {**(container.get("resources") or {}), "requests": most}}


def _more(one: str | None, other: str | None) -> str:
    return max((q for q in (one, other) if q is not None), key=parse_quantity)


def _requests(container: Obj) -> Obj:
    requests: Obj = (container.get("resources") or {}).get("requests") or {}
    return requests


def _sum(many: Sequence[Amounts]) -> Amounts:
    names = {name for amounts in many for name in amounts}
    return {name: sum(amounts.get(name, 0) for amounts in many) for name in names}


def _max(a: Amounts, b: Amounts) -> Amounts:
    return {name: max(a.get(name, 0), b.get(name, 0)) for name in {*a, *b}}


def _negated(term: Term) -> Term:
    return Term(
        topology_key=term.topology_key,
        selector=term.selector,
        namespaces=term.namespaces,
        namespace_selector=term.namespace_selector,
        weight=-term.weight,
    )
