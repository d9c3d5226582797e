"""Can a cluster take a storm? What the scenario needs, held against facts about the cluster. Pure.

Only a certain lack is *unmet*. What nobody could find out is *untold*: it reads neither as there nor as missing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import groupby
from operator import itemgetter, or_
from typing import Any

from chaos.defenses import strip
from chaos.faults import registry
from chaos.manifests import Manifest, Manifests, Obj, items, mapping, number, pod_labels, pod_spec
from chaos.marked import dig
from chaos.needs import DEFAULT, ENFORCEMENT_TRIAL, NOTHING, TARGET, Needs
from chaos.nodes import HOSTNAME, ZONE
from chaos.rights import handed_out
from chaos.scenario import Scenario
from chaos.selectors import matches

Classes = Mapping[str, bool]
"""Name -> is it the default."""

WATCHED = (
    "pods",
    "nodes",
    "events",
    "endpointslices.discovery.k8s.io",
    "deployments.apps",
    "poddisruptionbudgets.policy",
    "horizontalpodautoscalers.autoscaling",
)
# What every run does, whatever its storm: namespaces of its own, pods that make the load, and watching.
RUN = Needs(
    permissions=frozenset(
        {
            *(f"{verb} {what}" for verb in ("list", "watch") for what in WATCHED),
            *(f"{verb} namespaces" for verb in ("create", "delete", "get", "list")),
            *(f"{verb} pods" for verb in ("create", "delete", "get")),
            "create configmaps",
            "get pods/log",
        }
    ),
    wished=frozenset({"list storageclasses.storage.k8s.io", "list ingressclasses.networking.k8s.io"}),
)
MONITORING = Needs(permissions=frozenset({"get services", "get services/proxy"}))
# Whatever belongs to no namespace does not go with one: a run deletes it itself.
CLUSTER_SCOPED = (
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "IngressClass",
    "PersistentVolume",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
)
_LEGACY_INGRESS_CLASS = "kubernetes.io/ingress.class"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a cluster. None stands for what could not be found out."""

    kubernetes: str
    nodes: Mapping[str, str] | None
    """The nodes that take pods, each with its zone ("" for one that names none)."""
    metrics: bool
    storage: Classes | None
    ingress: Classes | None
    forbidden: frozenset[str]
    """The permissions that were asked about and that we do not have."""
    enforced: bool | None = None
    """Whether NetworkPolicies stop packets."""

    @property
    def zones(self) -> set[str]:
        return {zone for zone in (self.nodes or {}).values() if zone}


def needs(scenario: Scenario, manifests: Manifests, only: Sequence[str] = ()) -> Needs:
    """What a scenario asks of a cluster, for the variants `only`, or all of them."""
    kind, names = registry[scenario.fault_name], list(only) or list(scenario.variants)
    stripped = [strip(manifests, scenario.variants[name].strip) for name in names]
    objects = [obj for variant in stripped for obj in variant]
    target = next((_resource(obj) for obj in objects if obj.ref == scenario.workload.target), TARGET)
    asks = replace(kind.asks, permissions=frozenset(p.replace(TARGET, target) for p in kind.asks.permissions))
    # A node of its own for each variant, and one for the load.
    apart = Needs(nodes=len(names) + 1) if scenario.isolation == "node" else NOTHING
    watched = MONITORING if scenario.monitoring else NOTHING
    granted = Needs(handed_out=frozenset().union(*map(handed_out, stripped)))
    found = reduce(or_, (_of_object(obj, kind.tries) for obj in objects), RUN | asks | apart | watched | granted)
    return found | Needs(wished=ENFORCEMENT_TRIAL) if found.enforcement else found


def _of_object(manifest: Manifest, tries: Sequence[str]) -> Needs:
    verbs = ("create", "delete", "get") if manifest.kind in CLUSTER_SCOPED else ("create",)
    made = Needs(permissions=frozenset(f"{verb} {_resource(manifest)}" for verb in verbs))
    found = made | _claims(manifest.data)
    found |= _places(manifest.data) if manifest.is_workload else NOTHING
    return found | _TRIED[manifest.kind](manifest.data) if manifest.kind in tries else found


def _resource(manifest: Manifest) -> str:
    """As a permission names it: "deployments.apps"."""
    group, _, _ = str(manifest.data.get("apiVersion", "")).rpartition("/")
    return plural(manifest.kind.lower()) + (f".{group}" if group else "")


def plural(kind: str) -> str:
    """As the resources of Kubernetes' own kinds are named."""
    if kind.endswith("y") and kind[-2] not in "aeiou":
        return f"{kind[:-1]}ies"
    return f"{kind}es" if kind.endswith(("ss", "x", "ch")) else kind if kind.endswith("s") else f"{kind}s"


def _claims(data: Obj) -> Needs:
    """The classes of the claims that an object makes; a claim of the class "" takes a volume that is there."""
    specs = [mapping(data, "spec")] if data.get("kind") == "PersistentVolumeClaim" else []
    specs += [mapping(claim, "spec") for claim in items(data, "spec", "volumeClaimTemplates")]
    volumes = items(pod_spec(data), "volumes")
    specs += [mapping(v, "ephemeral", "volumeClaimTemplate", "spec") for v in volumes if "ephemeral" in v]
    names = (spec.get("storageClassName") for spec in specs)
    return Needs(storage=frozenset(DEFAULT if name is None else str(name) for name in names if name != ""))


def _places(data: Obj) -> Needs:
    """How many nodes and zones it takes to schedule all replicas, by what is required and not just preferred."""
    return Needs(nodes=max(1, _domains(data, HOSTNAME)), zones=_domains(data, ZONE))


def _domains(data: Obj, key: str) -> int:
    spec, labels = pod_spec(data), pod_labels(data)
    replicas = number(data, "spec", "replicas", default=1)
    terms = items(spec, "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    if any(term.get("topologyKey") == key and matches(term.get("labelSelector"), labels) for term in terms):
        return replicas
    spread = [c for c in items(spec, "topologySpreadConstraints") if c.get("topologyKey") == key]
    hard = [c for c in spread if c.get("whenUnsatisfiable", "DoNotSchedule") == "DoNotSchedule"]
    return max((_spread_over(constraint, replicas) for constraint in hard), default=0)


def _spread_over(constraint: Obj, replicas: int) -> int:
    """With fewer domains than minDomains, each takes no more than maxSkew pods."""
    skew = max(1, number(constraint, "maxSkew", default=1))
    return min(number(constraint, "minDomains", default=1), -(-replicas // skew))


def _ingress_class(data: Obj) -> Needs:
    """An annotation of old names a controller's class, which need not be an object."""
    if _LEGACY_INGRESS_CLASS in mapping(data, "metadata", "annotations"):
        return NOTHING
    return Needs(ingress=frozenset({str(dig(data, "spec", "ingressClassName") or DEFAULT)}))


def _measured(data: Obj) -> Needs:
    """Which metrics an autoscaler reads; one that names none reads the processor's."""
    metrics = items(data, "spec", "metrics")
    return Needs(metrics=not metrics or any(m.get("type") in ("Resource", "ContainerResource") for m in metrics))


_TRIED: dict[str, Callable[[Obj], Needs]] = {
    "NetworkPolicy": lambda _: Needs(enforcement=True),
    "Ingress": _ingress_class,
    "HorizontalPodAutoscaler": _measured,
}


def unmet(asked: Needs, facts: Facts) -> list[str]:
    """What the cluster certainly lacks, each in one line; empty for a cluster that may take the storm."""
    return [*_room(asked, facts), *_services(asked, facts), *_forbidden(asked, facts)]


def _room(asked: Needs, facts: Facts) -> Iterator[str]:
    if facts.nodes is None:
        return
    if len(facts.nodes) < asked.nodes:
        yield f"it needs {asked.nodes} nodes that take pods, and the cluster has {len(facts.nodes)}"
    if len(facts.zones) < asked.zones:
        yield f"it needs nodes in {asked.zones} zones (label {ZONE}), and the cluster has {len(facts.zones)}"


def _services(asked: Needs, facts: Facts) -> Iterator[str]:
    if asked.metrics and not facts.metrics:
        yield "its autoscaler reads metrics.k8s.io, and the cluster does not serve it (metrics-server does)"
    yield from _classes("storage", asked.storage, facts.storage)
    yield from _classes("ingress", asked.ingress, facts.ingress)
    if asked.enforcement and facts.enforced is False:
        yield "the cluster does not enforce NetworkPolicies; that takes a network plugin that does"


def _classes(what: str, asked: frozenset[str], there: Classes | None) -> Iterator[str]:
    if there is None:
        return
    for name in sorted(asked):
        if name == DEFAULT and not any(there.values()):
            yield f"it asks for the default {what} class, and none is the default"
        elif name != DEFAULT and name not in there:
            yield f"it asks for {what} class {name}, and there is {', '.join(sorted(there)) or 'none'}"


def _forbidden(asked: Needs, facts: Facts) -> Iterator[str]:
    if missing := asked.permissions & facts.forbidden:
        yield f"you may not {spoken(missing)}"


def spoken(permissions: Iterable[str]) -> str:
    """Verb by verb: `create namespaces, pods; patch nodes`."""
    by_verb = groupby(sorted(p.split(" ", 1) for p in permissions), key=itemgetter(0))
    return "; ".join(f"{verb} {', '.join(what for _, what in same)}" for verb, same in by_verb)


def untold(asked: Needs, facts: Facts) -> list[str]:
    """What a storm needs and nobody knows to be there, each in one line."""
    traced, granted = asked.without_endpoints & facts.forbidden, asked.handed_out & facts.forbidden
    unknown: dict[str, Any] = {
        "how many nodes take pods": facts.nodes is None,
        "which storage classes there are": asked.storage and facts.storage is None,
        "which ingress classes there are": asked.ingress and facts.ingress is None,
        "whether NetworkPolicies are enforced": asked.enforcement and facts.enforced is None,
        f"whether the app can be hurt without permission to {spoken(traced)}": traced,
        f"whether you may grant what you may not do yourself ({spoken(granted)})": granted,
    }
    return [f"{what} is not known" for what, so in unknown.items() if so]
