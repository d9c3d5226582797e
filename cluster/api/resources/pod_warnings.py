"""What is allowed in a pod, and hardly ever meant: told in Warning headers, in the words of a real API server."""

from collections.abc import Callable, Iterator

from cluster.client import Obj
from cluster.quantity import parse_quantity

_NEGATIVE = "must be >= 0; negative values are invalid and will be treated as 1"
_HIDDEN = "hides previous definition of"
_OLD_LABELS = {
    "beta.kubernetes.io/arch": ("v1.14", "kubernetes.io/arch"),
    "beta.kubernetes.io/os": ("v1.14", "kubernetes.io/os"),
    "failure-domain.beta.kubernetes.io/region": ("v1.17", "topology.kubernetes.io/region"),
    "failure-domain.beta.kubernetes.io/zone": ("v1.17", "topology.kubernetes.io/zone"),
}
_HOSTNAME_MAX = 63
_HOSTNAME = "this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended"


def pod_warnings(pod: Obj) -> Iterator[str]:
    name = pod["metadata"].get("name", "")
    wrong = ["must be no more than 63 characters"] if len(name) > _HOSTNAME_MAX else []
    wrong += ["must not contain dots"] if "." in name else []
    if wrong:
        yield f"metadata.name: {_HOSTNAME}: [{' '.join(wrong)}]"
    yield from spec_warnings(pod["spec"], "spec")


def template_warnings(*path: str) -> Callable[[Obj], Iterator[str]]:
    """Those of the pod template found at `path`."""

    def warnings(obj: Obj) -> Iterator[str]:
        for key in path:
            obj = obj.get(key) or {}
        return spec_warnings(obj.get("spec") or {}, f"{'.'.join(path)}.spec")

    return warnings


def spec_warnings(spec: Obj, path: str) -> Iterator[str]:
    for name in spec.get("nodeSelector") or ():
        if name in _OLD_LABELS:
            since, instead = _OLD_LABELS[name]
            yield f'{path}.nodeSelector[{name}]: deprecated since {since}; use "{instead}" instead'
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        yield f"{path}.terminationGracePeriodSeconds: {_NEGATIVE}"
    for kind in ("initContainers", "containers"):
        for i, container in enumerate(spec.get(kind) or ()):
            yield from _container_warnings(container, f"{path}.{kind}[{i}]")


def _container_warnings(container: Obj, path: str) -> Iterator[str]:
    for kind, amounts in sorted((container.get("resources") or {}).items()):
        for name in ("memory", "ephemeral-storage") if kind in ("limits", "requests") else ():
            if name in amounts and parse_quantity(amounts[name]).denominator != 1:
                at = f"{path}.resources.{kind}[{name}]"
                yield f'{at}: fractional byte value "{amounts[name]}" is invalid, must be an integer'
    seen: set[str] = set()
    for i, variable in enumerate(container.get("env") or ()):
        if (name := variable.get("name", "")) in seen:
            yield f'{path}.env[{i}]: {_HIDDEN} "{name}", which may be dropped when using apply'
        seen.add(name)
    yield from _port_warnings(container.get("ports") or [], f"{path}.ports")


def _port_warnings(ports: list[Obj], path: str) -> Iterator[str]:
    first: dict[tuple[object, ...], int] = {}
    for i, port in enumerate(ports):
        key = tuple(port.get(name) for name in ("containerPort", "protocol", "hostPort", "hostIP"))
        if key in first:
            yield f"{path}[{i}]: duplicate port definition with {path}[{first[key]}]"
        first.setdefault(key, i)
