"""Kubernetes manifests as they stand in files: plain objects that know their file and lines, and how to read into them.

Readers here are forgiving: what is missing or of another shape reads as empty, so that an audit of a half-written
manifest reports findings rather than crashing. Only what has no kind or no name is refused when loading.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from chaos.marked import Mark, Path_, dig, documents, flatten, locate, plain, read_text
from chaos.problems import InputErrors, Problem
from chaos.selectors import matches

Obj = dict[str, Any]
AnyT = TypeVar("AnyT")

POD_SPECS: dict[str, Path_] = {
    "Pod": ("spec",),
    "Deployment": ("spec", "template", "spec"),
    "StatefulSet": ("spec", "template", "spec"),
    "DaemonSet": ("spec", "template", "spec"),
    "ReplicaSet": ("spec", "template", "spec"),
    "ReplicationController": ("spec", "template", "spec"),
    "Job": ("spec", "template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}
RUN_TO_END = ("Job", "CronJob")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object. `source` is the object as read, whose marks outlive changes to `data`."""

    data: Obj
    file: str = ""
    source: Any = None

    @property
    def kind(self) -> str:
        return str(self.data.get("kind", ""))

    @property
    def name(self) -> str:
        return str(dig(self.data, "metadata", "name") or "")

    @property
    def namespace(self) -> str:
        """As given; what gives none belongs to `default`."""
        return str(dig(self.data, "metadata", "namespace") or "default")

    @property
    def ref(self) -> str:
        """As scenarios name it: `deployment/storefront`."""
        return f"{self.kind.lower()}/{self.name}"

    @property
    def is_workload(self) -> bool:
        return self.kind in POD_SPECS

    def at(self, path: Path_ = ()) -> Mark:
        """Where `path` stands in the file, or the nearest thing above it; 0:0 for an object of no file."""
        return Mark(0, 0) if self.source is None else locate(self.source, path)


Manifests = tuple[Manifest, ...]


class Container(NamedTuple):
    """A container of a pod template and where it stands."""

    path: Path_
    spec: Obj
    role: Literal["container", "init", "sidecar"]

    @property
    def name(self) -> str:
        return str(self.spec.get("name", ""))


def load(paths: Iterable[Path], folder: Path = Path()) -> Manifests:
    """Every object of the files, in order; files are shown as seen from `folder`. Raises one `InputErrors` for all."""
    found: list[Manifest] = []
    problems: list[Problem] = []
    for path in paths:
        shown = str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
        try:
            found += parse(read_text(path, shown), shown)
        except InputErrors as error:
            problems += error.problems
    if problems:
        raise InputErrors(problems)
    return tuple(found)


def parse(text: str, shown: str) -> Manifests:
    """Every object of one file's text. Raises `InputErrors`."""
    objects = list(flatten(documents(text, shown)))
    problems = [problem for obj in objects for problem in _shape(obj, shown)]
    if problems:
        raise InputErrors(problems)
    return tuple(Manifest(obj, shown, obj) for obj in objects)


def _shape(obj: Any, shown: str) -> Iterator[Problem]:
    if not isinstance(obj, dict):
        yield Problem(shown, *locate(obj, ()), "is not a Kubernetes object: it is no mapping")
        return
    for path, what in ((("apiVersion",), "apiVersion"), (("kind",), "kind"), (("metadata", "name"), "metadata.name")):
        value = dig(obj, *path)
        if not isinstance(value, str) or not value:
            yield Problem(shown, *locate(obj, path), f"object has no {what} (text, not empty)")


def mapping(data: Any, *path: str | int) -> Obj:
    """The mapping at `path`, or an empty one."""
    found = dig(data, *path)
    return found if isinstance(found, dict) else {}


def items(data: Any, *path: str | int) -> list[Obj]:
    """The mappings in the list at `path`."""
    return [item for _, item in numbered(data, *path)]


def numbered(data: Any, *path: str | int) -> list[tuple[int, Obj]]:
    """The mappings in the list at `path`, each with its index."""
    found = dig(data, *path)
    return [(i, item) for i, item in enumerate(found) if isinstance(item, dict)] if isinstance(found, list) else []


def words(data: Any, *path: str | int) -> set[str]:
    """The texts in the list at `path`."""
    found = dig(data, *path)
    return {item for item in found if isinstance(item, str)} if isinstance(found, list) else set()


def number(data: Any, *path: str | int, default: int) -> int:
    """The whole number at `path`, or `default`."""
    found = dig(data, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else default


def pod_spec_path(data: Obj) -> Path_:
    """Where a workload keeps its pod's spec; empty for what is no workload."""
    return POD_SPECS.get(str(data.get("kind")), ())


def pod_spec(data: Obj) -> Obj:
    path = pod_spec_path(data)
    return mapping(data, *path) if path else {}


def pod_metadata(data: Obj) -> Obj:
    path = pod_spec_path(data)
    return mapping(data, *path[:-1], "metadata") if path else {}


def pod_labels(data: Obj) -> dict[str, str]:
    return {str(k): str(v) for k, v in mapping(pod_metadata(data), "labels").items()}


def containers(data: Obj) -> Iterator[Container]:
    """Every container of a workload's pods: init containers and native sidecars first, as they start."""
    path = pod_spec_path(data)
    for i, spec in numbered(data, *path, "initContainers") if path else ():
        role: Literal["init", "sidecar"] = "sidecar" if spec.get("restartPolicy") == "Always" else "init"
        yield Container((*path, "initContainers", i), spec, role)
    for i, spec in numbered(data, *path, "containers") if path else ():
        yield Container((*path, "containers", i), spec, "container")


def remembered(build: Callable[[Manifests], AnyT]) -> Callable[[Manifests], AnyT]:
    """Makes an index of manifests once for as long as the same set is asked about: audits ask for every workload."""
    last: list[tuple[Manifests, AnyT]] = []

    @wraps(build)
    def indexed(manifests: Manifests) -> AnyT:
        known = next(iter(last), None)
        if known is None or known[0] is not manifests:
            known = (manifests, build(manifests))
            last[:] = [known]
        return known[1]

    return indexed


@remembered
def _by_kind(manifests: Manifests) -> dict[str, list[Manifest]]:
    return grouped(manifests, lambda m: [m.kind])


def grouped(manifests: Iterable[Manifest], keys: Callable[[Manifest], Iterable[AnyT]]) -> dict[AnyT, list[Manifest]]:
    """The manifests under each of their keys."""
    found: dict[AnyT, list[Manifest]] = {}
    for manifest in manifests:
        for key in keys(manifest):
            found.setdefault(key, []).append(manifest)
    return found


@remembered
def workloads(manifests: Manifests) -> list[Manifest]:
    return [m for m in manifests if m.is_workload]


def of_kind(manifests: Manifests, *kinds: str) -> list[Manifest]:
    return [m for kind in kinds for m in _by_kind(manifests).get(kind, ())]


Selecting = dict[tuple[str, object], list[Manifest]]


def by_selector(objects: Iterable[Manifest], selector: Callable[[Obj], Any]) -> Selecting:
    """Objects with a LabelSelector, each under its namespace and one label that it asks for."""

    def key(manifest: Manifest) -> tuple[str, object]:
        wanted = mapping(selector(manifest.data), "matchLabels")
        return manifest.namespace, next(((k, str(v)) for k, v in wanted.items()), None)

    return grouped(objects, lambda m: [key(m)])


def selecting(index: Selecting, selector: Callable[[Obj], Any], workload: Manifest) -> list[Manifest]:
    """Those of the index that select a workload's pods."""
    labels = pod_labels(workload.data)
    candidates = [m for item in (None, *labels.items()) for m in index.get((workload.namespace, item), ())]
    return [m for m in candidates if matches(selector(m.data), labels)]


def _service_selector(service: Obj) -> Any:
    """As a LabelSelector; a Service without a selector selects nothing."""
    labels = mapping(service, "spec", "selector")
    return {"matchLabels": labels} if labels else None


@remembered
def _services(manifests: Manifests) -> Selecting:
    return by_selector(of_kind(manifests, "Service"), _service_selector)


def services_of(workload: Manifest, manifests: Manifests) -> list[Manifest]:
    """The Services that send traffic to a workload's pods."""
    return selecting(_services(manifests), _service_selector, workload)


def changed(manifest: Manifest, change: Callable[[Obj], None]) -> Manifest:
    """The manifest after `change` was made to a copy of its data; the very same manifest when that changed nothing."""
    data = plain(manifest.data)
    change(data)
    return manifest if data == manifest.data else replace(manifest, data=data)


def each_workload(manifests: Manifests, change: Callable[[Obj], None]) -> Manifests:
    """The same change made to every workload."""
    return tuple(changed(m, change) if m.is_workload else m for m in manifests)


def each_container(manifests: Manifests, change: Callable[[Container], None]) -> Manifests:
    """The same change made to every container of every workload."""

    def change_all(data: Obj) -> None:
        for container in containers(data):
            change(container)

    return each_workload(manifests, change_all)


def made(data: Obj, beside: Manifest) -> Manifest:
    """A new object in the namespace of another."""
    namespace = dig(beside.data, "metadata", "namespace")
    if namespace:
        data = {**data, "metadata": {**data["metadata"], "namespace": namespace}}
    return Manifest(data)


def put(manifests: Manifests, new: Manifest) -> Manifests:
    """The manifests with `new` in place of what had its kind, namespace and name, else at the end."""
    key = (new.kind, new.namespace, new.name)
    if any((m.kind, m.namespace, m.name) == key for m in manifests):
        return tuple(new if (m.kind, m.namespace, m.name) == key and m.data != new.data else m for m in manifests)
    return (*manifests, new)
