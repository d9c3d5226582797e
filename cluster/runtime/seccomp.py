"""The seccomp profile RuntimeDefault, as a deny list.

containerd's default profile is a list of some 380 system calls that are allowed. What a container notices of it
is what is missing; that is short, quick to load, and written here: a call is refused with EPERM unless the container
holds a capability that opens it in containerd's profile.
"""

from collections.abc import Set
from typing import Any

ENOSYS = 38
EPERM = 1
CLONE_NEW_NAMESPACES = 0x7E020000
AF_VSOCK = 40

# (calls, any one of the capabilities that open them)
DENIED = (
    (
        "_sysctl add_key create_module get_kernel_syms io_uring_enter io_uring_register io_uring_setup "
        "kexec_file_load kexec_load keyctl migrate_pages move_pages nfsservctl pivot_root query_module request_key "
        "swapoff swapon sysfs uselib userfaultfd ustat vm86 vm86old",
        frozenset[str](),
    ),
    (
        "fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount open_tree quotactl "
        "quotactl_fd setdomainname sethostname setns umount umount2 unshare",
        frozenset({"CAP_SYS_ADMIN"}),
    ),
    ("bpf", frozenset({"CAP_SYS_ADMIN", "CAP_BPF"})),
    ("perf_event_open", frozenset({"CAP_SYS_ADMIN", "CAP_PERFMON"})),
    ("syslog", frozenset({"CAP_SYS_ADMIN", "CAP_SYSLOG"})),
    ("open_by_handle_at", frozenset({"CAP_DAC_READ_SEARCH"})),
    ("reboot", frozenset({"CAP_SYS_BOOT"})),
    ("chroot", frozenset({"CAP_SYS_CHROOT"})),
    ("delete_module finit_module init_module", frozenset({"CAP_SYS_MODULE"})),
    ("get_mempolicy mbind set_mempolicy set_mempolicy_home_node", frozenset({"CAP_SYS_NICE"})),
    ("acct", frozenset({"CAP_SYS_PACCT"})),
    ("kcmp pidfd_getfd process_madvise", frozenset({"CAP_SYS_PTRACE"})),
    ("ioperm iopl", frozenset({"CAP_SYS_RAWIO"})),
    ("clock_settime clock_settime64 settimeofday stime", frozenset({"CAP_SYS_TIME"})),
    ("vhangup", frozenset({"CAP_SYS_TTY_CONFIG"})),
)

ARCHITECTURES = {
    "x86_64": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    "aarch64": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
}


def runtime_default(capabilities: Set[str], machine: str) -> dict[str, Any]:
    """The `linux.seccomp` of a bundle; `machine` as `uname -m` gives it."""
    names = [call for calls, openers in DENIED if not openers & capabilities for call in calls.split()]
    namespaces = [] if "CAP_SYS_ADMIN" in capabilities else _no_new_namespaces()
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ARCHITECTURES.get(machine, []),
        "syscalls": [_deny(names), *namespaces, _deny(["socket"], args=[_equals(0, AF_VSOCK)])],
    }


def _no_new_namespaces() -> list[dict[str, Any]]:
    """clone3 hides its flags behind a pointer; ENOSYS makes a C library fall back to clone, whose flags can be seen."""
    flags = range(CLONE_NEW_NAMESPACES.bit_length())
    bits = [1 << bit for bit in flags if CLONE_NEW_NAMESPACES >> bit & 1]
    return [_deny(["clone3"], ENOSYS), *(_deny(["clone"], args=[_has_bit(0, bit)]) for bit in bits)]


def _deny(names: list[str], errno: int = EPERM, args: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    rule = {"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": errno}
    return rule | ({"args": args} if args else {})


def _equals(index: int, value: int) -> dict[str, Any]:
    return {"index": index, "value": value, "op": "SCMP_CMP_EQ"}


def _has_bit(index: int, bit: int) -> dict[str, Any]:
    return {"index": index, "value": bit, "valueTwo": bit, "op": "SCMP_CMP_MASKED_EQ"}
