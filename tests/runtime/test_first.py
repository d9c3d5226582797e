"""A node's first process, and what those see of the node who see its processes (hostPID)."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.runtime.ends import EARLY_MAX, Ends
from cluster.runtime.first import First, begin
from cluster.runtime.processes import spawn
from tests.runtime.bench import Bench, said

pytestmark = pytest.mark.root

# Longer than an orphan that sleeps for a fifth of a second.
A_WHILE = 0.8
PROCESSES = "for each in /proc/[0-9]*; do echo $(tr '\\0' ' ' < $each/cmdline); done"


@pytest.fixture
def first() -> Iterator[First]:
    first = begin()
    yield first
    first.end()


async def settled(first: First) -> None:
    """It has done all that it does before it waits for others."""
    async with asyncio.timeout(5):
        while len(list(Path(f"/proc/{first.pid}/fd").iterdir())) > 4 or comm(first) != "init":
            await asyncio.sleep(0.01)


def comm(first: First) -> str:
    return Path(f"/proc/{first.pid}/comm").read_text().strip()


async def orphan(first: First, script: str) -> int:
    """What is left to the first process when the shell that began it has gone; its process id there."""
    reading, writing = os.pipe()
    null = os.open(os.devnull, os.O_RDWR)
    with first.inside():
        shell = spawn(["sh", "-c", f"{{ {script}; }} > /dev/null & echo $!"], null, writing, null, os.environ)
    os.close(writing)
    assert await shell.ended() == 0
    with open(reading) as pipe:  # noqa: PTH123  # a descriptor
        return int(pipe.readline())


def living(first: First) -> list[int]:
    """All processes below it, as this process knows them."""
    return [int(pid) for pid in Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()]


class TestEnds:
    async def test_an_orphan_s_exit_code_is_told(self, first: First) -> None:
        pid = await orphan(first, "sleep 0.3; exit 7")
        process = Ends(first).process(pid, living(first))
        assert not process.has_ended()
        assert await process.ended() == 7
        assert process.has_ended()

    async def test_so_is_one_that_ended_before_anybody_asked(self, first: First) -> None:
        ends = Ends(first)
        pid = await orphan(first, "sleep 0.2; exit 7")
        await asyncio.sleep(A_WHILE)
        process = ends.process(pid, living(first))
        assert (process.has_ended(), await process.ended()) == (True, 7)

    async def test_a_signal_reaches_it_and_is_told(self, first: First) -> None:
        process = Ends(first).process(await orphan(first, "exec sleep 60"), living(first))
        process.signal(signal.SIGTERM)
        assert await process.ended() == -signal.SIGTERM

    async def test_a_number_that_is_used_again_is_another_process(self, first: First) -> None:
        """What was told of it before was told of one that nobody waited for."""
        ends = Ends(first)
        pid = await orphan(first, "exec sleep 60")
        ends._told(pid, 3)
        process = ends.process(pid, living(first))
        process.signal(signal.SIGKILL)
        assert await process.ended() == -signal.SIGKILL

    async def test_what_nobody_asks_for_is_forgotten(self, first: First) -> None:
        ends = Ends(first)
        for pid in range(2 * EARLY_MAX):
            ends._told(pid, 0)
        assert len(ends._early) == EARLY_MAX

    async def test_with_the_first_process_all_others_end(self) -> None:
        first = begin()
        process = Ends(first).process(await orphan(first, "exec sleep 60"), living(first))
        os.kill(first.pid, signal.SIGKILL)
        assert await process.ended() == -signal.SIGKILL
        first.end()


class TestFirst:
    async def test_it_holds_nothing_open_that_was_open_here(self, first: First) -> None:
        await settled(first)
        assert {link.name for link in Path(f"/proc/{first.pid}/fd").iterdir()} <= {"0", "1", "2"}

    async def test_nobody_sees_in_its_name_what_it_came_from(self, first: First) -> None:
        await settled(first)
        assert Path(f"/proc/{first.pid}/cmdline").read_bytes().strip(b"\0") == b"init"

    def test_who_begins_it_stays_where_he_was(self, first: First) -> None:
        assert Path("/proc/self/ns/pid").readlink() == Path("/proc/self/ns/pid_for_children").readlink()
        assert Path(f"/proc/{first.pid}/ns/pid").readlink() != Path("/proc/self/ns/pid").readlink()


class TestHostPid:
    async def test_it_sees_the_processes_of_its_node_and_of_no_other(self, bench: Bench) -> None:
        await bench.start("sleep", "71")
        await bench.start("sleep", "72", node="node2")
        _, text = await bench.run("sh", "-c", PROCESSES, node_pids=True)
        lines = text.splitlines()
        assert lines.count("sleep 71") == 1
        assert "sleep 72" not in lines
        assert lines[0] == "init"
        assert not [line for line in lines if "pytest" in line], "the machine's processes"

    async def test_others_see_their_own_alone(self, bench: Bench) -> None:
        await bench.start("sleep", "71", node_pids=True)
        _, text = await bench.run("sh", "-c", PROCESSES)
        assert "sleep 71" not in text
        assert "init" not in text.splitlines()

    async def test_it_may_end_what_its_node_runs_but_not_the_node(self, bench: Bench) -> None:
        neighbour = await bench.start("sleep", "71")
        # pkill would do, but is not on every machine.
        found = "case $(tr '\\0' ' ' < $each/cmdline) in 'sleep 71'*) kill -9 ${each#/proc/};; esac"
        await bench.run("sh", "-c", f"kill -9 1; for each in /proc/[0-9]*; do {found}; done", node_pids=True)
        assert (await bench.runtime.wait(neighbour.id)).code == 137
        exit, _ = await bench.run("true")
        assert exit.code == 0

    async def test_it_sees_no_file_of_the_machine_through_the_first_process(self, bench: Bench) -> None:
        _, text = await bench.run(
            "sh", "-c", "ls /proc/1/root/ 2>&1; cat /proc/1/environ 2>&1; readlink /proc/1/ns/mnt 2>&1", node_pids=True
        )
        assert text.count("Permission denied") == 2
        assert "mnt:" not in text

    async def test_it_is_told_no_mount_of_the_machine_by_the_first_process(self, bench: Bench) -> None:
        _, text = await bench.run("cat", "/proc/1/mounts", node_pids=True)
        assert text == ""

    async def test_memory_of_the_node_is_shared_by_name_and_by_key(self, bench: Bench) -> None:
        """Among those that ask for it, on one node."""
        await bench.run("sh", "-c", "echo secret > /dev/shm/it; ipcmk -Q", node_ipc=True)
        look = "cat /dev/shm/it; ipcs -q | grep -c 0x"
        texts = [
            (await bench.run("sh", "-c", look, **c))[1]
            for c in ({"node_ipc": True}, {"node_ipc": True, "node": "node2"}, {})
        ]
        assert texts[0] == "secret\n1\n"
        assert [text.splitlines()[-1] for text in texts[1:]] == ["0", "0"]

    async def test_its_exit_code_and_that_of_a_command_in_it_are_their_own(self, bench: Bench) -> None:
        spec = await bench.start("sh", "-c", "sleep 0.5; exit 9", node_pids=True)
        result = await bench.runtime.exec(spec.id, ("sh", "-c", "echo here; exit 4"), 10.0)
        assert (result.code, result.output) == (4, b"here\n")
        assert (await bench.runtime.wait(spec.id)).code == 9

    async def test_what_it_leaves_behind_ends_with_it(self, bench: Bench) -> None:
        spec = await bench.start("sh", "-c", "sleep 73 & echo there", node_pids=True)
        await bench.runtime.wait(spec.id)
        await bench.runtime.remove(spec.id)
        assert "there" in said(spec)
        _, text = await bench.run("sh", "-c", PROCESSES, node_pids=True)
        assert "sleep 73" not in text
