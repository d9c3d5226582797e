"""Control groups on folder trees that look like the kernel's: version 2 cannot be had on every machine."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.runtime import cgroups
from cluster.runtime.cgroups import Hierarchies
from cluster.runtime.spec import Limits, Usage

HYBRID = """\
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
"""


class TestMounts:
    def test_a_hybrid_machine_limits_memory_by_version_1(self) -> None:
        found = cgroups.parse_mounts(HYBRID)
        assert not found.unified
        assert found.group("memory", "a") == Path("/sys/fs/cgroup/memory/a")
        assert found.group("cpuacct", "a") == Path("/sys/fs/cgroup/cpu,cpuacct/a")

    def test_every_mount_counts_once_when_groups_are_removed(self) -> None:
        names = [root.name for root in cgroups.parse_mounts(HYBRID).roots()]
        assert names == ["cpu,cpuacct", "memory", "systemd", "unified"]

    def test_a_machine_with_version_2_alone_is_unified(self) -> None:
        found = cgroups.parse_mounts("cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n")
        assert found.unified
        assert found.group("memory", "a/b") == Path("/sys/fs/cgroup/a/b")

    def test_a_controller_that_is_nowhere_is_named(self) -> None:
        with pytest.raises(FileNotFoundError, match="the cgroup controller pids is not mounted"):
            cgroups.parse_mounts(HYBRID).group("pids", "a")


class TestVersion2:
    def test_limits_are_written_and_controllers_enabled_on_the_way(self, tmp_path: Path) -> None:
        limits = Limits(memory_bytes=1000, cpu_millis=1500, cpu_shares=1024, pids=9)
        cgroups.create(Hierarchies({}, tmp_path), "top/pod", limits)
        for parent in (tmp_path, tmp_path / "top"):
            assert (parent / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"
        written = {file.name: file.read_text() for file in (tmp_path / "top" / "pod").iterdir()}
        assert written == {"memory.max": "1000", "cpu.max": "150000 100000", "cpu.weight": "39", "pids.max": "9"}

    def test_what_is_not_limited_is_not_written(self, tmp_path: Path) -> None:
        cgroups.create(Hierarchies({}, tmp_path), "pod", Limits())
        assert [file.name for file in (tmp_path / "pod").iterdir()] == ["cpu.weight"]

    def test_oom_kills_and_usage_are_read(self, tmp_path: Path) -> None:
        (tmp_path / "memory.events").write_text("low 0\noom 2\noom_kill 1\noom_group_kill 0\n")
        (tmp_path / "memory.current").write_text("5000\n")
        (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 1000\n")
        (tmp_path / "cpu.stat").write_text("usage_usec 77\nuser_usec 50\n")
        hierarchies = Hierarchies({}, tmp_path)
        assert cgroups.oom_kills(hierarchies, "") == 1
        assert cgroups.usage(hierarchies, "") == Usage(memory_bytes=4000, cpu_usec=77)

    def test_freezing_writes_one_and_zero(self, tmp_path: Path) -> None:
        for frozen in (True, False):
            cgroups.freeze(Hierarchies({}, tmp_path), "", frozen)
            assert (tmp_path / "cgroup.freeze").read_text() == str(int(frozen))


class TestGone:
    def test_a_group_that_has_gone_was_not_oom_killed_and_uses_nothing(self, tmp_path: Path) -> None:
        hierarchies = Hierarchies({}, tmp_path)
        assert cgroups.oom_kills(hierarchies, "gone") == 0
        assert cgroups.usage(hierarchies, "gone") == Usage(memory_bytes=0, cpu_usec=0)

    def test_removal_goes_depth_first_and_twice_is_fine(self, tmp_path: Path) -> None:
        (tmp_path / "a" / "b" / "c").mkdir(parents=True)
        for _ in range(2):
            cgroups.remove(Hierarchies({}, tmp_path), "a")
            assert list(tmp_path.iterdir()) == []

    def test_a_group_that_stays_busy_is_an_error_after_bounded_patience(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "process").touch()
        with pytest.raises(OSError, match="not empty"):
            cgroups.remove(Hierarchies({}, tmp_path), "a", sleep=lambda _: None)


@given(st.integers(2, 262_144), st.integers(2, 262_144))
def test_weights_keep_the_order_of_shares_within_the_kernel_s_range(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert 1 <= cgroups.cpu_weight(low) <= cgroups.cpu_weight(high) <= 10_000


def test_the_smallest_quota_is_one_that_the_kernel_accepts() -> None:
    assert cgroups.cpu_quota_usec(1) == 1000
    assert cgroups.cpu_quota_usec(250) == 25_000
