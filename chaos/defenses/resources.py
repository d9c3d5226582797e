"""Requests and limits: how much a container is promised, and where it is stopped.

Effective values are meant, as the API server fills them in: a limit without a request is also the request, and a
LimitRange of the namespace gives defaults to containers that say nothing.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from chaos.defenses.amounts import Side, effective, range_defaults, write
from chaos.defenses.headroom import HEADROOM
from chaos.defenses.kind import Check, Defense, Item, Rule
from chaos.judging.ceiling import NO_CEILING_TIMES
from chaos.judging.resources import judge
from chaos.manifests import (
    Container,
    Manifest,
    Manifests,
    Obj,
    changed,
    containers,
    each_container,
    items,
    mapping,
    number,
    of_kind,
    workloads,
)
from chaos.quantity import parse

RESOURCES = ("cpu", "memory")

# What a small web service gets until somebody has measured it.
FIRST_GUESS: dict[Side, dict[str, str]] = {
    "requests": {"cpu": "100m", "memory": "128Mi"},
    "limits": {"cpu": "500m", "memory": "128Mi"},
}

MISSING: dict[Side, Rule] = {
    "requests": Rule(
        "request-missing",
        "The scheduler packs nodes by requests alone: what asks for nothing is placed anywhere and is killed first.",
        "Set resources.requests for cpu and memory to what the container uses under real traffic.",
    ),
    "limits": Rule(
        "limit-missing",
        "Without a limit one container can take the whole node, and the kernel then kills whoever is largest.",
        "Set resources.limits: memory a little above the measured peak, cpu where a neighbour must not suffer.",
    ),
}
CEILING = Rule(
    "autoscaler-unbounded",
    "An autoscaler buys whatever the traffic asks for, a crawler's and a bug's too; the bill has no other limit.",
    f"Set spec.maxReplicas to what you are ready to pay for, at most {NO_CEILING_TIMES} times spec.minReplicas.",
)
# What people write who do not want to think about it.
_ABSURD = 1000
UNREADABLE = Rule(
    "quantity-unreadable",
    "The API server refuses the object, so nothing is deployed.",
    "Write quantities like 250m, 0.5, 64Mi or 1Gi.",
)
REQUEST_OVER_LIMIT = Rule(
    "request-over-limit",
    "The API server refuses a container that is promised more than it may use.",
    "Raise the limit to the request, or lower the request.",
)


def _checks(side: Side) -> Callable[[Manifests], Iterator[Check]]:
    def checks(manifests: Manifests) -> Iterator[Check]:
        for workload in workloads(manifests):
            defaults = range_defaults(manifests, workload.namespace, side)
            for container in containers(workload.data):
                values = effective(container.spec, side, defaults)
                for resource in RESOURCES:
                    yield from _check(workload, container, side, resource, values.get(resource))
                if side == "limits":
                    yield from _over_limit(workload, container)

    return checks


def _check(workload: Manifest, container: Container, side: Side, resource: str, value: Any) -> Iterator[Check]:
    amount = parse(value)
    unreadable = value is not None and (amount is None or amount < 0)
    single = side.removesuffix("s")
    yield Check(
        rule=UNREADABLE if unreadable else MISSING[side],
        manifest=workload,
        ok=amount is not None and amount > 0,
        what=f"{resource} {single} {value!r} is no quantity" if unreadable else f"no {resource} {single}",
        path=(*container.path, "resources", side, resource),
        container=container.name,
        fixable=not unreadable,
    )


def _over_limit(workload: Manifest, container: Container) -> Iterator[Check]:
    for resource, limit, request in _both(container.spec):
        if request > limit:
            resources = mapping(container.spec, "resources")
            yield Check(
                rule=REQUEST_OVER_LIMIT,
                manifest=workload,
                ok=False,
                what=f"{resource} request {resources['requests'][resource]}, limit {resources['limits'][resource]}",
                path=(*container.path, "resources", "requests", resource),
                container=container.name,
            )


def _both(container: Obj) -> Iterator[tuple[str, Decimal, Decimal]]:
    """The resources of which a container has a positive request and limit: name, limit, request."""
    for resource in RESOURCES:
        limit = parse(mapping(container, "resources", "limits").get(resource))
        request = parse(mapping(container, "resources", "requests").get(resource))
        if limit and request:
            yield resource, limit, request


def strip_requests(manifests: Manifests) -> Manifests:
    """Nothing is promised. Where a limit stays, the request is an explicit 0: left out, it would equal the limit."""

    def strip(container: Container) -> None:
        kept = {k: v for k, v in mapping(container.spec, "resources", "requests").items() if k not in RESOURCES}
        limited = mapping(container.spec, "resources", "limits")
        write(container.spec, "requests", {**kept, **{r: "0" for r in RESOURCES if r in limited}})

    return _strip_namespace(each_container(manifests, strip), "requests")


def strip_limits(manifests: Manifests) -> Manifests:
    """Nothing is stopped. A request that came from the limit is written out, so that only the limit goes."""

    def strip(container: Container) -> None:
        limits = mapping(container.spec, "resources", "limits")
        requests = mapping(container.spec, "resources", "requests")
        implied = {r: limits[r] for r in RESOURCES if r in limits and r not in requests}
        write(container.spec, "requests", {**implied, **requests})
        write(container.spec, "limits", {k: v for k, v in limits.items() if k not in RESOURCES})
        _drop_zeros(container.spec)

    return _strip_namespace(each_container(manifests, strip), "limits")


def _drop_zeros(container: Obj) -> None:
    """An explicit 0 has done its work once the limit is gone."""
    requests = mapping(container, "resources", "requests")
    kept = {k: v for k, v in requests.items() if k not in RESOURCES or parse(v) != 0}
    if kept != requests:
        write(container, "requests", kept)


def _strip_namespace(manifests: Manifests, side: Side) -> Manifests:
    """Defaults and quotas of the namespace: the one would give back what was stripped, the other refuse every pod."""

    def strip(data: Obj) -> None:
        if data.get("kind") == "LimitRange":
            for entry in items(data, "spec", "limits"):
                _strip_range(entry, side)
        elif data.get("kind") == "ResourceQuota":
            hard = mapping(data, "spec", "hard")
            for key in [k for k in hard if k.startswith(f"{side}.") or (side == "requests" and k in RESOURCES)]:
                del hard[key]

    return tuple(changed(m, strip) if m.kind in ("LimitRange", "ResourceQuota") else m for m in manifests)


def _strip_range(entry: Obj, side: Side) -> None:
    if entry.get("type") != "Container":
        return
    limits = {**mapping(entry, "max"), **mapping(entry, "default")}
    if side == "requests":
        entry.pop("min", None)
        entry.pop("defaultRequest", None)
        requests: Obj = dict.fromkeys(limits, "0")
    else:
        requests = {k: v for k, v in {**limits, **mapping(entry, "defaultRequest")}.items() if parse(v) != 0}
        for key in ("default", "max", "defaultRequest"):
            entry.pop(key, None)
    if requests:
        entry["defaultRequest"] = requests


def _fix(side: Side) -> Callable[[Manifests], Manifests]:
    def fix(manifests: Manifests) -> Manifests:
        return tuple(_fixed(m, side, range_defaults(manifests, m.namespace, side)) for m in manifests)

    return fix


def _fixed(manifest: Manifest, side: Side, defaults: dict[str, Any]) -> Manifest:
    def fix(data: Obj) -> None:
        for container in containers(data):
            _fill(container.spec, side, effective(container.spec, side, defaults))

    return changed(manifest, fix) if manifest.is_workload else manifest


def _fill(container: Obj, side: Side, values: dict[str, Any]) -> None:
    absent = [r for r in RESOURCES if values.get(r) is None or parse(values[r]) == 0]
    if absent:
        guess = {r: FIRST_GUESS[side][r] for r in absent}
        write(container, side, {**mapping(container, "resources", side), **guess})
    for resource, limit, request in list(_both(container)):
        if request > limit:
            wanted = mapping(container, "resources")
            # What was written by hand stays; only our own guess gives way.
            smaller = side == "requests" and resource in absent
            source, target = ("limits", "requests") if smaller else ("requests", "limits")
            wanted[target][resource] = wanted[source][resource]


def _ceilings(manifests: Manifests) -> Iterator[Check]:
    for autoscaler in of_kind(manifests, "HorizontalPodAutoscaler"):
        most = number(autoscaler.data, "spec", "maxReplicas", default=0)
        yield Check(
            rule=CEILING,
            manifest=autoscaler,
            ok=0 < most <= _bearable(autoscaler.data),
            what=f"up to {most} replicas from {_least(autoscaler.data)}",
            path=("spec", "maxReplicas"),
            fixable=isinstance(autoscaler.data.get("spec"), dict),
        )


def _least(autoscaler: Obj) -> int:
    return max(1, number(autoscaler, "spec", "minReplicas", default=1))


def _bearable(autoscaler: Obj) -> int:
    return NO_CEILING_TIMES * _least(autoscaler)


def _with_ceiling(manifests: Manifests, most: Callable[[Obj], int]) -> Manifests:
    def change(autoscaler: Obj) -> None:
        if isinstance(spec := autoscaler.get("spec"), dict):
            spec["maxReplicas"] = most(autoscaler)

    return tuple(changed(m, change) if m.kind == "HorizontalPodAutoscaler" else m for m in manifests)


def strip_ceiling(manifests: Manifests) -> Manifests:
    """Autoscalers may buy as many pods as they like."""
    return _with_ceiling(manifests, lambda a: max(_ABSURD, _bearable(a) + 1))


def fix_ceiling(manifests: Manifests) -> Manifests:
    return _with_ceiling(
        manifests, lambda a: min(_bearable(a), number(a, "spec", "maxReplicas", default=0) or _bearable(a))
    )


RESOURCE_DEFENSE = Defense(
    name="resources",
    title="Resource requests and limits",
    items=(
        Item(name="requests", checks=_checks("requests"), strip=strip_requests, fix=_fix("requests")),
        Item(name="limits", checks=_checks("limits"), strip=strip_limits, fix=_fix("limits")),
        Item(name="ceiling", checks=_ceilings, strip=strip_ceiling, fix=fix_ceiling),
        HEADROOM,
    ),
    judge=judge,
)
