"""What must agree in a scenario beyond the shape of its keys: names that name something, files that are there.

Works on the file as written, not on the validated model, so that a wrong type in one place hides no error in another.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from pydantic import BaseModel, ValidationError

from chaos.defenses import registry as defenses
from chaos.defenses import strippable
from chaos.defenses.observability import alerts
from chaos.manifests import Manifest, Manifests, load, of_kind, workloads
from chaos.marked import Path_, dig, locate, read_text
from chaos.problems import InputErrors, Problem, nearest
from loadgen.units import Duration

MAX_LOCUSTFILE_BYTES = 2**19
BOUNDS = ("detect", "recover")
# Each variant lives in a namespace of its own; what belongs to no namespace would be shared by all of them.
CLUSTER_SCOPED = (
    "Namespace",
    "Node",
    "PersistentVolume",
    "ClusterRole",
    "ClusterRoleBinding",
    "StorageClass",
    "PriorityClass",
    "IngressClass",
    "RuntimeClass",
    "CustomResourceDefinition",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "APIService",
    "CSIDriver",
)


class FaultLike(Protocol):
    """What reading a scenario asks of a kind of fault."""

    @property
    def params(self) -> type[BaseModel]: ...
    @property
    def exercises(self) -> tuple[str, ...]: ...


class _File(NamedTuple):
    """The scenario as written, and how to say where in it something is wrong."""

    raw: Any
    shown: str

    def problem(self, path: Path_, message: str) -> Problem:
        return Problem(self.shown, *locate(self.raw, path), message)

    def texts(self, *path: str | int) -> Iterator[tuple[Path_, str]]:
        """The texts in a list, each with its place."""
        found = dig(self.raw, *path)
        for i, value in enumerate(found) if isinstance(found, list) else ():
            if isinstance(value, str):
                yield (*path, i), value

    def keys(self, *path: str | int) -> list[str]:
        found = dig(self.raw, *path)
        return list(found) if isinstance(found, dict) else []


def cross_check(raw: Any, shown: str, folder: Path, faults: Mapping[str, FaultLike]) -> Iterator[Problem]:
    """Everything that does not agree, in no particular order."""
    file = _File(raw, shown)
    yield from _fault(file, faults)
    yield from _defenses(file, faults)
    yield from _strips(file)
    yield from _expectations(file)
    yield from _locustfile(file, folder)
    yield from _workload(file, folder)


def _fault(file: _File, faults: Mapping[str, FaultLike]) -> Iterator[Problem]:
    for name in file.keys("fault"):
        if name not in faults:
            yield file.problem(("fault", name), f"unknown fault {name!r}{nearest(name, faults)}")
            continue
        params = dig(file.raw, "fault", name)
        try:
            if isinstance(params, dict):
                faults[name].params.model_validate(params)
        except ValidationError as error:
            known = list(faults[name].params.model_fields)
            yield from (_param(file, name, dict(e), known) for e in error.errors())


def _param(file: _File, fault: str, error: dict[str, Any], known: list[str]) -> Problem:
    path: Path_ = ("fault", fault, *error["loc"])
    last = str(path[-1])
    if error["type"] == "extra_forbidden":
        return file.problem(path, f"fault {fault} has no parameter {last!r}{nearest(last, known)}")
    said = str(error["ctx"]["error"]) if error["type"] == "value_error" else error["msg"]
    return file.problem(path, f"fault {fault}, {'.'.join(map(str, error['loc']))}: {said}")


def _defenses(file: _File, faults: Mapping[str, FaultLike]) -> Iterator[Problem]:
    for path, name in file.texts("defenses"):
        if name not in defenses:
            yield file.problem(path, f"unknown defense {name!r}{nearest(name, defenses)}")
        elif defenses[name].judge is None:
            why = defenses[name].unjudged
            yield file.problem(path, f"defense {name!r} can be audited and stripped but not judged yet: {why}")
        else:
            yield from _exercised(file, path, name, faults)


def _exercised(file: _File, path: Path_, defense: str, faults: Mapping[str, FaultLike]) -> Iterator[Problem]:
    for fault in file.keys("fault"):
        if fault in faults and defense not in faults[fault].exercises:
            able = defenses[defense].exercise(faults)
            yield file.problem(path, f"fault {fault} does not put {defense} to the test; these do: {', '.join(able)}")


def _strips(file: _File) -> Iterator[Problem]:
    for variant in file.keys("variants"):
        for path, name in file.texts("variants", variant, "strip"):
            if name not in strippable():
                yield file.problem(path, f"unknown defense {name!r} to strip{nearest(name, strippable())}")


def _expectations(file: _File) -> Iterator[Problem]:
    variants, tested = file.keys("variants"), [name for _, name in file.texts("defenses")]
    for variant in file.keys("expect"):
        if variant not in variants:
            message = f"expects something of variant {variant!r}, which there is not{nearest(variant, variants)}"
            yield file.problem(("expect", variant), message)
        for key in file.keys("expect", variant):
            if key not in tested and key not in BOUNDS:
                message = f"expects something of {key!r}, which is not put to the test"
                yield file.problem(("expect", variant, key), message + nearest(key, [*tested, *BOUNDS]))
        yield from _bounds(file, variant)


def _bounds(file: _File, variant: str) -> Iterator[Problem]:
    """A bound that the fault phase is too short to see could never be met."""
    lasts = _seconds(dig(file.raw, "phases", "fault"))
    for key in BOUNDS:
        bound = _seconds(dig(file.raw, "expect", variant, key), "<=")
        if lasts is not None and bound is not None and bound >= lasts:
            message = (
                f"{key} within {bound:g} s cannot be seen in a fault phase of {lasts:g} s; make phases.fault longer"
            )
            yield file.problem(("expect", variant, key), message)


def _seconds(value: Any, prefix: str = "") -> float | None:
    try:
        return Duration.parse(str(value).removeprefix(prefix).strip()).seconds
    except ValueError:
        return None


def _locustfile(file: _File, folder: Path) -> Iterator[Problem]:
    named = dig(file.raw, "load", "locustfile")
    if not isinstance(named, str):
        return
    try:
        ast.parse(read_text(folder / named, named, MAX_LOCUSTFILE_BYTES))
    except InputErrors as error:
        yield file.problem(("load", "locustfile"), f"locustfile {error}")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        yield Problem(named, getattr(error, "lineno", 0) or 0, 0, f"is not valid Python: {error}")


def _workload(file: _File, folder: Path) -> Iterator[Problem]:
    manifests: list[Manifest] = []
    whole = True
    for path, named in file.texts("workload", "manifests"):
        try:
            manifests += load([folder / named], folder)
        except InputErrors as error:
            whole = False
            if error.problems[0].line:
                yield from error.problems
            else:
                yield file.problem(path, f"manifest {error}")
    yield from _objects(tuple(manifests))
    if whole and manifests:
        yield from _names(file, tuple(manifests))


def _objects(manifests: Manifests) -> Iterator[Problem]:
    first: dict[tuple[str, str], Manifest] = {}
    for manifest in manifests:
        mark = manifest.at(("kind",))
        other = first.setdefault((manifest.kind, manifest.name), manifest)
        if other is not manifest:
            where = f"{other.file}:{other.at().line}"
            yield Problem(manifest.file, *mark, f"{manifest.ref} is defined twice, first at {where}")
        if manifest.kind in CLUSTER_SCOPED:
            message = (
                f"{manifest.kind} {manifest.name} belongs to no namespace; every variant gets a namespace of its own"
            )
            yield Problem(manifest.file, *mark, f"{message}, so leave it out of the scenario's workload")
    yield from _one_namespace(manifests)


def _one_namespace(manifests: Manifests) -> Iterator[Problem]:
    named = [m for m in manifests if dig(m.data, "metadata", "namespace")]
    for manifest in named:
        if manifest.namespace != named[0].namespace:
            mark = manifest.at(("metadata", "namespace"))
            message = f"is in namespace {manifest.namespace}, but {named[0].ref} is in {named[0].namespace}"
            yield Problem(manifest.file, *mark, f"{manifest.ref} {message}; a scenario's workload has one namespace")


def _names(file: _File, manifests: Manifests) -> Iterator[Problem]:
    known = [m.ref for m in workloads(manifests)]
    services = [m.name for m in of_kind(manifests, "Service")]
    yield from _defined(file, [(("workload", "target"), dig(file.raw, "workload", "target"))], "workload", known)
    yield from _defined(file, file.texts("workload", "bystanders"), "workload", known)
    yield from _defined(file, [(("load", "service"), dig(file.raw, "load", "service"))], "Service", services)
    yield from _defined(file, _monitoring(file), "Service", services)
    alert = dig(file.raw, "monitoring", "alert")
    yield from _defined(
        file, [(("monitoring", "alert"), alert)], "alert", [str(r["alert"]) for _, r in alerts(manifests)]
    )
    target = dig(file.raw, "workload", "target")
    for path, name in file.texts("workload", "bystanders"):
        if name == target:
            yield file.problem(path, f"{name} is the target and cannot be its own bystander")


def _monitoring(file: _File) -> Iterator[tuple[Path_, Any]]:
    for key in ("prometheus", "alertmanager", "logs"):
        value = dig(file.raw, "monitoring", key)
        if isinstance(value, str):
            yield ("monitoring", key), value.partition(":")[0]


def _defined(file: _File, named: Iterable[tuple[Path_, Any]], what: str, known: list[str]) -> Iterator[Problem]:
    for path, name in named:
        if isinstance(name, str) and name not in known:
            yield file.problem(path, f"no manifest defines {what} {name!r}{nearest(name, known)}")
