"""Real containers: how they end, what they may, what they see, what they say."""

import asyncio
import os
import re
import signal
from pathlib import Path

import pytest

from cluster.config import MIB
from cluster.runtime.logs import FILE_BYTES_MAX, rotated
from cluster.runtime.spec import ImageMissing, Limits, Mount, Security, StartFailed
from tests.runtime.bench import Bench, said

pytestmark = pytest.mark.root

HOG = "x = bytearray(); [x.extend(bytes(1 << 20)) for _ in range(1024)]"
NOBODY = Security(uid=65534, gid=65534, drop_capabilities=("ALL",), no_new_privileges=True, seccomp="RuntimeDefault")


def status(text: str, field: str) -> str:
    """One line of /proc/self/status."""
    match = re.search(rf"^{field}:\s*(.*)$", text, re.MULTILINE)
    assert match, text
    return match[1]


def zombies() -> list[str]:
    """Dead children of this process that nobody has buried."""
    states = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in children()]
    return [state for state in states if state == "Z"]


def children() -> list[str]:
    own = os.getpid()
    return Path(f"/proc/{own}/task/{own}/children").read_text().split()


class TestEnd:
    async def test_exit_code_is_the_first_process_s_own(self, bench: Bench) -> None:
        exit, _ = await bench.run("sh", "-c", "exit 3")
        assert (exit.code, exit.oom_killed) == (3, False)

    async def test_memory_beyond_the_limit_is_an_oom_kill(self, bench: Bench) -> None:
        exit, _ = await bench.run("python3", "-c", HOG, limits=Limits(memory_bytes=32 * MIB))
        assert (exit.code, exit.oom_killed) == (137, True)

    async def test_a_killed_child_that_takes_its_parent_along_is_an_oom_kill(self, bench: Bench) -> None:
        exit, _ = await bench.run("sh", "-c", f"python3 -c '{HOG}'; exit $?", limits=Limits(memory_bytes=32 * MIB))
        assert (exit.code, exit.oom_killed) == (137, True)

    async def test_a_plain_kill_is_not_an_oom_kill(self, bench: Bench) -> None:
        spec = await bench.start("sleep", "600", limits=Limits(memory_bytes=32 * MIB))
        bench.runtime.signal(spec.id, signal.SIGKILL)
        exit = await bench.runtime.wait(spec.id)
        assert (exit.code, exit.oom_killed) == (137, False)

    async def test_a_node_without_memory_kills_though_the_container_has_no_limit(self, bench: Bench) -> None:
        exit, _ = await bench.run("python3", "-c", HOG)
        assert (exit.code, exit.oom_killed) == (137, True)

    async def test_a_signal_reaches_the_program(self, bench: Bench) -> None:
        spec = await bench.start("sh", "-c", "trap 'exit 7' TERM; echo up; while :; do sleep 0.01; done")
        while "up" not in said(spec):
            await asyncio.sleep(0.01)
        bench.runtime.signal(spec.id, signal.SIGTERM)
        assert (await bench.runtime.wait(spec.id)).code == 7

    async def test_a_signal_to_an_ended_container_is_nothing(self, bench: Bench) -> None:
        spec = await bench.start("true")
        await bench.runtime.wait(spec.id)
        bench.runtime.signal(spec.id, signal.SIGTERM)

    async def test_a_frozen_container_stands_still_and_can_still_be_removed(self, bench: Bench) -> None:
        spec = await bench.start("sh", "-c", "while :; do echo tick; sleep 0.01; done")
        bench.runtime.freeze(spec.id, frozen=True)
        await asyncio.sleep(0.05)
        before = said(spec)
        await asyncio.sleep(0.1)
        assert said(spec) == before
        await asyncio.wait_for(bench.runtime.remove(spec.id), 5)

    async def test_removal_leaves_no_files_but_the_log(self, bench: Bench, tmp_path: Path) -> None:
        spec = await bench.start("sh", "-c", "echo hello > /kept; sleep 600")
        await bench.runtime.remove(spec.id)
        assert list((tmp_path / "state" / "layers").iterdir()) == []
        assert spec.log_path.exists()
        with pytest.raises(StartFailed, match="does not exist"):
            await bench.runtime.exec(spec.id, ("true",), 5)


class TestStart:
    async def test_a_missing_program_is_told_in_runc_s_words(self, bench: Bench) -> None:
        with pytest.raises(StartFailed) as failure:
            await bench.start("nosuch")
        assert str(failure.value) == (
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: "
            "runc create failed: "
            'unable to start container process: exec: "nosuch": executable file not found in $PATH: unknown'
        )

    async def test_a_failed_start_leaves_nothing(self, bench: Bench, tmp_path: Path) -> None:
        with pytest.raises(StartFailed):
            await bench.start("nosuch")
        assert list((tmp_path / "state" / "layers").iterdir()) == []

    async def test_a_cancelled_start_leaves_nothing(self, bench: Bench, tmp_path: Path) -> None:
        starting = asyncio.create_task(bench.start("sleep", "600"))
        await asyncio.sleep(0.01)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert list((tmp_path / "state" / "layers").iterdir()) == []

    async def test_an_unknown_image_is_refused_with_those_that_exist(self, bench: Bench) -> None:
        with pytest.raises(ImageMissing, match=r"busybox.*--context"):
            bench.spec("true", image="nosuch:1")


class TestConfinement:
    async def test_the_user_is_the_one_asked_for(self, bench: Bench) -> None:
        security = Security(uid=1234, gid=5678, supplemental_gids=(42,))
        _, text = await bench.run("id", security=security)
        assert text == "uid=1234 gid=5678 groups=5678,42\n"

    async def test_a_restricted_container_has_no_capability_and_can_gain_none(self, bench: Bench) -> None:
        _, text = await bench.run("cat", "/proc/self/status", security=NOBODY)
        assert {int(status(text, f"Cap{kind}"), 16) for kind in ("Eff", "Prm", "Bnd", "Inh", "Amb")} == {0}
        assert (status(text, "NoNewPrivs"), status(text, "Seccomp")) == ("1", "2")

    async def test_root_has_containerd_s_fourteen_capabilities(self, bench: Bench) -> None:
        _, text = await bench.run("cat", "/proc/self/status")
        assert status(text, "CapEff") == "00000000a80425fb"
        assert (status(text, "NoNewPrivs"), status(text, "Seccomp")) == ("0", "0")

    async def test_capabilities_are_added_to_none(self, bench: Bench) -> None:
        security = Security(uid=0, gid=0, drop_capabilities=("ALL",), add_capabilities=("NET_BIND_SERVICE",))
        _, text = await bench.run("cat", "/proc/self/status", security=security)
        assert int(status(text, "CapEff"), 16) == 1 << 10

    async def test_seccomp_refuses_a_new_namespace_even_to_a_user_namespace(self, bench: Bench) -> None:
        _, text = await bench.run("sh", "-c", "unshare --user true 2>&1 || echo refused", security=NOBODY)
        assert "Operation not permitted" in text
        assert "refused" in text

    async def test_without_seccomp_a_user_namespace_is_granted(self, bench: Bench) -> None:
        _, text = await bench.run("sh", "-c", "unshare --user echo granted", security=Security(uid=65534, gid=65534))
        assert text == "granted\n"

    async def test_threads_and_processes_work_under_seccomp(self, bench: Bench) -> None:
        program = (
            "import subprocess, threading; t = threading.Thread(target=print, args=('thread',)); t.start(); t.join(); "
        )
        _, text = await bench.run("python3", "-uc", program + "subprocess.run(['echo', 'process'])", security=NOBODY)
        assert text == "thread\nprocess\n"

    async def test_a_read_only_root_refuses_writes_but_not_its_mounts(self, bench: Bench, tmp_path: Path) -> None:
        (tmp_path / "volume").mkdir()
        _, text = await bench.run(
            *("sh", "-c", "echo a > /x; echo b > /tmp/x; echo c > /volume/x && echo written"),
            security=Security(uid=0, gid=0, read_only_root=True),
            mounts=(Mount(destination="/volume", source=tmp_path / "volume"),),
        )
        assert text.count("Read-only file system") == 2
        assert text.endswith("written\n")

    async def test_even_a_privileged_container_reaches_no_device_of_the_machine(self, bench: Bench) -> None:
        disk = "import os; os.mknod('/disk', 0o60600, os.stat('/').st_dev); open('/disk', 'rb')"
        exit, text = await bench.run("python3", "-c", disk, security=Security(uid=0, gid=0, privileged=True))
        assert exit.code == 1
        assert "Operation not permitted" in text

    async def test_limits_are_seen_from_inside(self, bench: Bench) -> None:
        paths = "memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us pids/pids.max /proc/self/oom_score_adj"
        limits = Limits(memory_bytes=64 * MIB, cpu_millis=250, pids=50, oom_score_adj=900)
        _, text = await bench.run("sh", "-c", f"cd /sys/fs/cgroup; cat {paths}", limits=limits)
        assert text.split() == [str(64 * MIB), "25000", "50", "900"]

    async def test_a_negative_oom_score_never_keeps_a_container_from_starting(self, bench: Bench) -> None:
        exit, text = await bench.run("cat", "/proc/self/oom_score_adj", limits=Limits(oom_score_adj=-997))
        assert exit.code == 0
        assert int(text) in {0, -997}


class TestWorldInside:
    @pytest.mark.parametrize("path", ["/root", "/home", "/opt", "/srv", "/mnt", "/media"])
    async def test_no_file_of_the_host_is_in_its_private_folders(self, bench: Bench, path: str) -> None:
        _, text = await bench.run("find", path, "-mindepth", "1")
        assert text == ""

    async def test_only_what_an_image_has_is_at_the_root(self, bench: Bench) -> None:
        _, text = await bench.run("ls", "/", image="busybox")
        merged = {name for name in ("bin", "lib", "lib32", "lib64", "libx32", "sbin") if Path("/", name).exists()}
        folders = "dev etc home media mnt opt proc root run srv sys tmp usr var"
        assert set(text.split()) == {*folders.split()} | merged

    async def test_the_files_of_etc_are_ours(self, bench: Bench) -> None:
        _, text = await bench.run("sh", "-c", "cat /etc/passwd; ls /etc")
        assert "nobody:x:65534" in text
        assert not {"shadow", "ssh", "machine-id", "sudoers"} & set(text.split())

    async def test_the_host_s_userland_is_read_only(self, bench: Bench) -> None:
        exit, text = await bench.run("sh", "-c", "echo > /usr/x; echo > /usr/local/x; echo > /bin/x")
        assert exit.code != 0
        assert text.count("Read-only file system") == 3

    @pytest.mark.parametrize("command", ["python", "python3", "/usr/local/bin/python3"])
    async def test_python_runs_for_anybody_under_its_public_name(self, bench: Bench, command: str) -> None:
        exit, text = await bench.run(command, "-c", "import ssl, sqlite3, sys; print(sys.prefix)", security=NOBODY)
        assert exit.code == 0, text

    async def test_the_locust_image_runs_locust_as_its_own_user(self, bench: Bench) -> None:
        security = Security(uid=1000, gid=1000, drop_capabilities=("ALL",))
        exit, text = await bench.run("locust", "--version", image="locustio/locust:2.47.0", security=security)
        assert exit.code == 0, text
        assert text.startswith("locust 2.")

    async def test_hostname_and_processes_are_its_own(self, bench: Bench) -> None:
        _, text = await bench.run("sh", "-c", "hostname; echo $$; ls /proc | grep -c '^[0-9]'")
        assert text.split()[:2] == ["the-pod", "1"]
        assert int(text.split()[2]) < 6

    async def test_mounts_appear_parents_first(self, bench: Bench, tmp_path: Path) -> None:
        (tmp_path / "outer").mkdir()
        (tmp_path / "inner").write_text("inner")
        inner = Mount(destination="/data/sub/file", source=tmp_path / "inner", read_only=True)
        _, text = await bench.run(
            "cat", "/data/sub/file", mounts=(inner, Mount(destination="/data", source=tmp_path / "outer"))
        )
        assert text == "inner"

    async def test_two_containers_do_not_share_what_they_write(self, bench: Bench) -> None:
        await bench.run("sh", "-c", "echo mine > /file")
        exit, _ = await bench.run("cat", "/file")
        assert exit.code == 1


class TestLogs:
    async def test_both_streams_are_logged_in_the_cri_format(self, bench: Bench) -> None:
        spec = await bench.start("sh", "-c", "echo out; sleep 0.05; echo err >&2; sleep 0.05; printf rest")
        await bench.runtime.wait(spec.id)
        time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"
        out, err, rest = spec.log_path.read_text().splitlines()
        assert re.fullmatch(f"{time} stdout F out", out)
        assert re.fullmatch(f"{time} stderr F err", err)
        assert re.fullmatch(f"{time} stdout P rest", rest)

    async def test_a_log_that_is_full_is_put_aside(self, bench: Bench) -> None:
        spec = await bench.start(
            "sh", "-c", "yes 01234567890123456789012345678901234567890 | head -n 200000; echo last"
        )
        await bench.runtime.wait(spec.id)
        full = rotated(spec.log_path, 1)
        assert FILE_BYTES_MAX <= full.stat().st_size < FILE_BYTES_MAX + 2**18
        count = sum(len(path.read_bytes().splitlines()) for path in spec.log_path.parent.glob(f"{spec.log_path.name}*"))
        assert count == 200001
        assert spec.log_path.read_text().endswith(" stdout F last\n")

    async def test_everything_said_is_logged_when_the_end_is_told(self, bench: Bench) -> None:
        spec = await bench.start("sh", "-c", "seq 20000; echo last >&2")
        await bench.runtime.wait(spec.id)
        assert [line for line in said(spec).split("\n") if line.isdigit()] == [str(n) for n in range(1, 20001)]

    async def test_a_broken_pipe_kills_a_program_as_everywhere(self, bench: Bench) -> None:
        """Python ignores SIGPIPE; what it starts must not."""
        _, text = await bench.run("sh", "-c", "(yes; echo $? >&2) | true; echo done")
        assert text in {"141\ndone\n", "done\n141\n"}


class TestExec:
    async def test_code_and_output_come_back_in_order(self, bench: Bench) -> None:
        spec = await bench.start("sleep", "600")
        result = await bench.runtime.exec(spec.id, ("sh", "-c", "echo out; echo err >&2; exit 3"), 5)
        assert (result.code, result.output, result.timed_out) == (3, b"out\nerr\n", False)

    async def test_a_command_beyond_its_time_is_killed(self, bench: Bench) -> None:
        spec = await bench.start("sleep", "600")
        result = await bench.runtime.exec(spec.id, ("sh", "-c", "echo early; exec sleep 600"), 0.5)
        assert (result.code, result.output, result.timed_out) == (137, b"early\n", True)

    async def test_a_cancelled_command_is_ended_and_buried(self, bench: Bench) -> None:
        spec = await bench.start("sleep", "600")
        for patience in (0.001, 0.2):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(bench.runtime.exec(spec.id, ("sleep", "601"), 60), patience)
        await asyncio.sleep(0.1)
        left = await bench.runtime.exec(spec.id, ("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"), 5)
        assert b"601" not in left.output
        assert not zombies()

    async def test_output_is_capped_and_nobody_blocks(self, bench: Bench) -> None:
        spec = await bench.start("sleep", "600")
        result = await bench.runtime.exec(spec.id, ("sh", "-c", "yes | head -c 1000000"), 5)
        assert (result.code, len(result.output)) == (0, 16 * 1024)

    async def test_a_missing_command_is_a_failure_to_start(self, bench: Bench) -> None:
        spec = await bench.start("sleep", "600")
        with pytest.raises(StartFailed, match='exec: "nosuch": executable file not found in \\$PATH: unknown'):
            await bench.runtime.exec(spec.id, ("nosuch",), 5)

    async def test_a_command_has_the_container_s_user_and_limits(self, bench: Bench) -> None:
        spec = await bench.start("sleep", "600", security=NOBODY, limits=Limits(memory_bytes=64 * MIB))
        result = await bench.runtime.exec(spec.id, ("cat", "/proc/self/status", "/proc/self/cgroup"), 5)
        text = result.output.decode()
        assert status(text, "Uid").split() == ["65534"] * 4
        assert (status(text, "CapEff"), status(text, "Seccomp")) == ("0" * 16, "2")
        hog = await bench.runtime.exec(spec.id, ("python3", "-c", HOG), 20)
        assert hog.code == 137

    async def test_streams_carry_input_output_and_error_apart(self, bench: Bench) -> None:
        spec = await bench.start("sleep", "600")
        stream = await bench.runtime.open_exec(spec.id, ("sh", "-c", "cat; echo err >&2; exit 4"), tty=False)
        await stream.write_stdin(b"hello ")
        await stream.write_stdin(b"there\n")
        await stream.write_stdin(b"")
        heard: dict[int, bytes] = {1: b"", 2: b""}
        while (said := await asyncio.wait_for(stream.read(), 5)) is not None:
            heard[said[0]] += said[1]
        assert heard == {1: b"hello there\n", 2: b"err\n"}
        assert await stream.exit_code() == 4

    async def test_a_terminal_is_a_terminal_with_a_size(self, bench: Bench) -> None:
        spec = await bench.start("sleep", "600")
        stream = await bench.runtime.open_exec(spec.id, ("sh", "-c", "read x; stty size; tty"), tty=True)
        await stream.resize(100, 40)
        await stream.write_stdin(b"go\n")
        heard = b""
        while (said := await asyncio.wait_for(stream.read(), 5)) is not None:
            heard += said[1]
        assert b"40 100" in heard
        assert b"/dev/pts/" in heard
        assert await stream.exit_code() == 0

    async def test_a_background_process_does_not_hold_the_stream_open(self, bench: Bench) -> None:
        spec = await bench.start("sleep", "600")
        stream = await bench.runtime.open_exec(spec.id, ("sh", "-c", "sleep 600 & echo hi"), tty=False)
        assert await asyncio.wait_for(stream.read(), 5) == (1, b"hi\n")
        assert await asyncio.wait_for(stream.read(), 5) is None


class TestAttach:
    async def test_input_reaches_it_and_what_it_says_comes_back_and_is_logged(self, bench: Bench) -> None:
        spec = await bench.start("sh", "-c", "while read x; do echo got $x; done; exit 3", stdin=True, stdin_once=True)
        stream = await bench.runtime.attach(spec.id)
        await stream.write_stdin(b"one\n")
        assert await asyncio.wait_for(stream.read(), 5) == (1, b"got one\n")
        await stream.write_stdin(b"")
        assert await asyncio.wait_for(stream.read(), 5) is None
        assert (await stream.exit_code(), said(spec)) == (3, "got one\n")

    async def test_it_goes_on_when_who_attached_goes(self, bench: Bench) -> None:
        spec = await bench.start("sh", "-c", "while read x; do echo got $x; done", stdin=True)
        gone = await bench.runtime.attach(spec.id)
        await gone.write_stdin(b"")
        await gone.kill()
        stream = await bench.runtime.attach(spec.id)
        await stream.write_stdin(b"two\n")
        assert await asyncio.wait_for(stream.read(), 5) == (1, b"got two\n")

    async def test_its_terminal_has_a_size_and_ends_with_it(self, bench: Bench) -> None:
        script = "read x; stty size; tty; test -t 0 -a -t 1 -a -t 2 && echo all three"
        spec = await bench.start("sh", "-c", script, stdin=True, tty=True)
        stream = await bench.runtime.attach(spec.id)
        await stream.resize(100, 40)
        await stream.write_stdin(b"go\n")
        heard = b""
        while (part := await asyncio.wait_for(stream.read(), 5)) is not None:
            heard += part[1]
        assert heard.replace(b"\r", b"") == b"go\n40 100\n/dev/pts/0\nall three\n"
        assert await stream.exit_code() == 0
        assert "all three" in said(spec)

    async def test_who_does_not_read_is_let_go_and_the_log_has_it_all(self, bench: Bench) -> None:
        spec = await bench.start("sh", "-c", "read x; seq 2000000; exit 5", stdin=True)
        stream = await bench.runtime.attach(spec.id)
        await stream.write_stdin(b"go\n")
        assert (await asyncio.wait_for(bench.runtime.wait(spec.id), 20)).code == 5
        parts = []
        while (part := await asyncio.wait_for(stream.read(), 5)) is not None:
            parts.append(part)
        assert len(parts) < 300
        assert said(spec).endswith("2000000\n")


class TestUsage:
    async def test_memory_and_time_are_those_of_the_container(self, bench: Bench) -> None:
        hold = "x = bytearray(50 << 20); print('up', flush=True); import time; time.sleep(600)"
        spec = await bench.start("python3", "-c", hold)
        while "up" not in said(spec):
            await asyncio.sleep(0.02)
        usage = bench.runtime.usage(spec.id)
        assert 50 * MIB < usage.memory_bytes < 90 * MIB
        assert usage.cpu_usec > 5000
