"""The rules of containers."""

from collections.abc import Iterator
from dataclasses import dataclass

from cluster.api.field_errors import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_one_of,
    not_supported,
    required,
    too_many,
)
from cluster.api.metadata import label
from cluster.api.resources.checks import PROTOCOLS, check_enum, check_name, check_range, port_name
from cluster.api.resources.env_rules import check_env, check_env_from
from cluster.api.resources.mount_rules import check_mounts
from cluster.api.resources.probe_rules import check_lifecycle, check_probes
from cluster.api.resources.resource_rules import check_resources
from cluster.api.resources.security_rules import check_container_security
from cluster.client import Obj

_POLICIES = ("Always", "IfNotPresent", "Never")
_RESTARTS = ("Always", "Never", "OnFailure")
_ACTIONS = ("Restart", "RestartAllContainers")
_RULES_MAX, _CODES_MAX = 20, 255
_NOT_EPHEMERAL = (
    *("ports", "resources", "resizePolicy", "restartPolicy", "restartPolicyRules"),
    *("livenessProbe", "readinessProbe", "startupProbe", "lifecycle"),
)
_NO_SIDECAR = "may not be set for init containers without restartPolicy=Always"
_NO_EPHEMERAL = "cannot be set for an Ephemeral Container"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What of its pod a container's rules look at."""

    volumes: frozenset[str]
    grace: int
    """How many seconds the pod has to end."""
    restart_policy: str
    host_users: bool


def check_containers(containers: list[Obj], path: str, pod: Surroundings) -> Iterator[FieldError]:
    if not containers:
        yield required(path)
    names: set[str] = set()
    for i, container in enumerate(containers):
        at = f"{path}[{i}]"
        yield from _check_common(container, at, pod)
        yield from _check_once(container, at, names)
        yield from check_lifecycle(container.get("lifecycle"), f"{at}.lifecycle", pod.grace)
        yield from check_probes(container, at)
        yield from _check_restarts(container, at)
    yield from _check_host_ports(containers, path)


def check_init_containers(containers: list[Obj], path: str, pod: Surroundings, names: set[str]) -> Iterator[FieldError]:
    """`names`: those of the main containers."""
    for i, container in enumerate(containers):
        at, is_sidecar = f"{path}[{i}]", container.get("restartPolicy") == "Always"
        yield from _check_common(container, at, pod)
        yield from _check_restarts(container, at)
        yield from _check_once(container, at, names)
        yield from _check_host_ports([container], path)
        if is_sidecar:
            yield from check_lifecycle(container.get("lifecycle"), f"{at}.lifecycle", pod.grace)
            yield from check_probes(container, at)
        else:
            yield from _check_plain_init(container, at)


def _check_plain_init(container: Obj, path: str) -> Iterator[FieldError]:
    for name in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(name) is not None:
            yield forbidden(f"{path}.{name}", _NO_SIDECAR)
    for i, policy in enumerate(container.get("resizePolicy") or ()):
        if policy.get("restartPolicy") == "RestartContainer":
            why = "must not be set to 'RestartContainer' for non-sidecar initContainers"
            yield invalid(f"{path}.resizePolicy[{i}].restartPolicy", "RestartContainer", why)


def check_ephemeral_containers(
    containers: list[Obj], path: str, pod: Surroundings, others: frozenset[str]
) -> Iterator[FieldError]:
    """`others`: the names of the pod's other containers."""
    names = set(others)
    for i, container in enumerate(containers):
        at, target = f"{path}[{i}]", container.get("targetContainerName")
        yield from _check_common(container, at, pod)
        yield from check_image(container, at)
        yield from _check_once(container, at, names)
        if target and target not in others:
            yield not_found(f"{at}.targetContainerName", target)
        yield from (forbidden(f"{at}.{name}", _NO_EPHEMERAL) for name in _NOT_EPHEMERAL if _is_set(container, name))
        for j, mount in enumerate(container.get("volumeMounts") or ()):
            given = [name for name in ("subPath", "subPathExpr") if mount.get(name)]
            yield from (forbidden(f"{at}.volumeMounts[{j}].{name}", _NO_EPHEMERAL) for name in given)


def _is_set(container: Obj, name: str) -> bool:
    # Resources are a struct, and ports are a list: empty ones are none.
    holds = name in ("ports", "resources", "resizePolicy", "restartPolicyRules")
    return bool(container.get(name)) if holds else container.get(name) is not None


def _check_once(container: Obj, path: str, names: set[str]) -> Iterator[FieldError]:
    name = container.get("name", "")
    if name in names:
        yield duplicate(f"{path}.name", name)
    if name:
        names.add(name)


def _check_common(container: Obj, path: str, pod: Surroundings) -> Iterator[FieldError]:
    yield from _check_identity(container, path)
    policy = container.get("terminationMessagePolicy")
    if policy not in ("File", "FallbackToLogsOnError"):
        yield not_one_of(f"{path}.terminationMessagePolicy", policy, ("File", "FallbackToLogsOnError"))
    yield from _check_ports(container.get("ports") or [], f"{path}.ports")
    yield from check_env(container.get("env") or [], f"{path}.env")
    yield from check_env_from(container.get("envFrom") or [], f"{path}.envFrom")
    yield from check_mounts(container, f"{path}.volumeMounts", pod.volumes)
    yield from check_enum(container, path, "imagePullPolicy", _POLICIES)
    yield from check_resources(container.get("resources") or {}, f"{path}.resources")
    yield from _check_resize_policy(container, f"{path}.resizePolicy", pod.restart_policy)
    security = container.get("securityContext") or {}
    yield from check_container_security(security, f"{path}.securityContext", host_users=pod.host_users)


def _check_identity(container: Obj, path: str) -> Iterator[FieldError]:
    if container.get("name"):
        yield from check_name(container["name"], f"{path}.name", label)
    else:
        yield required(f"{path}.name")
    if not container.get("image"):
        yield required(f"{path}.image")


def check_image(container: Obj, path: str) -> Iterator[FieldError]:
    """What is asked of a pod only, and of no template."""
    image = container.get("image", "")
    if image != image.strip():
        yield invalid(f"{path}.image", image, "must not have leading or trailing whitespace")


def _check_ports(ports: list[Obj], path: str) -> Iterator[FieldError]:
    names: set[str] = set()
    for i, port in enumerate(ports):
        at = f"{path}[{i}]"
        yield from _check_port_name(port.get("name", ""), f"{at}.name", names)
        if not port.get("containerPort"):
            yield required(f"{at}.containerPort")
        else:
            yield from check_range(port["containerPort"], f"{at}.containerPort", 1, 65535)
        yield from check_range(port.get("hostPort") or None, f"{at}.hostPort", 1, 65535)
        yield from check_enum(port, at, "protocol", PROTOCOLS)


def _check_port_name(name: str, path: str, names: set[str]) -> Iterator[FieldError]:
    yield from (wrong := list(check_name(name, path, port_name)) if name else [])
    if name in names:
        yield duplicate(path, name)
    elif name and not wrong:
        names.add(name)


def _check_host_ports(containers: list[Obj], path: str) -> Iterator[FieldError]:
    """No two ports of these containers stand on one of the node."""
    taken: set[str] = set()
    for i, container in enumerate(containers):
        for j, port in enumerate(container.get("ports") or ()):
            on_node = f"{port.get('protocol', '')}/{port.get('hostIP', '')}/{port.get('hostPort', 0)}"
            if port.get("hostPort") and on_node in taken:
                yield duplicate(f"{path}[{i}].ports[{j}].hostPort", on_node)
            taken.add(on_node)


def _check_restarts(container: Obj, path: str) -> Iterator[FieldError]:
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or []
    if policy is None and rules:
        yield required(f"{path}.restartPolicy", "must specify restartPolicy when restart rules are used")
    if policy is not None and policy not in _RESTARTS:
        yield not_supported(f"{path}.restartPolicy", policy, _RESTARTS)
    if len(rules) > _RULES_MAX:
        yield too_many(f"{path}.restartPolicyRules", len(rules), _RULES_MAX)
    for i, rule in enumerate(rules):
        yield from _check_restart_rule(rule, f"{path}.restartPolicyRules[{i}]")


def _check_restart_rule(rule: Obj, path: str) -> Iterator[FieldError]:
    action, codes = rule.get("action", ""), rule.get("exitCodes")
    if action not in _ACTIONS:
        yield not_supported(f"{path}.action", action, _ACTIONS)
    if codes is None:
        yield required(f"{path}.exitCodes", "must be specified")
        return
    if codes.get("operator") not in ("In", "NotIn"):
        yield not_supported(f"{path}.exitCodes.operator", codes.get("operator", ""), ("In", "NotIn"))
    if len(codes.get("values") or ()) > _CODES_MAX:
        yield too_many(f"{path}.exitCodes.values", len(codes["values"]), _CODES_MAX)


def _check_resize_policy(container: Obj, path: str, restart_policy: str) -> Iterator[FieldError]:
    """`restart_policy`: of the pod. One that is never restarted is not restarted for a resize either."""
    named: set[str] = set()
    for i, policy in enumerate(container.get("resizePolicy") or ()):
        name, way = policy.get("resourceName", ""), policy.get("restartPolicy", "")
        if name in named:
            yield duplicate(f"{path}[{i}]", name)
        named.add(name)
        for value, valid in ((name, ("cpu", "memory")), (way, ("NotRequired", "RestartContainer"))):
            if not value:
                yield required(path)
            elif value not in valid:
                yield not_one_of(path, value, valid)
        if restart_policy == "Never" and way != "NotRequired":
            yield invalid(path, way, "must be 'NotRequired' when pod `restartPolicy` is 'Never'")
