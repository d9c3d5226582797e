"""What is allowed in a pod, and hardly ever meant: told in Warning headers, in the words of a real API server."""

from collections.abc import Callable, Iterator

from cluster.api.metadata import label
from cluster.api.resources.deprecations import label_warning, node_term_warnings
from cluster.api.resources.ip_rules import ip_warnings
from cluster.api.resources.path_warnings import overlap_warnings
from cluster.client import Obj
from cluster.quantity import parse_quantity

_NEGATIVE = "must be >= 0; negative values are invalid and will be treated as 1"
_HIDDEN = "hides previous definition of"
_BYTES = "fractional byte value"
_NO_POD = "a null labelSelector results in matching no pod"
_SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead'
_SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
_OLD_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": (
        'non-functional in v1.16+; use the "priorityClassName" field instead'
    ),
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
_REQUIRED, _PREFERRED = (f"{how}DuringSchedulingIgnoredDuringExecution" for how in ("required", "preferred"))
_SURPRISING = "which can result in surprising behavior; a DNS label is recommended"
Warnings = Callable[[Obj, Obj | None], Iterator[str]]
"""Of a new object, and the one that it replaces."""


def pod_warnings(pod: Obj, old: Obj | None) -> Iterator[str]:
    # Hardly anything of a pod can be changed, so that only who creates it is warned.
    if old is None:
        yield from _name_warning(pod, "the Pod's hostname")
        yield from _warnings(pod["metadata"], pod["spec"], "")


def name_warning(obj: Obj, old: Obj | None) -> Iterator[str]:
    """A controller whose pods get their names from it should have one that fits."""
    if old is None:
        yield from _name_warning(obj, "Pod names and hostnames")


def _name_warning(obj: Obj, use: str) -> Iterator[str]:
    if wrong := label(obj["metadata"].get("name", "")):
        yield f"metadata.name: this is used in {use}, {_SURPRISING}: [{' '.join(wrong)}]"


def template_warnings(*path: str, named: bool = True) -> Warnings:
    """Those of the pod template found at `path`, when the object is new or its spec has changed."""

    def warnings(obj: Obj, old: Obj | None) -> Iterator[str]:
        if named:
            yield from name_warning(obj, old)
        if old is None or obj.get(path[0]) != old.get(path[0]):
            for key in path:
                obj = obj.get(key) or {}
            yield from _warnings(obj.get("metadata") or {}, obj.get("spec") or {}, f"{'.'.join(path)}.")

    return warnings


def _warnings(metadata: Obj, spec: Obj, prefix: str) -> Iterator[str]:
    """`prefix`: where the template stands, with a dot; "" of a pod."""
    path, annotations = f"{prefix}spec", metadata.get("annotations") or {}
    yield from _placement_warnings(spec, path)
    for name, why in _OLD_ANNOTATIONS.items():
        if name in annotations:
            yield f"{prefix}metadata.annotations[{name}]: {why}"
    yield from overlap_warnings(spec.get("volumes") or [])
    yield from _repeated(spec.get("hostAliases") or [], "ip", f"{path}.hostAliases")
    yield from _secret_warnings(spec.get("imagePullSecrets") or [], f"{path}.imagePullSecrets")
    yield from _seccomp_warning(spec, _SECCOMP_POD, annotations, prefix)
    for at, container in _containers(spec, path):
        named = f"{_SECCOMP_CONTAINER}{container.get('name', '')}"
        yield from _seccomp_warning(container, named, annotations, prefix)
        yield from _container_warnings(container, at)
    yield from _port_warnings(_ports(spec, path))
    yield from _port_name_warnings(_ports(spec, path))
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        yield f"{path}.terminationGracePeriodSeconds: {_NEGATIVE}"
    yield from _affinity_warnings(spec.get("affinity") or {}, f"{path}.affinity")
    yield from _address_warnings(spec, path)


def _secret_warnings(secrets: list[Obj], path: str) -> Iterator[str]:
    yield from _repeated(secrets, "name", path)
    for i, secret in enumerate(secrets):
        if not secret.get("name"):
            yield f'{path}[{i}].name: invalid empty name ""'


def _seccomp_warning(holder: Obj, name: str, annotations: Obj, prefix: str) -> Iterator[str]:
    """Of a pod or a container that has its profile in an annotation alone."""
    if not (holder.get("securityContext") or {}).get("seccompProfile") and name in annotations:
        yield f"{prefix}metadata.annotations[{name}]: {_SECCOMP}"


def _address_warnings(spec: Obj, path: str) -> Iterator[str]:
    for i, server in enumerate((spec.get("dnsConfig") or {}).get("nameservers") or ()):
        yield from ip_warnings(server, f"{path}.dnsConfig.nameservers[{i}]")
    for i, alias in enumerate(spec.get("hostAliases") or ()):
        yield from ip_warnings(alias.get("ip", ""), f"{path}.hostAliases[{i}].ip")


def _placement_warnings(spec: Obj, path: str) -> Iterator[str]:
    for name in spec.get("nodeSelector") or ():
        if why := label_warning(name):
            yield f"{path}.nodeSelector[{name}]: {why}"
    at, affinity = f"{path}.affinity.nodeAffinity", (spec.get("affinity") or {}).get("nodeAffinity") or {}
    for i, term in enumerate((affinity.get(_REQUIRED) or {}).get("nodeSelectorTerms") or ()):
        yield from node_term_warnings(term, f"{at}.{_REQUIRED}.nodeSelectorTerms[{i}]")
    for i, weighted in enumerate(affinity.get(_PREFERRED) or ()):
        preference = weighted.get("preference") or {}
        yield from node_term_warnings(preference, f"{at}.{_PREFERRED}[{i}].preference", values=True)
    for i, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        key, where = constraint.get("topologyKey", ""), f"{path}.topologySpreadConstraints[{i}]"
        if why := label_warning(key):
            yield f"{where}.topologyKey: {key} is {why}"
        if constraint.get("labelSelector") is None:
            yield f"{where}.labelSelector: {_NO_POD}"


def _repeated(items: list[Obj], name: str, path: str) -> Iterator[str]:
    values = [item.get(name, "") for item in items]
    for i, value in enumerate(values):
        if value in values[:i]:
            yield f'{path}[{i}].{name}: duplicate {name} "{value}"'


def _containers(spec: Obj, path: str) -> Iterator[tuple[str, Obj]]:
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for i, container in enumerate(spec.get(kind) or ()):
            yield f"{path}.{kind}[{i}]", container


def _container_warnings(container: Obj, path: str) -> Iterator[str]:
    resources = container.get("resources") or {}
    for name in ("memory", "ephemeral-storage"):
        for kind in ("limits", "requests"):
            yield from fraction_warning(resources.get(kind) or {}, name, f"{path}.resources.{kind}")
    seen: set[str] = set()
    for i, variable in enumerate(container.get("env") or ()):
        name, reference = variable.get("name", ""), f"$({variable.get('name', '')})"
        value = variable.get("value", "")
        extends = not variable.get("valueFrom") and reference in value and value != reference
        if name in seen and not extends:
            yield f'{path}.env[{i}]: {_HIDDEN} "{name}", which may be dropped when using apply'
        seen.add(name)


def fraction_warning(amounts: Obj, name: str, path: str) -> Iterator[str]:
    """There is no part of a byte."""
    if name in amounts and parse_quantity(amounts[name]).denominator != 1:
        yield f'{path}[{name}]: {_BYTES} "{amounts[name]}" is invalid, must be an integer'


def _ports(spec: Obj, path: str) -> list[tuple[str, Obj]]:
    return [
        (f"{at}.ports[{i}]", port)
        for at, container in _containers(spec, path)
        for i, port in enumerate(container.get("ports") or ())
    ]


def _port_warnings(ports: list[tuple[str, Obj]]) -> Iterator[str]:
    for i, (at, port) in enumerate(ports):
        if port.get("hostIP") and not port.get("hostPort"):
            yield f"{at}: hostIP set without hostPort: {_shown(port)}"
        for other_at, other in ports[:i]:
            if _number(port) == _number(other) and (what := _clash(port, other)):
                yield f"{at}: {what} port definition with {other_at}"


def _shown(port: Obj) -> str:
    parts = {"Name": "name", "HostPort": "hostPort", "ContainerPort": "containerPort", "Protocol": "protocol"}
    texts = [f"{go}:{port.get(name, 0 if go.endswith('Port') else '')}" for go, name in parts.items()]
    return f"{{{' '.join(texts)} HostIP:{port.get('hostIP', '')}}}"


def _number(port: Obj) -> tuple[int | None, str | None]:
    return port.get("containerPort"), port.get("protocol")


def _clash(port: Obj, other: Obj) -> str:
    """How two definitions of the same port get into each other's way."""
    (host, ip), (other_host, other_ip) = ((p.get("hostPort", 0), p.get("hostIP", "")) for p in (port, other))
    if (host, ip) == (other_host, other_ip):
        return "duplicate"
    if not host or not other_host:
        return "overlapping"
    return "dangerously ambiguous" if host == other_host and bool(ip) != bool(other_ip) else ""


def _port_name_warnings(ports: list[tuple[str, Obj]]) -> Iterator[str]:
    first: dict[str, str] = {}
    for at, port in ports:
        name = port.get("name", "")
        if name and (there := first.setdefault(name, at)) != at:
            which = f"services and probes that select ports by name will use {there}"
            yield f'{at}: duplicate port name "{name}" with {there}, {which}'


def _affinity_warnings(affinity: Obj, path: str) -> Iterator[str]:
    for kind in ("podAffinity", "podAntiAffinity"):
        terms = affinity.get(kind) or {}
        for i, term in enumerate(terms.get(_REQUIRED) or ()):
            if term.get("labelSelector") is None:
                yield f"{path}.{kind}.{_REQUIRED}[{i}].labelSelector: {_NO_POD}"
        for i, weighted in enumerate(terms.get(_PREFERRED) or ()):
            if (weighted.get("podAffinityTerm") or {}).get("labelSelector") is None:
                yield f"{path}.{kind}.{_PREFERRED}[{i}].podAffinityTerm.labelSelector: {_NO_POD}"
