"""From a ContainerSpec to the config.json of an OCI bundle. Pure.

Source: the OCI runtime specification, and the choices that containerd makes for a pod's container.
"""

import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.runtime import capabilities, cgroups, seccomp
from cluster.runtime.first import NODE_IPC
from cluster.runtime.spec import ContainerSpec, Limits, Mount, Security

_MASKED_PROC = ("acpi", "asound", "kcore", "keys", "latency_stats", "sched_debug", "scsi", "timer_list", "timer_stats")
MASKED = [*(f"/proc/{name}" for name in _MASKED_PROC), "/sys/devices/virtual/powercap", "/sys/firmware"]
READ_ONLY = [f"/proc/{name}" for name in ("bus", "fs", "irq", "sys", "sysrq-trigger")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What of this machine shapes a bundle."""

    capabilities: frozenset[str]
    """Those of this very process: nobody can give what he has not."""
    oom_score_floor: int
    """The lowest oom_score_adj that may be set without CAP_SYS_RESOURCE is the one we have."""
    architecture: str
    cgroup_v2: bool


def this_machine(hierarchies: cgroups.Hierarchies) -> Machine:
    own = capabilities.of_this_process()
    adj = int(Path("/proc/self/oom_score_adj").read_text())
    return Machine(
        capabilities=own,
        oom_score_floor=-1000 if "SYS_RESOURCE" in own else adj,
        architecture=platform.machine(),
        cgroup_v2=hierarchies.unified,
    )


def config(
    spec: ContainerSpec, image_mounts: Iterable[Mount], machine: Machine, pids: Path | None = None
) -> dict[str, Any]:
    """`image_mounts` come first, so that a pod may mount over what its image brings; `pids` is a namespace to join."""
    granted = capabilities.granted(spec.security, machine.capabilities)
    return {
        "ociVersion": "1.0.2",
        "hostname": spec.hostname,
        "process": _process(spec, granted, machine),
        "root": {"path": "rootfs", "readonly": spec.security.read_only_root},
        "mounts": _mounts(spec, image_mounts),
        "linux": _linux(spec, granted, machine, pids),
    }


def _process(spec: ContainerSpec, granted: list[str], machine: Machine) -> dict[str, Any]:
    security = spec.security
    return {
        "terminal": spec.tty,
        "user": {"uid": security.uid, "gid": security.gid, "additionalGids": list(security.supplemental_gids)},
        "args": list(spec.argv),
        "env": [f"{name}={value}" for name, value in spec.env],
        "cwd": spec.cwd or "/",
        "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), granted),
        "noNewPrivileges": security.no_new_privileges,
        "oomScoreAdj": max(machine.oom_score_floor, spec.limits.oom_score_adj),
    }


def _linux(spec: ContainerSpec, granted: list[str], machine: Machine, pids: Path | None) -> dict[str, Any]:
    return {
        "cgroupsPath": f"/{spec.cgroup}/{spec.id}",
        "namespaces": [*_processes(spec, pids), *_others(spec)],
        "resources": _resources(spec.limits, machine),
        **_confinement(spec.security, granted, machine),
    }


def _processes(spec: ContainerSpec, pids: Path | None) -> list[dict[str, str]]:
    """Whose processes it sees: those of its node where no namespace is named, as runc itself does."""
    if pids:
        return [{"type": "pid", "path": str(pids)}]
    return [] if spec.node_pids else [{"type": "pid"}]


def _others(spec: ContainerSpec) -> list[dict[str, str]]:
    plain = [{"type": kind} for kind in ("uts", "mount", "cgroup")]
    memory = {"type": "ipc", "path": NODE_IPC} if spec.node_ipc else {"type": "ipc"}
    return [memory, *plain, {"type": "network", "path": str(spec.netns)}]


def _confinement(security: Security, granted: list[str], machine: Machine) -> dict[str, Any]:
    """A privileged container sees all of /proc and /sys, but still no device of the machine, which is not the pod's."""
    if security.privileged:
        return {}
    paths = {"maskedPaths": MASKED, "readonlyPaths": READ_ONLY}
    if security.seccomp == "Unconfined":
        return paths
    return paths | {"seccomp": seccomp.runtime_default(set(granted), machine.architecture)}


def _resources(limits: Limits, machine: Machine) -> dict[str, Any]:
    resources: dict[str, Any] = {
        "devices": [{"allow": False, "access": "rwm"}],
        "cpu": {"shares": limits.cpu_shares},
    }
    if limits.memory_bytes is not None:
        resources["memory"] = {"limit": limits.memory_bytes}
    if limits.cpu_millis is not None:
        resources["cpu"] |= {"quota": cgroups.cpu_quota_usec(limits.cpu_millis), "period": cgroups.CPU_PERIOD_USEC}
    if limits.pids is not None:
        resources["pids"] = {"limit": limits.pids}
    if machine.cgroup_v2:
        # As the kubelet asks on version 2: a container dies as one. Version 1 has no such thing.
        resources["unified"] = {"memory.oom.group": "1"}
    return resources


def _mounts(spec: ContainerSpec, image_mounts: Iterable[Mount]) -> list[dict[str, Any]]:
    own = sorted(spec.mounts, key=lambda mount: mount.destination.count("/"))
    return [_mount(mount) for mount in image_mounts] + _system_mounts() + [_mount(mount) for mount in own]


def _mount(mount: Mount) -> dict[str, Any]:
    if mount.source is None:
        size = [f"size={mount.tmpfs_size_bytes}"] if mount.tmpfs_size_bytes else []
        return _special(mount.destination, "tmpfs", "nosuid", "nodev", "mode=1777", *size)
    access = "ro" if mount.read_only else "rw"
    options = ["rbind", "rprivate", access]
    return {"destination": mount.destination, "type": "bind", "source": str(mount.source), "options": options}


def _system_mounts() -> list[dict[str, Any]]:
    return [
        _special("/proc", "proc", "nosuid", "noexec", "nodev"),
        _special("/dev", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _special("/dev/pts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
        _special("/dev/mqueue", "mqueue", "nosuid", "noexec", "nodev"),
        _special("/dev/shm", "tmpfs", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),  # noqa: S108  # the container's
        _special("/sys", "sysfs", "nosuid", "noexec", "nodev", "ro"),
        _special("/sys/fs/cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro"),
    ]


def _special(destination: str, kind: str, *options: str) -> dict[str, Any]:
    return {"destination": destination, "type": kind, "source": kind, "options": list(options)}
