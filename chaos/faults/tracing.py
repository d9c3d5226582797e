"""What runs in a target's container to hold, end or feed its processes: by ptrace(2), which stops also the first one.

A program by itself, of the standard library alone: `python3 -c SOURCE freeze|crash|leak SECONDS [BYTES]`, in an
ephemeral container that shares the processes of the target. A signal from inside cannot stop the first process of a
namespace, but a tracer can. When the tracer ends, by whatever cause, the kernel lets go what it held.
"""

import ctypes
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

MARK = "seawall-knocks "
FIRST = 1
# The requests and options of ptrace(2), as in linux/ptrace.h.
CONT, GETREGS, SETREGS, DETACH, SYSCALL = 7, 12, 13, 17, 24
SEIZE, INTERRUPT, GETSIGMASK, SETSIGMASK = 0x4206, 0x4207, 0x420A, 0x420B
EXITKILL, EVENT_STOP, WALL = 0x100000, 128, 0x40000000
TO_STAND_SECONDS = 0.05
# Whoever asked for a crash has heard of it before it comes.
TELL_AHEAD_SECONDS = 1.0

# Registers of x86-64 in the order of user_regs_struct; a call's number goes in rax, its arguments in the others.
REGISTERS, R10, R9, R8, RAX, RDX, RSI, RDI, ORIG_RAX, RIP, CS = 27, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17
CODE_OF_64_BITS, SYSCALL_INSTRUCTION, MMAP, RESTART_SYSCALL = 0x33, b"\x0f\x05", 9, 219
READ_WRITE, PRIVATE_ANONYMOUS_NORESERVE = 0x3, 0x4022
# What the kernel leaves for itself in rax of a call that it means to begin again (linux/errno.h).
RESTARTS, RESTART_BLOCK = (-512, -513, -514), -516

# Written, not just asked for, so that the kernel counts it; small, as the tracer holds it too.
PIECE = b"\xa5" * 2**20

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
Registers = ctypes.c_longlong * REGISTERS


def ptrace(request: int, thread: int, data: object = 0, size: int = 0) -> None:
    if _libc.ptrace(request, thread, size, data) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def tell(**told: object) -> None:
    line = MARK + json.dumps({key: str(value) for key, value in told.items()})
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def threads() -> Iterator[int]:
    """Every thread of the namespace but our own."""
    for process in Path("/proc").glob("[0-9]*"):
        if process.name != str(os.getpid()):
            yield from (int(task.name) for task in process.glob("task/*"))


def seize(options: int = 0) -> Iterator[int]:
    """Each thread as it is seized, until a look finds no new one. What has ended meanwhile cannot be."""
    seized: set[int] = set()
    while new := [thread for thread in threads() if thread not in seized]:
        for thread in new:
            seized.add(thread)
            try:
                ptrace(SEIZE, thread, options)
            except (ProcessLookupError, PermissionError):
                continue
            yield thread


def freeze(until: float) -> None:
    """Every thread stands still: the kernel goes on to accept connections for it, and nobody answers them."""
    held = []
    for thread in seize():
        ptrace(INTERRUPT, thread)
        held.append(thread)
    time.sleep(TO_STAND_SECONDS)
    while time.monotonic() < until:
        tell(held=sum(map(stands, held)), of=len(held))
        time.sleep(1)


def stands(thread: int) -> bool:
    """In a tracer's stop, by proc(5)."""
    try:
        return Path(f"/proc/{thread}/stat").read_text().rpartition(")")[2].split()[0] == "t"
    except OSError:
        return False


def crash(_: float) -> None:
    """The kernel kills what is traced when its tracer ends."""
    tell(crash="soon")
    time.sleep(TELL_AHEAD_SECONDS)
    for _thread in seize(EXITKILL):
        pass


def leak(until: float, per_second: int) -> None:
    """The first process maps more than there is, and page by page it becomes its own: as its own leak would be."""
    address = map_in(FIRST, total_memory())
    with memory_of(FIRST, "wb") as memory:
        memory.seek(address)
        while time.monotonic() < until:
            tell(rss_bytes=resident())
            time.sleep(1)
            for done in range(0, per_second, len(PIECE)):
                memory.write(PIECE[: per_second - done])


def memory_of(thread: int, mode: str) -> Any:
    """Its memory as a file, read and written at once."""
    return Path(f"/proc/{thread}/mem").open(mode, buffering=0)


def total_memory() -> int:
    return int(Path("/proc/meminfo").read_text().split()[1]) * 1024


def resident() -> int:
    """Bytes, by proc(5)."""
    return int(Path(f"/proc/{FIRST}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def map_in(thread: int, size: int) -> int:
    """Have a thread map anonymous memory; the address. It is stopped for the moment that this takes."""
    if os.uname().machine != "x86_64":
        raise NotImplementedError(f"memory is mapped for a process of x86_64 alone, and this is {os.uname().machine}")
    ptrace(SEIZE, thread)
    ptrace(INTERRUPT, thread)
    await_stop(thread)
    mask, all_blocked = ctypes.c_uint64(), ctypes.c_uint64(2**64 - 1)
    ptrace(GETSIGMASK, thread, ctypes.byref(mask), 8)
    ptrace(SETSIGMASK, thread, ctypes.byref(all_blocked), 8)
    try:
        address = call(thread, MMAP, 0, size, READ_WRITE, PRIVATE_ANONYMOUS_NORESERVE, -1, 0)
    finally:
        ptrace(SETSIGMASK, thread, ctypes.byref(mask), 8)
        ptrace(DETACH, thread)
    if -4096 < address < 0:
        raise OSError(-address, os.strerror(-address))
    return address


def await_stop(thread: int) -> None:
    """Until it stands because we interrupted it; signals that come first are passed on."""
    while True:
        _, status = os.waitpid(thread, WALL)
        if status >> 16 == EVENT_STOP:
            return
        ptrace(CONT, thread, os.WSTOPSIG(status))


def call(thread: int, number: int, *arguments: int) -> int:
    """A system call in the place of a stopped thread, whose registers are afterwards as they were."""
    before = Registers()
    ptrace(GETREGS, thread, before)
    if before[CS] != CODE_OF_64_BITS:
        raise NotImplementedError("memory is mapped for a process of 64 bits alone")
    now = Registers(*before)
    now[RIP], now[RAX], now[ORIG_RAX] = instruction(thread), number, -1
    for register, argument in zip((RDI, RSI, RDX, R10, R8, R9), arguments, strict=True):
        now[register] = argument
    ptrace(SETREGS, thread, now)
    # It stops where the call begins, and where it ends.
    for _ in range(2):
        ptrace(SYSCALL, thread)
        os.waitpid(thread, WALL)
    ptrace(GETREGS, thread, now)
    ptrace(SETREGS, thread, begun_again(list(before)))
    return int(now[RAX])


def instruction(thread: int) -> int:
    """Where a `syscall` lies in the code that the kernel maps into every process."""
    line = next(line for line in Path(f"/proc/{thread}/maps").read_text().splitlines() if line.endswith("[vdso]"))
    begin, end = (int(address, 16) for address in line.split()[0].split("-"))
    with memory_of(thread, "rb") as memory:
        memory.seek(begin)
        found: int = memory.read(end - begin).find(SYSCALL_INSTRUCTION)
    if found < 0:
        raise NotImplementedError("this kernel's vdso makes no system call")
    return begin + found


def begun_again(before: Sequence[int]) -> ctypes.Array[ctypes.c_longlong]:
    """The registers with a call begun again that our stop broke off, as the kernel would have begun it."""
    registers = Registers(*before)
    if before[ORIG_RAX] >= 0 and before[RAX] in (*RESTARTS, RESTART_BLOCK):
        registers[RIP] -= len(SYSCALL_INSTRUCTION)
        registers[RAX] = RESTART_SYSCALL if before[RAX] == RESTART_BLOCK else before[ORIG_RAX]
    registers[ORIG_RAX] = -1
    return registers


def must_reach() -> None:
    """Whoever may not trace may not open this either, so nothing is begun that cannot be done."""
    if os.getpid() == FIRST:
        raise NotImplementedError("the container runtime does not show it the processes of its target")
    memory_of(FIRST, "r+b").close()


DEEDS: dict[str, Callable[..., None]] = {"freeze": freeze, "crash": crash, "leak": leak}


def main(deed: str, seconds: str, *more: str) -> None:
    try:
        must_reach()
        DEEDS[deed](time.monotonic() + float(seconds), *map(int, more))
    except (OSError, NotImplementedError) as error:
        tell(refused=error)


if __name__ == "__main__":
    main(*sys.argv[1:])
