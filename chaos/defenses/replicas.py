"""More than one of everything, spread out, a budget for drains, and rollouts that keep the old until the new serves."""

from collections.abc import Iterator
from math import ceil
from typing import Any

from chaos.defenses.kind import Check, Defense, Item, Rule
from chaos.judging.replicas import judge
from chaos.manifests import (
    Manifest,
    Manifests,
    Obj,
    Selecting,
    by_selector,
    changed,
    each_workload,
    grouped,
    items,
    made,
    mapping,
    number,
    of_kind,
    pod_labels,
    pod_spec,
    pod_spec_path,
    put,
    remembered,
    selecting,
)
from chaos.marked import dig
from chaos.selectors import matches

SCALED = ("Deployment", "StatefulSet")
SPREAD_KEYS = ("kubernetes.io/hostname", "topology.kubernetes.io/zone")

SINGLE = Rule(
    "single-replica",
    "The only replica goes with its node, its upgrade or its crash, and the service with it.",
    "Set spec.replicas (or the autoscaler's minReplicas) to 2 or more.",
)
NO_BUDGET = Rule(
    "disruption-budget-missing",
    "Without a PodDisruptionBudget a drain may evict every replica at the same time.",
    "Add one PodDisruptionBudget whose selector matches the pod template, with maxUnavailable: 1.",
)
TWO_BUDGETS = Rule(
    "two-disruption-budgets",
    "The eviction API answers 500 for a pod that two budgets select, and the drain never ends.",
    "Keep exactly one PodDisruptionBudget for each pod.",
)
BLOCKING_BUDGET = Rule(
    "disruption-budget-blocks",
    "A budget that allows no disruption at full health blocks every drain until somebody deletes it.",
    "Allow at least one: maxUnavailable: 1, or minAvailable below the number of replicas.",
)
ALL_AT_ONCE = Rule(
    "rollout-takes-all",
    "A rollout that removes every old pod before a new one is Ready is an outage, and a bad revision a long one.",
    "Use strategy RollingUpdate with maxUnavailable: 0 and maxSurge: 1.",
)
NOT_SPREAD = Rule(
    "not-spread",
    "Replicas on one node or in one zone die together.",
    "Add topologySpreadConstraints over kubernetes.io/hostname (and the zone) that select the pod's own labels.",
)


def scaled(manifests: Manifests) -> list[Manifest]:
    return of_kind(manifests, *SCALED)


@remembered
def _autoscalers(manifests: Manifests) -> dict[tuple[str, str, str], list[Manifest]]:
    def key(scaler: Manifest) -> tuple[str, str, str]:
        target = mapping(scaler.data, "spec", "scaleTargetRef")
        return str(target.get("kind")), str(target.get("name")), scaler.namespace

    return grouped(of_kind(manifests, "HorizontalPodAutoscaler"), lambda m: [key(m)])


def autoscaler_of(workload: Manifest, manifests: Manifests) -> Manifest | None:
    return next(iter(_autoscalers(manifests).get((workload.kind, workload.name, workload.namespace), ())), None)


def floor(workload: Manifest, manifests: Manifests) -> int:
    """The fewest replicas there are meant to be; an autoscaler overrides what the workload says, unset means 1."""
    scaler = autoscaler_of(workload, manifests)
    if scaler is not None:
        return number(scaler.data, "spec", "minReplicas", default=1)
    return number(workload.data, "spec", "replicas", default=1)


def budgets_of(workload: Manifest, manifests: Manifests) -> list[Manifest]:
    return selecting(_budgets(manifests), _selector, workload)


def _selector(budget: Obj) -> Any:
    return dig(budget, "spec", "selector")


@remembered
def _budgets(manifests: Manifests) -> Selecting:
    return by_selector(of_kind(manifests, "PodDisruptionBudget"), _selector)


def disruptions_allowed(budget: Obj, replicas: int) -> int:
    """How many of `replicas` healthy pods may be evicted. Percentages round up, as the controller's do."""
    spec = mapping(budget, "spec")
    if "maxUnavailable" in spec:
        return min(replicas, _of(spec["maxUnavailable"], replicas))
    return max(0, replicas - _of(spec.get("minAvailable", 1), replicas))


def _of(value: Any, replicas: int) -> int:
    if isinstance(value, int):
        return int(value)
    percent = str(value).removesuffix("%")
    return ceil(int(percent) * replicas / 100) if percent.isdecimal() and len(percent) < 5 else 0


def _count(manifests: Manifests) -> Iterator[Check]:
    for workload in scaled(manifests):
        replicas = floor(workload, manifests)
        scaler = autoscaler_of(workload, manifests)
        yield Check(
            rule=SINGLE,
            manifest=scaler or workload,
            ok=replicas >= 2,
            what=f"{replicas} replica" + ("" if replicas == 1 else "s"),
            path=("spec", "minReplicas" if scaler else "replicas"),
        )


def _budget(manifests: Manifests) -> Iterator[Check]:
    for workload in scaled(manifests):
        budgets = budgets_of(workload, manifests)
        if len(budgets) > 1:
            both = "selected by " + " and ".join(b.name for b in budgets)
            yield Check(rule=TWO_BUDGETS, manifest=workload, ok=False, what=both, fixable=False)
        else:
            what, labelled = "no PodDisruptionBudget selects its pods", bool(pod_labels(workload.data))
            yield Check(rule=NO_BUDGET, manifest=workload, ok=bool(budgets), what=what, fixable=labelled)
        replicas = floor(workload, manifests)
        for budget in budgets:
            if disruptions_allowed(budget.data, replicas) < 1:
                what = f"allows no disruption of {replicas} replica{'s' * (replicas != 1)} of {workload.ref}"
                yield Check(rule=BLOCKING_BUDGET, manifest=budget, ok=False, what=what, path=("spec",))


def _spread(manifests: Manifests) -> Iterator[Check]:
    for workload in scaled(manifests):
        yield Check(
            rule=NOT_SPREAD,
            manifest=workload,
            ok=is_spread(workload.data),
            what="nothing keeps its pods apart",
            path=pod_spec_path(workload.data),
            fixable=bool(pod_labels(workload.data) and pod_spec(workload.data)),
        )


def is_spread(data: Obj) -> bool:
    """By topology spread or by anti-affinity, over nodes or zones, selecting its own labels."""
    spec, labels = pod_spec(data), pod_labels(data)
    terms = items(spec, "topologySpreadConstraints")
    anti = mapping(spec, "affinity", "podAntiAffinity")
    terms += items(anti, "requiredDuringSchedulingIgnoredDuringExecution")
    weighted = items(anti, "preferredDuringSchedulingIgnoredDuringExecution")
    terms += [mapping(term, "podAffinityTerm") for term in weighted]
    return any(t.get("topologyKey") in SPREAD_KEYS and matches(t.get("labelSelector"), labels) for t in terms)


def _rollout(manifests: Manifests) -> Iterator[Check]:
    """Of what has replicas; a single pod that must never run twice has no other way than Recreate."""
    for workload in of_kind(manifests, "Deployment"):
        replicas = floor(workload, manifests)
        if replicas >= 2:
            what = f"a rollout may take all {replicas} replicas at once"
            path = ("spec", "strategy") if mapping(workload.data, "spec", "strategy") else ("spec",)
            yield Check(
                rule=ALL_AT_ONCE, manifest=workload, ok=keeps_some(workload.data, replicas), what=what, path=path
            )


def keeps_some(data: Obj, replicas: int) -> bool:
    """Whether a rollout leaves at least one old pod; of percentages, rounded down as the controller does."""
    strategy = mapping(data, "spec", "strategy")
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return False
    unavailable = mapping(strategy, "rollingUpdate").get("maxUnavailable", "25%")
    if isinstance(unavailable, int):
        return unavailable < replicas
    percent = str(unavailable).removesuffix("%")
    return percent.isdecimal() and len(percent) < 5 and int(percent) * replicas // 100 < replicas


def strip_count(manifests: Manifests) -> Manifests:
    def strip(data: Obj) -> None:
        if data.get("kind") in SCALED:
            data["spec"] = {**mapping(data, "spec"), "replicas": 1}
        elif number(data, "spec", "minReplicas", default=1) > 1:
            data["spec"]["minReplicas"] = 1

    return tuple(
        changed(m, strip) if m.kind in (*SCALED, "HorizontalPodAutoscaler") and floor_is_high(m) else m
        for m in manifests
    )


def floor_is_high(manifest: Manifest) -> bool:
    key = "replicas" if manifest.kind in SCALED else "minReplicas"
    return number(manifest.data, "spec", key, default=1) > 1


def strip_budget(manifests: Manifests) -> Manifests:
    return tuple(m for m in manifests if m.kind != "PodDisruptionBudget")


def strip_spread(manifests: Manifests) -> Manifests:
    def strip(data: Obj) -> None:
        spec = pod_spec(data)
        spec.pop("topologySpreadConstraints", None)
        affinity = mapping(spec, "affinity")
        affinity.pop("podAntiAffinity", None)
        if not affinity:
            spec.pop("affinity", None)

    return each_workload(manifests, strip)


def strip_rollout(manifests: Manifests) -> Manifests:
    def strip(data: Obj) -> None:
        data["spec"] = {**mapping(data, "spec"), "strategy": {"type": "Recreate"}}

    return tuple(changed(m, strip) if m.kind == "Deployment" else m for m in manifests)


def fix_count(manifests: Manifests) -> Manifests:
    low = {(w.kind, w.namespace, w.name) for w in scaled(manifests) if floor(w, manifests) < 2}
    scalers = {id(s) for w in scaled(manifests) if (s := autoscaler_of(w, manifests))}

    def fix(data: Obj) -> None:
        key = "replicas" if data.get("kind") in SCALED else "minReplicas"
        data["spec"] = {**mapping(data, "spec"), key: max(2, number(data, "spec", key, default=1))}

    return tuple(changed(m, fix) if (m.kind, m.namespace, m.name) in low or id(m) in scalers else m for m in manifests)


def fix_budget(manifests: Manifests) -> Manifests:
    """One evictable pod at a time, for each workload that has no budget; a budget that blocks is loosened to that."""
    blocking = {
        id(b)
        for w in scaled(manifests)
        for b in budgets_of(w, manifests)
        if disruptions_allowed(b.data, floor(w, manifests)) < 1
    }
    manifests = tuple(changed(m, _loosen) if id(m) in blocking else m for m in manifests)
    for workload in scaled(manifests):
        if pod_labels(workload.data) and not budgets_of(workload, manifests):
            taken = {(b.namespace, b.name) for b in of_kind(manifests, "PodDisruptionBudget")}
            twin = (workload.namespace, workload.name) in taken
            name = f"{workload.name}-{workload.kind.lower()}" if twin else workload.name
            manifests = put(manifests, made(_new_budget(workload, name), workload))
    return manifests


def _loosen(data: Obj) -> None:
    data["spec"].pop("minAvailable", None)
    data["spec"]["maxUnavailable"] = 1


def _new_budget(workload: Manifest, name: str) -> Obj:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": own_labels(workload.data)}},
    }


def own_labels(data: Obj) -> dict[str, str]:
    """The labels by which a workload knows its pods."""
    labels = pod_labels(data)
    selector = {str(k): str(v) for k, v in mapping(data, "spec", "selector", "matchLabels").items()}
    return selector if selector and selector.items() <= labels.items() else labels


def fix_spread(manifests: Manifests) -> Manifests:
    def fix(data: Obj) -> None:
        spec = pod_spec(data)
        if data.get("kind") in SCALED and spec and not is_spread(data):
            spec["topologySpreadConstraints"] = [
                *items(spec, "topologySpreadConstraints"),
                *({**_apart(key), "labelSelector": {"matchLabels": own_labels(data)}} for key in SPREAD_KEYS),
            ]

    return each_workload(manifests, fix)


def fix_rollout(manifests: Manifests) -> Manifests:
    bad = {id(check.manifest) for check in _rollout(manifests) if not check.ok}

    def fix(data: Obj) -> None:
        rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
        data["spec"] = {**mapping(data, "spec"), "strategy": rolling}

    return tuple(changed(m, fix) if id(m) in bad else m for m in manifests)


def _apart(key: str) -> Obj:
    return {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway"}


REPLICAS = Defense(
    name="replicas",
    title="Replicas, spread, disruption budgets and rollouts",
    items=(
        Item(name="count", checks=_count, strip=strip_count, fix=fix_count),
        Item(name="disruption-budget", checks=_budget, strip=strip_budget, fix=fix_budget),
        Item(name="spread", checks=_spread, strip=strip_spread, fix=fix_spread),
        Item(name="rollout", checks=_rollout, strip=strip_rollout, fix=fix_rollout),
    ),
    judge=judge,
)
