"""The rules of containers."""

from collections.abc import Collection, Iterator

from cluster.api.field_errors import FieldError, duplicate, forbidden, in_go, invalid, not_found, not_one_of, required
from cluster.api.metadata import label, qualified_name
from cluster.api.resources.checks import (
    PROTOCOLS,
    check_enum,
    check_name,
    check_optional_enum,
    check_quantities,
    check_range,
    check_required,
    port_name,
)
from cluster.api.resources.configmaps import check_key
from cluster.api.resources.field_rules import FIELDS, check_field_path, check_resource_field
from cluster.api.resources.probe_rules import check_lifecycle, check_probes
from cluster.client import Obj
from cluster.quantity import parse_quantity

_STANDARD = frozenset({"cpu", "memory", "ephemeral-storage"})
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_NEEDED = {"fieldRef": "fieldPath", "resourceFieldRef": "resource", "configMapKeyRef": "key", "secretKeyRef": "key"}
_ENV_NAME = "a valid environment variable name must consist only of printable ASCII characters other than '='"
_POLICIES = ("Always", "IfNotPresent", "Never")
_SECURITY = (
    "Capabilities Privileged SELinuxOptions WindowsOptions RunAsUser RunAsGroup RunAsNonRoot ReadOnlyRootFilesystem "
    "AllowPrivilegeEscalation ProcMount SeccompProfile AppArmorProfile"
)
_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_HIGHEST_ID = 2**31 - 1


def check_container(container: Obj, path: str, volumes: Collection[str], grace: int) -> Iterator[FieldError]:
    """`grace`: how many seconds the pod has to end."""
    yield from _check_identity(container, path)
    yield from check_enum(container, path, "imagePullPolicy", _POLICIES)
    yield from check_enum(container, path, "terminationMessagePolicy", ("FallbackToLogsOnError", "File"))
    yield from _check_ports(container.get("ports") or [], f"{path}.ports")
    yield from _check_env(container, path)
    yield from _check_mounts(container.get("volumeMounts") or [], f"{path}.volumeMounts", volumes)
    yield from check_probes(container, path)
    yield from check_lifecycle(container.get("lifecycle"), f"{path}.lifecycle", grace)
    yield from check_resources(container.get("resources") or {}, f"{path}.resources")
    yield from _check_security(container.get("securityContext") or {}, f"{path}.securityContext")


def check_init_container(container: Obj, path: str) -> Iterator[FieldError]:
    """What only a sidecar (restartPolicy Always) among the init containers may have."""
    policy = container.get("restartPolicy")
    if policy is not None and policy != "Always":
        yield FieldError(
            f"{path}.restartPolicy",
            "FieldValueNotSupported",
            f'Unsupported value: "{policy}": supported values: "Always"',
        )
    for name in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(name) and policy != "Always":
            yield forbidden(f"{path}.{name}", "may not be set for init containers without restartPolicy=Always")


def check_resize_policy(container: Obj, path: str, restart_policy: str) -> Iterator[FieldError]:
    """`restart_policy`: of the pod. One that is never restarted is not restarted for a resize either."""
    at = f"{path}.resizePolicy"
    named: set[str] = set()
    for i, policy in enumerate(container.get("resizePolicy") or ()):
        name, way = policy.get("resourceName", ""), policy.get("restartPolicy", "")
        if name in named:
            yield duplicate(f"{at}[{i}]", name)
        named.add(name)
        for value, valid in ((name, ("cpu", "memory")), (way, ("NotRequired", "RestartContainer"))):
            if not value:
                yield required(at)
            elif value not in valid:
                yield not_one_of(at, value, valid)
        if restart_policy == "Never" and way != "NotRequired":
            yield invalid(at, way, "must be 'NotRequired' when pod `restartPolicy` is 'Never'")


def check_seccomp(profile: Obj | None, path: str) -> Iterator[FieldError]:
    """Of a container, and of a pod."""
    if profile is None:
        return
    kind = profile.get("type")
    if not kind:
        yield required(f"{path}.type", "type is required when seccompProfile is set")
    elif kind == "Localhost" and not profile.get("localhostProfile"):
        yield required(f"{path}.localhostProfile", "must be set when seccomp type is Localhost")
    elif kind not in _PROFILES:
        yield not_one_of(f"{path}.type", kind, _PROFILES)
    elif kind != "Localhost" and profile.get("localhostProfile"):
        yield invalid(
            f"{path}.localhostProfile", profile["localhostProfile"], "can only be set when seccomp type is Localhost"
        )


def check_ephemeral_container(container: Obj, path: str, targets: Collection[str]) -> Iterator[FieldError]:
    for name in ("ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resources", "restartPolicy"):
        if container.get(name):
            yield forbidden(f"{path}.{name}", "cannot be set for an Ephemeral Container")
    target = container.get("targetContainerName")
    if target and target not in targets:
        yield not_found(f"{path}.targetContainerName", target)


def check_resources(resources: Obj, path: str) -> Iterator[FieldError]:
    """Limits and requests of a container."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for kind, amounts in (("limits", limits), ("requests", requests)):
        yield from check_quantities(amounts, f"{path}.{kind}")
        for name, quantity in amounts.items():
            yield from _check_resource_name(name, f"{path}.{kind}[{name}]")
            if "/" in name and parse_quantity(quantity).denominator != 1:
                yield invalid(f"{path}.{kind}[{name}]", quantity, "must be an integer")
    for name in requests.keys() & limits.keys():
        if parse_quantity(requests[name]) > parse_quantity(limits[name]):
            yield invalid(
                f"{path}.requests", requests[name], f"must be less than or equal to {name} limit of {limits[name]}"
            )
    if any(_is_extended(name) for name in requests.keys() - limits.keys()):
        yield required(f"{path}.limits", "Limit must be set for non overcommitable resources")


def _is_extended(name: str) -> bool:
    return "/" in name or name.startswith("hugepages-")


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
        if name := port.get("name"):
            yield from check_name(name, f"{at}.name", port_name)
            if name in names:
                yield duplicate(f"{at}.name", name)
            names.add(name)
        if not port.get("containerPort"):
            yield required(f"{at}.containerPort")
        else:
            yield from check_range(port["containerPort"], f"{at}.containerPort", 1, 65535)
        yield from check_range(port.get("hostPort") or None, f"{at}.hostPort", 1, 65535)
        yield from check_enum(port, at, "protocol", PROTOCOLS)


def _check_env(container: Obj, path: str) -> Iterator[FieldError]:
    for i, variable in enumerate(container.get("env") or ()):
        at = f"{path}.env[{i}]"
        if not variable.get("name"):
            yield required(f"{at}.name")
        elif "=" in variable["name"] or not variable["name"].isascii() or not variable["name"].isprintable():
            yield invalid(f"{at}.name", variable["name"], _ENV_NAME)
        if (source := variable.get("valueFrom")) is not None:
            yield from _check_source(source, f"{at}.valueFrom", has_value=bool(variable.get("value")))
    for i, source in enumerate(container.get("envFrom") or ()):
        if len([k for k in ("configMapRef", "secretRef") if source.get(k)]) != 1:
            yield invalid(f"{path}.envFrom[{i}]", "", "must specify one of: `configMapRef` or `secretRef`")


def _check_source(source: Obj, path: str, *, has_value: bool) -> Iterator[FieldError]:
    given = [kind for kind in _SOURCES if source.get(kind)]
    if not given:
        *others, last = (f"`{source}`" for source in _SOURCES)
        yield invalid(path, "", f"must specify one of: {', '.join(others)} or {last}")
    elif has_value:
        yield invalid(path, "", "may not be specified when `value` is not empty")
    elif len(given) > 1:
        yield invalid(path, "", "may not have more than one field specified at a time")
    for kind, needed in _NEEDED.items():
        if kind in source:
            yield from check_required(source[kind] or {}, f"{path}.{kind}", needed)
    for kind in ("configMapKeyRef", "secretKeyRef"):
        if key := (source.get(kind) or {}).get("key"):
            yield from check_key(key, f"{path}.{kind}.key")
    if field := (source.get("fieldRef") or {}).get("fieldPath"):
        yield from check_field_path(field, f"{path}.fieldRef", FIELDS)
    if (source.get("resourceFieldRef") or {}).get("resource"):
        yield from check_resource_field(source["resourceFieldRef"], f"{path}.resourceFieldRef")


def _check_mounts(mounts: list[Obj], path: str, volumes: Collection[str]) -> Iterator[FieldError]:
    paths: set[str] = set()
    for i, mount in enumerate(mounts):
        at = f"{path}[{i}]"
        if not mount.get("name"):
            yield required(f"{at}.name")
        elif mount["name"] not in volumes:
            yield not_found(f"{at}.name", mount["name"])
        where = mount.get("mountPath", "")
        if not where:
            yield required(f"{at}.mountPath")
        if where in paths:
            yield invalid(f"{at}.mountPath", where, "must be unique")
        paths.add(where)
        yield from _check_sub_path(mount, at, path)


def _check_sub_path(mount: Obj, path: str, mounts: str) -> Iterator[FieldError]:
    for name in ("subPath", "subPathExpr"):
        inside = mount.get(name) or ""
        if inside.startswith("/"):
            yield invalid(f"{path}.{name}", inside, "must be a relative path")
        if ".." in inside.split("/"):
            yield invalid(f"{mounts}.{name}", inside, "must not contain '..'")
    if mount.get("subPath") and mount.get("subPathExpr"):
        yield invalid(f"{path}.subPathExpr", mount["subPathExpr"], "subPathExpr and subPath are mutually exclusive")


def _check_resource_name(name: str, path: str) -> Iterator[FieldError]:
    if wrong := qualified_name(name):
        yield invalid(path, name, wrong)
    elif "/" not in name and name not in _STANDARD and not name.startswith("hugepages-"):
        yield invalid(path, name, "must be a standard resource type or fully qualified")
        yield invalid(path, name, "must be a standard resource for containers")


def _check_security(context: Obj, path: str) -> Iterator[FieldError]:
    for name in ("runAsUser", "runAsGroup"):
        yield from check_range(context.get(name), f"{path}.{name}", 0, _HIGHEST_ID)
    yield from check_seccomp(context.get("seccompProfile"), f"{path}.seccompProfile")
    yield from check_optional_enum(context, path, "procMount", ("Default", "Unmasked"))
    if context.get("procMount") == "Unmasked":
        yield invalid(f"{path}.procMount", "Unmasked", "`hostUsers` must be false to use `Unmasked`")
    if context.get("allowPrivilegeEscalation") is False:
        if context.get("privileged"):
            why = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            yield invalid(path, in_go(context, _SECURITY), why)
        if "SYS_ADMIN" in ((context.get("capabilities") or {}).get("add") or ()):
            why = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            yield invalid(path, in_go(context, _SECURITY), why)
