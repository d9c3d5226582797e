"""What a scenario means for a cluster: the manifests of each variant. Pure.

Variants differ in what was stripped and in nothing else: the same objects, labels and order, each in a namespace of its
own. Their names, and with `isolation: node` their nodes, are the only further difference there can be.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from chaos import quantity
from chaos.crosscheck import CLUSTER_SCOPED
from chaos.defenses import registry, strip
from chaos.defenses.rbac import BINDINGS
from chaos.guard import EXPIRES_ANNOTATION, ROLE_LABEL, RUN_LABEL, VARIANT_LABEL
from chaos.manifests import Manifest, Manifests, Obj, containers, items, pod_spec
from chaos.marked import dig, plain
from chaos.nodes import HOSTNAME
from chaos.patch import diff
from chaos.scenario import Scenario

MAX_NAME = 63
# How long after a run's planned end its namespaces may be swept away by anybody.
EXPIRY_MARGIN_SECONDS = 600
# What workloads may need to start comes before them.
_LAST = ("Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob")


class PlanRefused(Exception):
    """The cluster cannot take this plan. The message says what it lacks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantPlan:
    """One variant: its namespace and what goes into it, in order."""

    name: str
    namespace: Obj
    objects: tuple[Obj, ...]
    strip: tuple[str, ...]
    node: str
    """The node its pods are bound to; empty without `isolation: node`."""
    advice: dict[str, Any]
    """Defense -> {"findings": […], "patch": …}: what to change should it break."""

    @property
    def namespace_name(self) -> str:
        return str(self.namespace["metadata"]["name"])

    def record(self) -> dict[str, Any]:
        """What `recording.RunStarted.variants` holds of it."""
        return {
            "namespace": self.namespace_name,
            "strip": list(self.strip),
            "node": self.node,
            "advice": self.advice,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All of a run."""

    run: str
    scenario: Scenario
    variants: tuple[VariantPlan, ...]
    load_namespace: Obj
    """Where the load comes from, labelled `seawall.dev/role: load` so that NetworkPolicies can let it in."""


def plan(
    scenario: Scenario,
    manifests: Manifests,
    *,
    run: str,
    now: float,
    nodes: Sequence[str] = (),
    only: Sequence[str] = (),
) -> Plan:
    """The plan of a run at `now` (Unix time). `only` leaves out all other variants.

    `nodes` are the nodes that pods may run on; needed for `isolation: node`. Raises `PlanRefused`, and KeyError for an
    `only` that the scenario does not have.
    """
    names = list(only) or list(scenario.variants)
    bound = _nodes(scenario, names, nodes)
    expires = now + lasts(scenario) + EXPIRY_MARGIN_SECONDS
    return Plan(
        run=run,
        scenario=scenario,
        variants=tuple(_variant(scenario, manifests, run, name, expires, bound.get(name, "")) for name in names),
        load_namespace=namespace_of(run, "load", {ROLE_LABEL: "load"}, expires),
    )


def lasts(scenario: Scenario) -> float:
    """The longest a run may take, in seconds: becoming ready and all phases."""
    phases = scenario.phases
    return sum(d.seconds for d in (scenario.deadline, phases.baseline, phases.fault, phases.recovery))


def namespace_name(run: str, part: str) -> str:
    """`seawall-<run>-<part>`, at most 63 characters; what is too long ends in a hash instead."""
    name = re.sub(r"[^a-z0-9-]+", "-", f"seawall-{run}-{part}".lower()).strip("-")
    if len(name) <= MAX_NAME:
        return name
    digest = sha256(name.encode()).hexdigest()[:8]
    return f"{name[: MAX_NAME - 9].rstrip('-')}-{digest}"


def _nodes(scenario: Scenario, names: Sequence[str], nodes: Sequence[str]) -> dict[str, str]:
    if scenario.isolation != "node":
        return {}
    if len(nodes) < len(names):
        raise PlanRefused(
            f"scenario {scenario.scenario} gives each of its {len(names)} variants a node of its own, and the cluster "
            f"has {len(nodes)} that pods may run on; run fewer at a time with --variant, or add a node"
        )
    return dict(zip(names, sorted(nodes), strict=False))


def _variant(scenario: Scenario, whole: Manifests, run: str, name: str, expires: float, node: str) -> VariantPlan:
    stripped = tuple(scenario.variants[name].strip)
    manifests = strip(whole, stripped)
    namespace = namespace_of(run, name, {VARIANT_LABEL: name}, expires)
    labels = {RUN_LABEL: run, VARIANT_LABEL: name}
    home = next((m.namespace for m in manifests if m.kind not in CLUSTER_SCOPED), "")
    objects = [_placed(m, namespace["metadata"]["name"], labels, node, home) for m in _in_order(manifests, whole)]
    return VariantPlan(
        name=name,
        namespace=namespace,
        objects=tuple(objects),
        strip=stripped,
        node=node,
        advice={d: _advice(d, whole, manifests, stripped) for d in scenario.defenses},
    )


def _in_order(manifests: Manifests, whole: Manifests) -> list[Manifest]:
    """What others need comes first, then workloads by the memory they ask for when nothing is stripped.

    The largest are the hardest to place: last, they may find no node with enough room in one piece.
    """
    asked = {m.ref: sum(_memory(c.spec) for c in containers(m.data)) for m in whole}
    return sorted(manifests, key=lambda m: (m.kind in _LAST, -asked.get(m.ref, 0)))


def _memory(container: Obj) -> Decimal:
    return quantity.parse(dig(container, "resources", "requests", "memory")) or Decimal(0)


def namespace_of(run: str, part: str, labels: dict[str, str], expires: float) -> Obj:
    """A namespace of a run's own, which anybody may sweep away from `expires` (Unix time) on."""
    until = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": namespace_name(run, part),
            "labels": {RUN_LABEL: run, **labels},
            "annotations": {EXPIRES_ANNOTATION: until},
        },
    }


def _placed(manifest: Manifest, namespace: str, labels: dict[str, str], node: str, home: str) -> Obj:
    """The object as it is applied: in its namespace, labelled, and on its node."""
    obj = plain(manifest.data)
    metadata = obj["metadata"]
    if manifest.kind in CLUSTER_SCOPED:
        # Only stripping makes such an object; its name is the variant's own, as its namespace is for all others.
        metadata["name"] = f"{namespace}-{metadata['name']}"
    else:
        metadata["namespace"] = namespace
    metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    if manifest.kind in BINDINGS:
        own = ("", home)
        for subject in items(obj, "subjects"):
            if subject.get("kind") == "ServiceAccount" and subject.get("namespace", "") in own:
                subject["namespace"] = namespace
    if manifest.kind == "Ingress":
        _own_hosts(obj, f"{labels[VARIANT_LABEL]}-{labels[RUN_LABEL]}")
    if node and (spec := pod_spec(obj)):
        spec["nodeSelector"] = {**(spec.get("nodeSelector") or {}), HOSTNAME: node}
    return obj


def _own_hosts(ingress: Obj, label: str) -> None:
    """One ingress serves all variants, so each has hosts of its own, one label deeper."""

    def own(host: str) -> str:
        return f"*.{label}.{host[2:]}" if host.startswith("*.") else f"{label}.{host}"

    for rule in items(ingress, "spec", "rules"):
        if rule.get("host"):
            rule["host"] = own(rule["host"])
    for tls in items(ingress, "spec", "tls"):
        tls["hosts"] = [own(host) for host in tls.get("hosts") or ()]


def _advice(defense: str, whole: Manifests, manifests: Manifests, stripped: tuple[str, ...]) -> dict[str, Any]:
    """What to change if the defense breaks: give back what was stripped, else what a fix can add."""
    kind = registry[defense]
    others = [name for name in stripped if name.partition(".")[0] != defense]
    better = strip(whole, others) if len(others) < len(stripped) else kind.fix(manifests)
    return {"findings": [asdict(finding) for finding in kind.audit(manifests)], "patch": diff(manifests, better)}
