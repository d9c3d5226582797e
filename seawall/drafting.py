"""`new`: a scenario to start from."""

import re
import sys
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path
from typing import Any

import yaml

from chaos import defenses
from chaos.draft import Draft, draft, find_target
from chaos.export import KINDS, as_manifests, belonging
from chaos.faults import FaultKind, registry
from chaos.kube import Kube, Obj, Refused, connect
from chaos.manifests import Manifests
from chaos.problems import InputErrors, Problem, nearest
from chaos.scenario import read
from seawall import exits
from seawall.files import load_manifests

_LIVE = re.compile(r"(deployment|statefulset|daemonset)/[a-z0-9]([-.a-z0-9]*[a-z0-9])?")
_KINDS = {"deployment": "Deployment", "statefulset": "StatefulSet", "daemonset": "DaemonSet"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asked for: manifests, or one live workload."""

    fault: str
    workloads: tuple[str, ...]
    target: str
    context: str
    namespace: str
    name: str
    out: Path


def new(asked: Asked) -> int:
    """Write a scenario, its Locust file, and for a live workload its manifests. Overwrites nothing."""
    fault = _fault(asked.fault)
    live = next((w for w in asked.workloads if _LIVE.fullmatch(w) and not Path(w).exists()), "")
    scenario = asked.out / f"{asked.name or fault.name}.yaml"
    locustfile = scenario.with_name(f"{scenario.stem}_users.py")
    objects = _live_objects(live, asked) if live else []
    exported = scenario.with_name(f"{scenario.stem}-workload.yaml")
    files = [exported] if live else [Path(w) for w in asked.workloads]
    manifests = as_manifests(objects, str(exported)) if live else load_manifests(tuple(files))
    paths = tuple(dict.fromkeys(relpath(m.file, asked.out) for m in manifests))
    target = live or asked.target
    text = draft(manifests, fault, name=scenario.stem, target=target, paths=paths, locustfile=locustfile.name)
    _write(scenario, locustfile, text, {exported: objects} if live else {})
    _tell(scenario, manifests, target, fault)
    return exits.MET


def _fault(name: str) -> FaultKind[Any]:
    if name not in registry:
        raise InputErrors([Problem("new", 0, 0, f"there is no fault {name!r}{nearest(name, registry)}")])
    return registry[name]


def _live_objects(live: str, asked: Asked) -> list[Obj]:
    """Only reads."""
    kube = connect(asked.context)
    kind, _, name = live.partition("/")
    target = kube.get(kube.path("apps/v1", _KINDS[kind], asked.namespace, name))
    around = [obj for kind, version in KINDS.items() for obj in _all(kube, version, kind, asked.namespace)]
    return belonging(around, {"apiVersion": "apps/v1", "kind": _KINDS[kind], **target})


def _all(kube: Kube, version: str, kind: str, namespace: str) -> list[Obj]:
    """None of a kind that the cluster does not know or does not show to us; what is missing shows when it is run."""
    try:
        return kube.list(kube.path(version, kind, namespace))
    except Refused as refusal:
        sys.stderr.write(f"no {kind} is taken along: {refusal}\n")
        return []


def _write(scenario: Path, locustfile: Path, text: Draft, exported: dict[Path, list[Obj]]) -> None:
    scenario.parent.mkdir(parents=True, exist_ok=True)
    if there := [str(path) for path in (scenario, locustfile, *exported) if path.exists()]:
        raise InputErrors([Problem(path, 0, 0, "exists already; give another --name") for path in there])
    for path, objects in exported.items():
        path.write_text(yaml.dump_all(objects, Dumper=yaml.CSafeDumper, sort_keys=False), encoding="utf-8")
    locustfile.write_text(text.locustfile, encoding="utf-8")
    scenario.write_text(text.scenario, encoding="utf-8")


def _tell(scenario: Path, manifests: Manifests, target: str, fault: FaultKind[Any]) -> None:
    """The paths on standard output, what to do next on standard error."""
    read(scenario)
    sys.stdout.write(f"{scenario}\n")
    if fault.needs:
        sys.stderr.write(f"{fault.name} needs {fault.needs}\n")
    if secrets := [m.name for m in manifests if m.kind == "Secret"]:
        sys.stderr.write(f"the values of these Secrets are left out, fill them in: {', '.join(secrets)}\n")
    ref = find_target(manifests, target).ref
    missing = [f for f in defenses.audit(manifests) if f.object == ref and f.defense in fault.exercises]
    if missing:
        sys.stderr.write(f"{ref} lacks {len(missing)} of what a defended variant has: seawall fix shows the patch\n")
    sys.stderr.write(f"next: say what users do in {scenario.stem}_users.py, then: seawall run {scenario}\n")
