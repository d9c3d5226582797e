"""The rules of security contexts, of containers and of pods."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, in_go, invalid, not_one_of, not_supported, required, too_long
from cluster.api.resources.checks import check_range
from cluster.api.resources.volume_rules import check_descending
from cluster.client import Obj

_FIELDS = (
    "Capabilities Privileged SELinuxOptions WindowsOptions RunAsUser RunAsGroup RunAsNonRoot ReadOnlyRootFilesystem "
    "AllowPrivilegeEscalation ProcMount SeccompProfile AppArmorProfile"
)
_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_HIGHEST_ID = 2**31 - 1
_PATH_MAX = 4095
_ESCALATION = "cannot set `allowPrivilegeEscalation` to false and"
_SUPPORTED = {
    "fsGroupChangePolicy": ("Always", "OnRootMismatch"),
    "supplementalGroupsPolicy": ("Merge", "Strict"),
    "seLinuxChangePolicy": ("Recursive",),
}


def check_container_security(context: Obj, path: str, *, host_users: bool) -> Iterator[FieldError]:
    for name in ("runAsUser", "runAsGroup"):
        yield from check_range(context.get(name), f"{path}.{name}", 0, _HIGHEST_ID)
    mount = context.get("procMount")
    if mount not in (None, "Default", "Unmasked"):
        yield not_one_of(f"{path}.procMount", mount, ("Default", "Unmasked"))
    if mount == "Unmasked" and host_users:
        yield invalid(f"{path}.procMount", mount, "`hostUsers` must be false to use `Unmasked`")
    yield from _check_seccomp(context.get("seccompProfile"), f"{path}.seccompProfile")
    yield from _check_escalation(context, path)
    yield from _check_apparmor(context.get("appArmorProfile"), f"{path}.appArmorProfile")


def _check_escalation(context: Obj, path: str) -> Iterator[FieldError]:
    if context.get("allowPrivilegeEscalation") is not False:
        return
    if context.get("privileged"):
        yield invalid(path, _shown(context), f"{_ESCALATION} `privileged` to true")
    for name in (context.get("capabilities") or {}).get("add") or ():
        if name == "CAP_SYS_ADMIN":
            yield invalid(path, _shown(context), f"{_ESCALATION} `capabilities.Add` CAP_SYS_ADMIN")


def _shown(context: Obj) -> Obj:
    capabilities = context.get("capabilities")
    shown = in_go(context, _FIELDS)
    return shown if capabilities is None else shown | {"Capabilities": in_go(capabilities, "Add Drop")}


def check_pod_security(context: Obj, path: str, *, host_pid: bool, shared: bool) -> Iterator[FieldError]:
    """`shared`: whether the pod's containers share a process namespace."""
    for name in ("fsGroup", "runAsUser", "runAsGroup"):
        yield from check_range(context.get(name), f"{path}.{name}", 0, _HIGHEST_ID)
    for i, group in enumerate(context.get("supplementalGroups") or ()):
        yield from check_range(group, f"{path}.supplementalGroups[{i}]", 0, _HIGHEST_ID)
    if shared and host_pid:
        why = "ShareProcessNamespace and HostPID cannot both be enabled"
        yield invalid(f"{path}.shareProcessNamespace", True, why)
    yield from _check_word(context, path, "fsGroupChangePolicy")
    yield from _check_seccomp(context.get("seccompProfile"), f"{path}.seccompProfile")
    yield from _check_apparmor(context.get("appArmorProfile"), f"{path}.appArmorProfile")
    yield from _check_word(context, path, "supplementalGroupsPolicy")
    yield from _check_word(context, path, "seLinuxChangePolicy")


def _check_word(context: Obj, path: str, name: str) -> Iterator[FieldError]:
    if context.get(name) is not None and context[name] not in _SUPPORTED[name]:
        yield not_supported(f"{path}.{name}", context[name], _SUPPORTED[name])


def _check_seccomp(profile: Obj | None, path: str) -> Iterator[FieldError]:
    if profile is None:
        return
    kind, local = profile.get("type"), profile.get("localhostProfile")
    if not kind:
        yield required(f"{path}.type", "type is required when seccompProfile is set")
    elif kind not in _PROFILES:
        yield not_one_of(f"{path}.type", kind, _PROFILES)
    if kind == "Localhost" and local is None:
        yield required(f"{path}.localhostProfile", "must be set when seccomp type is Localhost")
    elif kind == "Localhost":
        yield from check_descending(str(local), f"{path}.localhostProfile")
    elif local is not None:
        shown = {"Type": kind or "", "LocalhostProfile": local}
        yield invalid(f"{path}.localhostProfile", shown, "can only be set when seccomp type is Localhost")


def _check_apparmor(profile: Obj | None, path: str) -> Iterator[FieldError]:
    if profile is None:
        return
    kind, local = profile.get("type"), profile.get("localhostProfile")
    if not kind:
        yield required(f"{path}.type", "type is required when appArmorProfile is set")
    elif kind not in _PROFILES:
        yield not_one_of(f"{path}.type", kind, _PROFILES)
    elif kind == "Localhost":
        yield from _check_local_apparmor(local, f"{path}.localhostProfile")
    elif local is not None:
        yield invalid(f"{path}.localhostProfile", local, "can only be set when AppArmor type is Localhost")


def _check_local_apparmor(local: str | None, path: str) -> Iterator[FieldError]:
    if not local:
        yield required(path, "must be set when AppArmor type is Localhost")
    elif local != local.strip():
        yield invalid(path, local, "must not be padded with whitespace")
    if local is not None and len(local.encode()) > _PATH_MAX:
        yield too_long(path, _PATH_MAX)
