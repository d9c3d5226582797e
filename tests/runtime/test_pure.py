"""What is decided without a container: log lines, bundles, capabilities, the names of images."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.runtime import bundle, capabilities, images, logs, seccomp
from cluster.runtime.logs import LineSplitter
from cluster.runtime.spec import ContainerSpec, ImageMissing, Limits, Mount, Security

ROOT = Security(uid=0, gid=0)
EVERYTHING = frozenset(capabilities.ALL)
MACHINE = bundle.Machine(capabilities=EVERYTHING, oom_score_floor=0, architecture="x86_64", cgroup_v2=False)


def spec(**changes: object) -> ContainerSpec:
    plain = ContainerSpec(
        id="c" * 64,
        name="main",
        pod_uid="pod",
        node="node1",
        image="python",
        argv=("python3",),
        env=(("A", "1"),),
        cwd="/",
        hostname="host",
        netns=Path("/run/netns/pod"),
        cgroup="seawall-x/node1/pod",
        log_path=Path("/log"),
        security=ROOT,
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]  # each test names real fields


class TestLogLines:
    @given(st.lists(st.binary(max_size=40)), st.integers(1, 20))
    def test_no_byte_is_lost_however_it_arrives(self, chunks: list[bytes], limit: int) -> None:
        splitter = LineSplitter(limit)
        lines = [line for chunk in chunks for line in splitter.feed(chunk)] + list(splitter.close())
        assert b"".join(text + (b"\n" if tag == "F" else b"") for tag, text in lines) == b"".join(chunks)

    @given(st.lists(st.binary(max_size=40)), st.integers(1, 20))
    def test_no_line_is_longer_than_the_limit(self, chunks: list[bytes], limit: int) -> None:
        splitter = LineSplitter(limit)
        lines = [line for chunk in chunks for line in splitter.feed(chunk)] + list(splitter.close())
        assert all(len(text) <= limit for _, text in lines)

    def test_a_long_line_comes_in_pieces_of_which_the_last_is_full(self) -> None:
        assert list(LineSplitter(3).feed(b"abcdefg\n")) == [("P", b"abc"), ("P", b"def"), ("F", b"g")]

    def test_a_line_as_long_as_the_limit_is_whole(self) -> None:
        assert list(LineSplitter(3).feed(b"abc\n")) == [("F", b"abc")]

    def test_a_rendered_line_has_nanoseconds_and_utc(self) -> None:
        text = logs.render(1_700_000_000_000_000_042, "stderr", iter([("F", b"hello")]))
        assert text == b"2023-11-14T22:13:20.000000042Z stderr F hello\n"


class TestCapabilities:
    def test_dropping_all_leaves_only_what_is_added(self) -> None:
        security = dataclasses.replace(ROOT, drop_capabilities=("ALL",), add_capabilities=("NET_ADMIN",))
        assert capabilities.granted(security, EVERYTHING) == ["CAP_NET_ADMIN"]

    def test_nobody_is_given_what_this_process_lacks(self) -> None:
        assert capabilities.granted(ROOT, frozenset({"CHOWN", "SYS_ADMIN"})) == ["CAP_CHOWN"]

    def test_even_privileged_containers_cannot_touch_the_kernel_they_share_with_the_machine(self) -> None:
        granted = capabilities.granted(dataclasses.replace(ROOT, privileged=True), EVERYTHING)
        assert "CAP_SYS_ADMIN" in granted
        assert not {"CAP_SYS_MODULE", "CAP_SYS_BOOT", "CAP_SYS_TIME", "CAP_SYS_RAWIO"} & {*granted}

    def test_masks_are_read_as_the_kernel_writes_them(self) -> None:
        assert capabilities.parse_mask("Name:\tx\nCapEff:\t0000000000000401\n") == {"CHOWN", "NET_BIND_SERVICE"}


class TestSeccomp:
    def denied(self, *granted: str) -> set[str]:
        rules = seccomp.runtime_default(set(granted), "x86_64")["syscalls"]
        return {name for rule in rules if "args" not in rule for name in rule["names"]}

    def test_a_capability_opens_the_calls_it_is_for(self) -> None:
        assert {"mount", "unshare", "clone3", "bpf", "reboot", "keyctl"} <= self.denied()
        opened = self.denied() - self.denied("CAP_SYS_ADMIN")
        assert {"mount", "unshare", "clone3", "bpf"} <= opened
        assert not {"reboot", "keyctl"} & opened

    def test_clone_is_refused_for_each_kind_of_namespace(self) -> None:
        rules = seccomp.runtime_default(set(), "x86_64")["syscalls"]
        bits = [rule["args"][0]["value"] for rule in rules if rule["names"] == ["clone"]]
        assert sum(bits) == seccomp.CLONE_NEW_NAMESPACES
        assert len(bits) == 7


class TestBundle:
    def test_a_negative_oom_score_is_raised_to_what_the_machine_permits(self) -> None:
        config = bundle.config(spec(limits=Limits(oom_score_adj=-997)), (), MACHINE)
        assert config["process"]["oomScoreAdj"] == 0

    def test_what_is_not_limited_is_not_mentioned(self) -> None:
        resources = bundle.config(spec(), (), MACHINE)["linux"]["resources"]
        assert set(resources) == {"devices", "cpu"}

    def test_a_pod_may_mount_over_its_image_and_its_own_folders(self) -> None:
        mounts = (Mount(destination="/data/in", source=Path("/b")), Mount(destination="/data", source=None))
        config = bundle.config(spec(mounts=mounts), [Mount(destination="/usr", source=Path("/usr"))], MACHINE)
        order = [mount["destination"] for mount in config["mounts"]]
        assert order[0] == "/usr"
        assert order[-2:] == ["/data", "/data/in"]

    def test_a_container_lives_in_a_group_below_its_pod_s(self) -> None:
        assert bundle.config(spec(), (), MACHINE)["linux"]["cgroupsPath"] == f"/seawall-x/node1/pod/{'c' * 64}"

    def test_on_version_2_a_container_dies_of_memory_as_one(self) -> None:
        config = bundle.config(spec(), (), dataclasses.replace(MACHINE, cgroup_v2=True))
        assert config["linux"]["resources"]["unified"] == {"memory.oom.group": "1"}

    def test_seccomp_is_there_when_asked_for(self) -> None:
        asked = spec(security=dataclasses.replace(ROOT, seccomp="RuntimeDefault"))
        assert "seccomp" in bundle.config(asked, (), MACHINE)["linux"]
        assert "seccomp" not in bundle.config(spec(), (), MACHINE)["linux"]


class TestImages:
    @pytest.mark.parametrize(
        ("reference", "name"),
        [
            ("python", "python"),
            ("python:3.12-slim", "python"),
            ("docker.io/library/python:3.12", "python"),
            ("docker.io/locustio/locust", "locustio/locust"),
            ("busybox@sha256:00ff", "busybox"),
            ("busybox:1.36@sha256:00ff", "busybox"),
            ("localhost:5000/python:3", "localhost:5000/python"),
            ("registry.k8s.io/pause:3.9", "registry.k8s.io/pause"),
        ],
    )
    def test_tags_and_the_default_registry_do_not_matter_but_other_registries_do(
        self, reference: str, name: str
    ) -> None:
        assert images.repository(reference) == name

    def test_an_image_whose_program_is_not_on_this_machine_does_not_exist(self) -> None:
        recipes = images.available(which=lambda _: None)
        assert "python" in recipes
        with pytest.raises(ImageMissing):
            images.find("nginx", recipes)

    def test_a_stand_in_that_the_machine_lacks_the_programs_for_says_how_to_get_them(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(images, "on_host", lambda _: None)
        with pytest.raises(ImageMissing, match=r"lacks prometheus, promtool: `\./setup\.sh prometheus`"):
            images.find("prom/prometheus:v2.53.4", images.available(which=lambda _: None))
        with pytest.raises(ImageMissing) as unknown:
            images.find("postgres:16", images.available(which=lambda _: None))
        assert "setup.sh" not in str(unknown.value)

    def test_prometheus_lies_where_the_public_image_has_it(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """In /bin, with what it needs to start, from wherever the machine has it."""
        (tmp_path / "share").mkdir()
        monkeypatch.setattr(images, "on_host", lambda program: str(tmp_path / "bin" / program))
        recipe = next(r for r in images.RECIPES if r.name == "prom/alertmanager")
        found = {m.destination: m.source for m in images.mounts(recipe, tmp_path)}
        assert recipe.entrypoint == ("/bin/alertmanager",)
        assert found["/bin/alertmanager"] == tmp_path / "bin" / "prometheus-alertmanager"
        assert found["/usr/share"] == tmp_path / "share"

    def test_one_image_has_one_id_under_all_its_names_of_one_tag(self) -> None:
        recipes = images.available()
        ids = {images.image(name, images.find(name, recipes)).id for name in ("python:3", "docker.io/library/python:3")}
        assert len(ids) == 1

    def test_asked_for_by_a_digest_a_stand_in_says_that_it_stands_in(self) -> None:
        """It has no bytes of a registry's: whoever reads the digest also reads whose word it is."""
        recipes, digest = images.available(), f"sha256:{'a' * 64}"
        names = (f"python:3.12-slim@{digest}", "python:3.12-slim")
        told = [images.image(name, images.find(name, recipes)).digest for name in names]
        assert told == [f"stand-in.seawall.dev/python@{digest}", ""]

    def test_images_behave_as_the_public_ones_of_their_name(self) -> None:
        recipes = images.available()
        python = images.image("python:3.12-slim", recipes["python"])
        assert (python.entrypoint, python.command, python.user) == ((), ("python3",), "")
        assert dict(python.env)["PATH"].startswith("/usr/local/bin:")
        locust = images.image("locustio/locust", recipes["locustio/locust"])
        assert (locust.entrypoint, locust.user, locust.cwd) == (("locust",), "locust", "/home/locust")
