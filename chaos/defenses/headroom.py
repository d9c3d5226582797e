"""Headroom: a memory limit that leaves room above what the container needs under real traffic.

No manifest knows that peak; somebody has to measure it, and writes it on the pod template:
`peak.seawall.dev/<container>: 80Mi`. Who writes nothing is asked nothing.
"""

from collections.abc import Callable, Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from chaos.defenses.amounts import effective, range_defaults, write
from chaos.defenses.kind import Check, Item, Rule
from chaos.manifests import (
    Container,
    Manifest,
    Manifests,
    Obj,
    changed,
    containers,
    mapping,
    pod_metadata,
    pod_spec_path,
    workloads,
)
from chaos.quantity import parse

PEAK = "peak.seawall.dev/"
ENOUGH = Decimal("1.1")
"""A limit below so many times the peak has no room for a busier day than the one that was measured."""
ROOMY = Decimal("1.25")
TOO_LITTLE = Decimal("0.9")
MEBIBYTE = 2**20

BELOW_PEAK = Rule(
    "limit-below-peak",
    "A limit that real traffic reaches is an OOM kill on the busiest day: exit code 137, and then CrashLoopBackOff.",
    "Set resources.limits.memory to the measured peak and a quarter more.",
)

Choose = Callable[[Obj, Decimal, Decimal], Decimal]
"""A container's new limit, from the container, its limit and its peak."""


def _peaks(data: Obj) -> Iterator[tuple[str, Any, Container | None]]:
    """Every peak that is told: of which container, what is told, and the container if the pod has it."""
    told = {str(key): said for key, said in mapping(pod_metadata(data), "annotations").items()}
    known = {c.name: c for c in containers(data)} if any(key.startswith(PEAK) for key in told) else {}
    for key, said in told.items():
        if key.startswith(PEAK):
            yield key.removeprefix(PEAK), said, known.get(key.removeprefix(PEAK))


def _limit(container: Container, defaults: dict[str, Any]) -> Decimal | None:
    return parse(effective(container.spec, "limits", defaults).get("memory"))


def _checks(manifests: Manifests) -> Iterator[Check]:
    for workload in workloads(manifests):
        for name, said, container in _peaks(workload.data):
            defaults = range_defaults(manifests, workload.namespace, "limits")
            yield from _check(workload, name, said, container, defaults)


def _check(
    workload: Manifest, name: str, said: Any, container: Container | None, defaults: dict[str, Any]
) -> Iterator[Check]:
    peak = parse(said)
    if container is None or peak is None or peak <= 0:
        what = f"peak of {name}, a container that the pod has not" if container is None else f"peak {said!r}"
        path = (*pod_spec_path(workload.data)[:-1], "metadata", "annotations", f"{PEAK}{name}")
        yield Check(rule=BELOW_PEAK, manifest=workload, ok=False, what=what, path=path, container=name, fixable=False)
    # A limit that is missing is another rule's business.
    elif limit := _limit(container, defaults):
        yield Check(
            rule=BELOW_PEAK,
            manifest=workload,
            ok=limit >= ENOUGH * peak,
            what=f"memory limit {_written(limit)}, measured peak {said}",
            path=(*container.path, "resources", "limits", "memory"),
            container=name,
        )


def strip(manifests: Manifests) -> Manifests:
    """Limits as they are sized on a laptop: what the container asks for at rest, and in any case less than its peak."""

    def at_rest(container: Obj, limit: Decimal, peak: Decimal) -> Decimal:
        asked = parse(mapping(container, "resources", "requests").get("memory"))
        return min(limit, asked or limit, _whole(TOO_LITTLE * peak, ROUND_FLOOR))

    return _with_limits(manifests, at_rest)


def fix(manifests: Manifests) -> Manifests:
    def roomy(_: Obj, limit: Decimal, peak: Decimal) -> Decimal:
        return limit if limit >= ENOUGH * peak else _whole(ROOMY * peak, ROUND_CEILING)

    return _with_limits(manifests, roomy)


def _with_limits(manifests: Manifests, choose: Choose) -> Manifests:
    def change(workload: Manifest) -> Manifest:
        defaults = range_defaults(manifests, workload.namespace, "limits")
        return changed(workload, lambda data: _choose(data, defaults, choose))

    return tuple(change(m) if any(_peaks(m.data)) else m for m in manifests)


def _choose(data: Obj, defaults: dict[str, Any], choose: Choose) -> None:
    for _, said, container in _peaks(data):
        peak, limit = parse(said), container and _limit(container, defaults)
        if container and limit and peak and peak > 0 and (wanted := choose(container.spec, limit, peak)) != limit:
            _set_limit(container.spec, wanted)


def _set_limit(container: Obj, limit: Decimal) -> None:
    text = _written(limit)
    write(container, "limits", {**mapping(container, "resources", "limits"), "memory": text})
    requests = mapping(container, "resources", "requests")
    if (parse(requests.get("memory")) or 0) > limit:
        write(container, "requests", {**requests, "memory": text})


def _whole(size: Decimal, rounding: str) -> Decimal:
    """Whole MiB, or whole bytes of what is smaller."""
    unit = Decimal(MEBIBYTE if size >= MEBIBYTE else 1)
    return (size / unit).to_integral_value(rounding) * unit


def _written(size: Decimal) -> str:
    """As people write it: `80Mi`, or bytes."""
    return f"{size // MEBIBYTE}Mi" if size % MEBIBYTE == 0 else str(size.to_integral_value(ROUND_FLOOR))


HEADROOM = Item(name="headroom", checks=_checks, strip=strip, fix=fix)
