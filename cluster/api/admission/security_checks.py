"""The Pod Security Standards as checks on a pod's spec. Pure.

Source: the Kubernetes page "Pod Security Standards"; wording as recorded on a real cluster where it was refused, else
as the standard's checks phrase it. Checks on what this cluster refuses anyway (Windows, SELinux options) are left out.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from cluster.client import Obj

Check = Callable[[Obj], str]
"""A pod's spec to what is wrong with it, "" if nothing."""

_DEFAULT_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
_SAFE_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    }
)
_SAFE_VOLUMES = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
)
_SECCOMP = "securityContext.seccompProfile.type"


def violations(level: str, spec: Obj) -> list[str]:
    """What of a pod's spec a level forbids, in the order in which a real cluster lists it."""
    return [found for check in LEVELS[level] if (found := check(spec))]


def host_namespaces(spec: Obj) -> str:
    used = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    return f"host namespaces ({', '.join(used)})" if used else ""


def host_paths(spec: Obj) -> str:
    names = [volume["name"] for volume in spec.get("volumes") or () if "hostPath" in volume]
    return f"hostPath volumes ({_these('volume', names)})" if names else ""


def host_ports(spec: Obj) -> str:
    using = {c["name"]: [p["hostPort"] for p in c.get("ports") or () if p.get("hostPort")] for c in _containers(spec)}
    names = [name for name, ports in using.items() if ports]
    ports = sorted({port for ports in using.values() for port in ports})
    verb = "uses" if len(names) == 1 else "use"
    noun = "hostPort" if len(ports) == 1 else "hostPorts"
    return f"hostPort ({_these('container', names)} {verb} {noun} {', '.join(map(str, ports))})" if names else ""


def privileged(spec: Obj) -> str:
    return _containers_that(
        spec, "privileged", "must not set securityContext.privileged=true", lambda s: s.get("privileged")
    )


def proc_mount(spec: Obj) -> str:
    what = 'must not set securityContext.procMount to "Unmasked"'
    return _containers_that(spec, "procMount", what, lambda s: s.get("procMount", "Default") != "Default")


def added_capabilities(spec: Obj) -> str:
    return _added(spec, "non-default capabilities", _DEFAULT_CAPABILITIES)


def seccomp_unconfined(spec: Obj) -> str:
    who = [*(["pod"] if _seccomp(_context(spec)) == "Unconfined" else [])]
    who += _named(_where(spec, lambda s: _seccomp(s) == "Unconfined"))
    return f'seccompProfile ({" and ".join(who)} must not set {_SECCOMP} to "Unconfined")' if who else ""


def sysctls(spec: Obj) -> str:
    names = [s["name"] for s in _context(spec).get("sysctls") or () if s["name"] not in _SAFE_SYSCTLS]
    return f"forbidden sysctls ({', '.join(names)})" if names else ""


def privilege_escalation(spec: Obj) -> str:
    what = "must set securityContext.allowPrivilegeEscalation=false"
    head = "allowPrivilegeEscalation != false"
    return _containers_that(spec, head, what, lambda s: s.get("allowPrivilegeEscalation") is not False)


def dropped_capabilities(spec: Obj) -> str:
    keeps = _where(spec, lambda s: "ALL" not in ((s.get("capabilities") or {}).get("drop") or ()))
    parts = [f'{_these("container", keeps)} must set securityContext.capabilities.drop=["ALL"]'] if keeps else []
    if added := _added(spec, "", frozenset({"NET_BIND_SERVICE"})):
        parts.append(added.removeprefix(" (").removesuffix(")"))
    return f"unrestricted capabilities ({'; '.join(parts)})" if parts else ""


def restricted_volumes(spec: Obj) -> str:
    found = [(v["name"], kind) for v in spec.get("volumes") or () if (kind := _kind(v)) not in _SAFE_VOLUMES]
    if not found:
        return ""
    names, kinds = [name for name, _ in found], sorted({kind for _, kind in found})
    uses = "uses restricted volume type" if len(names) == 1 else "use restricted volume types"
    return f"restricted volume types ({_these('volume', names)} {uses} {_quoted(kinds)})"


def run_as_non_root(spec: Obj) -> str:
    of_pod = _context(spec).get("runAsNonRoot")
    lying = _where(spec, lambda s: s.get("runAsNonRoot") is False)
    parts = ["pod must not set securityContext.runAsNonRoot=false"] if of_pod is False else []
    if lying:
        parts.append(f"{_these('container', lying)} must not set securityContext.runAsNonRoot=false")
    silent = _where(spec, lambda s: s.get("runAsNonRoot") is None)
    if not parts and not of_pod and silent:
        parts.append(f"pod or {_these('container', silent)} must set securityContext.runAsNonRoot=true")
    return f"runAsNonRoot != true ({', '.join(parts)})" if parts else ""


def run_as_user(spec: Obj) -> str:
    who = [*(["pod"] if _context(spec).get("runAsUser") == 0 else [])]
    who += _named(_where(spec, lambda s: s.get("runAsUser") == 0))
    return f"runAsUser=0 ({' and '.join(who)} must not set runAsUser=0)" if who else ""


def seccomp_required(spec: Obj) -> str:
    if refused := seccomp_unconfined(spec):
        return refused
    silent = _where(spec, lambda s: not _seccomp(s))
    if _seccomp(_context(spec)) or not silent:
        return ""
    what = f'must set {_SECCOMP} to "RuntimeDefault" or "Localhost"'
    return f"seccompProfile (pod or {_these('container', silent)} {what})"


LEVELS: dict[str, tuple[Check, ...]] = {
    "privileged": (),
    "baseline": (
        added_capabilities,
        host_namespaces,
        host_paths,
        host_ports,
        privileged,
        proc_mount,
        seccomp_unconfined,
        sysctls,
    ),
    "restricted": (
        host_namespaces,
        host_ports,
        privileged,
        proc_mount,
        sysctls,
        privilege_escalation,
        dropped_capabilities,
        restricted_volumes,
        run_as_non_root,
        run_as_user,
        seccomp_required,
    ),
}


def _containers(spec: Obj) -> list[Obj]:
    kinds = ("initContainers", "containers", "ephemeralContainers")
    return [container for kind in kinds for container in spec.get(kind) or ()]


def _context(holder: Obj) -> Obj:
    context: Obj = holder.get("securityContext") or {}
    return context


def _seccomp(context: Obj) -> Any:
    return (context.get("seccompProfile") or {}).get("type")


def _where(spec: Obj, bad: Callable[[Obj], Any]) -> list[str]:
    return [container["name"] for container in _containers(spec) if bad(_context(container))]


def _containers_that(spec: Obj, head: str, what: str, bad: Callable[[Obj], Any]) -> str:
    names = _where(spec, bad)
    return f"{head} ({_these('container', names)} {what})" if names else ""


def _added(spec: Obj, head: str, allowed: frozenset[str]) -> str:
    added = {
        c["name"]: set((_context(c).get("capabilities") or {}).get("add") or ()) - allowed for c in _containers(spec)
    }
    names, what = [name for name, bad in added.items() if bad], sorted(set().union(*added.values()))
    must_not = f"must not include {_quoted(what)} in securityContext.capabilities.add"
    return f"{head} ({_these('container', names)} {must_not})" if names else ""


def _kind(volume: Obj) -> str:
    return next((key for key in volume if key != "name"), "")


def _these(noun: str, names: list[str]) -> str:
    return f"{noun if len(names) == 1 else noun + 's'} {_quoted(names)}"


def _named(names: list[str]) -> Iterator[str]:
    if names:
        yield _these("container", names)


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)
