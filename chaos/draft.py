"""A scenario drafted for somebody's own workload: target, Service and probes are read off its manifests. Pure.

A draft is a start, not a judgement: who its users are and what they are promised, only its owner knows.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

from chaos.faults.kind import FaultKind
from chaos.manifests import Manifest, Manifests, containers, items, mapping, number, services_of, workloads
from chaos.marked import dig
from chaos.problems import InputErrors, Problem, nearest
from loadgen.units import Duration

PATTERNS = {
    "resources": "oomkilled-surprise",
    "rbac": "rbac-blindspot",
    "health-checks": "lying-health-checks",
    "storage": "storage-and-state",
}
# What happens in the network may be put to the test by any defense, and a stolen identity by another than rbac.
PATTERNS_OF_FAULTS = {
    **dict.fromkeys(
        ("rogue-client", "eavesdropper", "latency", "partition", "dns-outage", "lost-service"), "networking-mystery"
    ),
    "container-escape": "rbac-blindspot",
}
TARGETS = ("Deployment", "StatefulSet", "DaemonSet")
PROBES = ("readinessProbe", "startupProbe", "livenessProbe")
# Kubernetes' own defaults: https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
PERIOD, THRESHOLD, GRACE = 10, 3, 30
SHORTEST, LONGEST = Duration(20), Duration(300)
TO_SETTLE = Duration(10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The texts of two files."""

    scenario: str
    locustfile: str


def draft(
    manifests: Manifests,
    fault: FaultKind[Any],
    *,
    name: str,
    target: str = "",
    paths: tuple[str, ...],
    locustfile: str,
) -> Draft:
    """A scenario for `target` ("deployment/shop"; empty: the only workload there is). Raises `InputErrors`.

    `paths` and `locustfile` are where the manifests and the Locust file lie, as the scenario's folder sees them.
    """
    workload = find_target(manifests, target)
    service = _service(workload, manifests)
    defense = fault.exercises[0]
    text = _SCENARIO.format(
        name=name,
        pattern=PATTERNS_OF_FAULTS.get(fault.name) or PATTERNS.get(defense, "all"),
        title=json.dumps(f"{workload.ref} meets {fault.name}"),
        summary=_sentence(fault.summary),
        paths=json.dumps(list(paths)),
        target=workload.ref,
        others=_others(manifests, workload),
        service=service,
        locustfile=json.dumps(locustfile),
        fault_seconds=fault_phase(workload),
        needs=f"  # needs {fault.needs}\n" if fault.needs else "",
        fault=fault.name,
        defense=defense,
    )
    return Draft(scenario=text, locustfile=_LOCUSTFILE.format(path=json.dumps(path_of(workload))))


def find_target(manifests: Manifests, target: str) -> Manifest:
    """Raises `InputErrors` when there is no such workload, or which one is meant is open."""
    found = {m.ref: m for m in workloads(manifests) if m.kind in TARGETS}
    if target in found:
        return found[target]
    if not target and len(found) == 1:
        return next(iter(found.values()))
    if target:
        message = f"no manifest defines {target}{nearest(target, found)}"
    else:
        message = f"holds {len(found)} workloads; say which is the target with --target: {', '.join(sorted(found))}"
    raise InputErrors([Problem(_file(manifests), 0, 0, message)])


def _file(manifests: Manifests) -> str:
    return next((m.file for m in manifests if m.file), "manifests")


def _service(workload: Manifest, manifests: Manifests) -> str:
    with_ports = [s for s in services_of(workload, manifests) if items(s.data, "spec", "ports")]
    if not with_ports:
        message = f"no Service leads to {workload.ref}, so no users can come; add one whose selector picks its pods"
        raise InputErrors([Problem(workload.file, *workload.at(), message)])
    return with_ports[0].name


def path_of(workload: Manifest) -> str:
    """What is sure to answer with 2xx when the workload is well: the path of a probe; "/" without one."""
    asked = (mapping(c.spec, probe, "httpGet").get("path") for probe in PROBES for c in containers(workload.data))
    return next((str(path) for path in asked if path), "/")


def fault_phase(workload: Manifest) -> Duration:
    """Long enough for the slowest probe to lose patience, and for what follows from it."""
    slowest = max((seconds for seconds in _patience(workload)), default=0)
    wanted = slowest + TO_SETTLE.seconds
    return Duration(min(max(wanted, SHORTEST.seconds), LONGEST.seconds))


def _patience(workload: Manifest) -> Iterator[int]:
    grace = dig(workload.data, "spec", "template", "spec", "terminationGracePeriodSeconds")
    for container in containers(workload.data):
        for name in ("readinessProbe", "livenessProbe"):
            if probe := mapping(container.spec, name):
                tried = number(probe, "periodSeconds", default=PERIOD) * number(
                    probe, "failureThreshold", default=THRESHOLD
                )
                yield tried + (0 if name == "readinessProbe" else grace if isinstance(grace, int) else GRACE)


def _others(manifests: Manifests, target: Manifest) -> str:
    others = [m.ref for m in workloads(manifests) if m.kind in TARGETS and m.ref != target.ref]
    return f"\n  # whoever has no part in serving {target.ref}: bystanders: {json.dumps(others)}" if others else ""


def _sentence(summary: str) -> str:
    return summary[:1].upper() + summary[1:].rstrip(".") + "."


_SCENARIO = dedent("""\
    scenario: {name}
    pattern: {pattern}
    title: {title}
    lesson: |
      {summary}
      Say here what your team is to learn from it.
    workload:
      manifests: {paths}
      target: {target}{others}
    load:
      service: {service}
      locustfile: {locustfile}
      arrivals: 20/s
      timeout: 1s
    # What your users are promised; it must hold before the fault, or nothing is proven.
    steady_state: {{availability: ">= 99%", p95: "<= 300ms"}}
    # The fault lasts as long as the slowest probe needs to lose patience, and ten seconds more.
    phases: {{baseline: 10s, fault: {fault_seconds}, recovery: 20s}}
    fault:
    {needs}  {fault}: {{}}
    defenses: [{defense}]
    variants:
      undefended: {{strip: [{defense}]}}
      defended: {{}}
    expect:
      undefended: {{{defense}: broke}}
      defended: {{{defense}: held}}
    """)

_LOCUSTFILE = dedent('''\
    """Your users, until you describe them better: everyone asks for one page."""

    from locust import FastHttpUser, task


    class Visitor(FastHttpUser):
        @task
        def visit(self) -> None:
            self.client.get({path})
    ''')
