"""Probes: readiness keeps users away from a pod that cannot serve, liveness ends one that never will again.

Readiness is asked of containers that a Service sends traffic to, liveness of everything that is meant to run for ever;
Jobs end by themselves and need neither.
"""

from collections.abc import Iterator
from typing import Any

from chaos.defenses.kind import Check, Defense, Item, Rule
from chaos.judging.health_checks import judge
from chaos.manifests import (
    RUN_TO_END,
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
    pod_spec,
    services_of,
    workloads,
)
from chaos.marked import dig, plain

PROBES = ("readinessProbe", "livenessProbe", "startupProbe")
HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")

READINESS_MISSING = Rule(
    "readiness-missing",
    "Without a readiness probe a pod gets traffic as soon as its process exists, and goes on getting it when hung.",
    "Add a readinessProbe that goes the way a request goes.",
)
LIVENESS_MISSING = Rule(
    "liveness-missing",
    "Without a liveness probe a deadlocked process stays Running for ever; nothing restarts it.",
    "Add a livenessProbe, slower to lose patience than readiness and blind to dependencies.",
)
STARTUP_MISSING = Rule(
    "startup-missing",
    "A liveness probe that begins at once kills an application that is only slow to start, again and again.",
    "Add a startupProbe (or livenessProbe.initialDelaySeconds) that covers the slowest start.",
)
PORT_UNDECLARED = Rule(
    "probe-port-undeclared",
    "A probe of a port name that the container does not declare can never pass.",
    "Name a port of this container, or give the number.",
)
LIVENESS_HASTY = Rule(
    "liveness-as-hasty-as-readiness",
    "When both probes ask the same and liveness gives up no later, a pod that waits for another is killed for it.",
    "Ask for liveness what the process can answer alone, or give it a longer periodSeconds x failureThreshold.",
)
TCP_ONLY = Rule(
    "probe-tcp-only",
    "The kernel accepts connections for a process whose every thread hangs, so a TCP probe stays green.",
    "Ask over HTTP, gRPC or exec, on the path that requests take.",
)


def traffic_containers(workload: Manifest, manifests: Manifests) -> list[Container]:
    """The containers that some Service's port leads to."""
    serving = [c for c in containers(workload.data) if c.role != "init"]
    targets = [
        port.get("targetPort", port.get("port"))
        for service in services_of(workload, manifests)
        for port in items(service.data, "spec", "ports")
    ]
    hit = [c for c in serving if any(_declares(c, target) for target in targets)]
    # A Service may lead to a port that nobody declares: then any of the pod's own containers may be meant.
    return hit or ([c for c in serving if c.role == "container"] if targets else [])


def _declares(container: Container, port: Any) -> bool:
    return any(port in (p.get("name"), p.get("containerPort")) for p in items(container.spec, "ports"))


def runs_for_ever(data: Obj) -> bool:
    if data.get("kind") in RUN_TO_END:
        return False
    return data.get("kind") != "Pod" or pod_spec(data).get("restartPolicy", "Always") == "Always"


def patience_seconds(probe: Obj) -> int:
    """How long a probe may fail before it counts."""
    return number(probe, "periodSeconds", default=10) * number(probe, "failureThreshold", default=3)


def handler(probe: Obj) -> Obj:
    return {key: probe[key] for key in HANDLERS if key in probe}


def _readiness(manifests: Manifests) -> Iterator[Check]:
    for workload in workloads(manifests):
        for container in traffic_containers(workload, manifests) if runs_for_ever(workload.data) else ():
            yield _presence(READINESS_MISSING, workload, container, "readinessProbe")
        for container in containers(workload.data):
            yield from _oddities(workload, container, "readinessProbe")


def _liveness(manifests: Manifests) -> Iterator[Check]:
    for workload in workloads(manifests):
        for container in containers(workload.data):
            if runs_for_ever(workload.data) and container.role != "init":
                yield _presence(LIVENESS_MISSING, workload, container, "livenessProbe")
            yield from _oddities(workload, container, "livenessProbe")


def _independence(manifests: Manifests) -> Iterator[Check]:
    for workload in workloads(manifests):
        for container in containers(workload.data):
            yield from _hasty(workload, container)


def _startup(manifests: Manifests) -> Iterator[Check]:
    for workload in workloads(manifests):
        for container in containers(workload.data):
            liveness = mapping(container.spec, "livenessProbe")
            if liveness:
                yield Check(
                    rule=STARTUP_MISSING,
                    manifest=workload,
                    ok=bool(mapping(container.spec, "startupProbe"))
                    or number(liveness, "initialDelaySeconds", default=0) > 0,
                    what="a livenessProbe that begins at once",
                    path=(*container.path, "livenessProbe"),
                    container=container.name,
                    fixable=bool(handler(liveness)),
                )
            yield from _oddities(workload, container, "startupProbe")


def _presence(rule: Rule, workload: Manifest, container: Container, probe: str) -> Check:
    return Check(
        rule=rule,
        manifest=workload,
        ok=bool(handler(mapping(container.spec, probe))),
        what=f"no {probe}",
        path=(*container.path, probe),
        container=container.name,
        fixable=bool(_borrowed(container.spec)),
    )


def _oddities(workload: Manifest, container: Container, name: str) -> Iterator[Check]:
    probe = mapping(container.spec, name)
    ports = [dig(probe, kind, "port") for kind in ("httpGet", "tcpSocket") if kind in probe]
    declared = {p.get("name") for p in items(container.spec, "ports")}
    path = (*container.path, name)
    for port in ports:
        if isinstance(port, str) and not port.isdigit() and port not in declared:
            what = f"{name} asks port {port!r}, which the container does not declare"
            yield _odd(PORT_UNDECLARED, workload, container, what, path)
    if "tcpSocket" in probe and name != "startupProbe":
        yield _odd(TCP_ONLY, workload, container, f"{name} only opens a connection", path)


def _odd(rule: Rule, workload: Manifest, container: Container, what: str, path: tuple[str | int, ...]) -> Check:
    return Check(rule=rule, manifest=workload, ok=False, what=what, path=path, container=container.name, fixable=False)


def _hasty(workload: Manifest, container: Container) -> Iterator[Check]:
    readiness, liveness = mapping(container.spec, "readinessProbe"), mapping(container.spec, "livenessProbe")
    if not handler(readiness) or not handler(liveness):
        return
    yield Check(
        rule=LIVENESS_HASTY,
        manifest=workload,
        ok=not _is_hasty(readiness, liveness),
        what=f"liveness gives up after {patience_seconds(liveness)}s, readiness after {patience_seconds(readiness)}s",
        path=(*container.path, "livenessProbe"),
        container=container.name,
    )


def _is_hasty(readiness: Obj, liveness: Obj) -> bool:
    return handler(readiness) == handler(liveness) and patience_seconds(liveness) <= patience_seconds(readiness)


def _strip(probe: str) -> Any:
    def strip(manifests: Manifests) -> Manifests:
        return each_container(manifests, lambda container: container.spec.pop(probe, None))

    return strip


def strip_startup(manifests: Manifests) -> Manifests:
    """No startup probe, and no initial delay of liveness that would do its work."""

    def strip(container: Container) -> None:
        container.spec.pop("startupProbe", None)
        mapping(container.spec, "livenessProbe").pop("initialDelaySeconds", None)

    return each_container(manifests, strip)


def strip_independence(manifests: Manifests) -> Manifests:
    """Liveness copied from readiness, as is often done: it asks what readiness asks, and gives up as soon."""

    def strip(container: Container) -> None:
        readiness, liveness = mapping(container.spec, "readinessProbe"), mapping(container.spec, "livenessProbe")
        if handler(readiness) and handler(liveness):
            # The API refuses a liveness probe that has to succeed more than once.
            container.spec["livenessProbe"] = {k: v for k, v in plain(readiness).items() if k != "successThreshold"}

    return each_container(manifests, strip)


def _borrowed(container: Obj) -> Obj:
    """How to ask this container: as another of its probes does, else by the first port it declares."""
    for probe in PROBES:
        if found := handler(mapping(container, probe)):
            return plain(found)
    ports = [p["containerPort"] for p in items(container, "ports") if isinstance(p.get("containerPort"), int)]
    return {"tcpSocket": {"port": ports[0]}} if ports else {}


def fix_readiness(manifests: Manifests) -> Manifests:
    def fixed(manifest: Manifest) -> Manifest:
        if not manifest.is_workload or not runs_for_ever(manifest.data):
            return manifest
        paths = {container.path for container in traffic_containers(manifest, manifests)}
        return changed(manifest, lambda data: _add_readiness(data, paths))

    return tuple(fixed(m) for m in manifests)


def _add_readiness(data: Obj, paths: set[tuple[str | int, ...]]) -> None:
    for container in containers(data):
        asked = _borrowed(container.spec)
        if container.path in paths and asked and not handler(mapping(container.spec, "readinessProbe")):
            container.spec["readinessProbe"] = {**asked, "periodSeconds": 5, "timeoutSeconds": 2, "failureThreshold": 2}


def fix_liveness(manifests: Manifests) -> Manifests:
    def fix(data: Obj) -> None:
        for container in containers(data):
            if container.role != "init" and runs_for_ever(data):
                _add_liveness(container.spec)

    return tuple(changed(m, fix) if m.is_workload else m for m in manifests)


def _add_liveness(container: Obj) -> None:
    asked = _borrowed(container)
    if asked and not handler(mapping(container, "livenessProbe")):
        container["livenessProbe"] = {**asked, "periodSeconds": 10, "timeoutSeconds": 2, "failureThreshold": 3}


def fix_independence(manifests: Manifests) -> Manifests:
    """Twice readiness' patience, when both ask the same. What else to ask, only the app's owner knows."""

    def fix(container: Container) -> None:
        readiness, liveness = mapping(container.spec, "readinessProbe"), mapping(container.spec, "livenessProbe")
        if handler(readiness) and _is_hasty(readiness, liveness):
            period = max(1, number(liveness, "periodSeconds", default=10))
            liveness["failureThreshold"] = 2 * patience_seconds(readiness) // period + 1

    return each_container(manifests, fix)


def fix_startup(manifests: Manifests) -> Manifests:
    def fix(container: Container) -> None:
        liveness = mapping(container.spec, "livenessProbe")
        covered = mapping(container.spec, "startupProbe") or number(liveness, "initialDelaySeconds", default=0) > 0
        if handler(liveness) and not covered:
            container.spec["startupProbe"] = {**plain(handler(liveness)), "periodSeconds": 2, "failureThreshold": 30}

    return each_container(manifests, fix)


HEALTH_CHECKS = Defense(
    name="health-checks",
    title="Health checks that tell the truth",
    items=(
        Item(name="readiness", checks=_readiness, strip=_strip("readinessProbe"), fix=fix_readiness),
        Item(name="liveness", checks=_liveness, strip=_strip("livenessProbe"), fix=fix_liveness),
        Item(name="independence", checks=_independence, strip=strip_independence, fix=fix_independence),
        Item(name="startup", checks=_startup, strip=strip_startup, fix=fix_startup),
    ),
    judge=judge,
)
