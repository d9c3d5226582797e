"""Which capabilities a container gets. Source: containerd's defaults for containers that are not privileged."""

from collections.abc import Set
from pathlib import Path

from cluster.runtime.spec import Security

# In the order of the kernel's numbers (include/uapi/linux/capability.h): the index is the bit.
_IN_ORDER = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN "
    "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE "
    "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
)
_GIVEN = (
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID "
    "SYS_CHROOT"
)
ALL = _IN_ORDER.split()
DEFAULT = frozenset(_GIVEN.split())

# These reach past every namespace into the one kernel that the machine shares with its user.
NEVER = frozenset({"SYS_MODULE", "SYS_RAWIO", "SYS_TIME", "SYS_BOOT", "MAC_ADMIN", "MAC_OVERRIDE"})


def granted(security: Security, machine: Set[str]) -> list[str]:
    """The container's capabilities, spelled CAP_…, as far as the machine has them itself."""
    have = set(ALL) if security.privileged else set(DEFAULT)
    dropped = {name.upper().removeprefix("CAP_") for name in security.drop_capabilities}
    added = {name.upper().removeprefix("CAP_") for name in security.add_capabilities}
    have = set() if "ALL" in dropped else have - dropped
    have |= set(ALL) if "ALL" in added else added
    return [f"CAP_{name}" for name in ALL if name in (have & machine) - NEVER]


def parse_mask(status: str, field: str = "CapEff") -> frozenset[str]:
    """The capabilities in one mask of /proc/PID/status."""
    line = next(line for line in status.splitlines() if line.startswith(f"{field}:"))
    mask = int(line.split()[1], 16)
    return frozenset(name for bit, name in enumerate(ALL) if mask >> bit & 1)


def of_this_process() -> frozenset[str]:
    return parse_mask(Path("/proc/self/status").read_text())
