"""Loaded images: unpacked as their layers say, found by their names, and refused when they are not what they seem."""

import gzip
import json
import tarfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster.runtime import loaded
from cluster.runtime.archive import BadArchive
from cluster.runtime.layers import Allowance, unpack
from cluster.runtime.loading import load
from cluster.runtime.spec import Account, Image
from tests.runtime.archives import (
    Member,
    config,
    digest,
    docker_archive,
    folder,
    hardlink,
    member,
    oci_archive,
    symlink,
    tar,
)


def put_up(tmp_path: Path, *layers_: bytes, **changes: Any) -> Path:
    """The files of an image made of these layers."""
    load(docker_archive(tmp_path / "image.tar", *layers_, **changes), tmp_path / "store")
    return loaded.root(tmp_path / "store", found(tmp_path).id)


def found(tmp_path: Path, name: str = "shop:1") -> Image:
    image = loaded.find(tmp_path / "store", name)
    assert image
    return image


def tree(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def refused(tmp_path: Path, *members: Member) -> str:
    """The words in which a layer of these is refused, after which nothing of it is left."""
    (tmp_path / "outside").mkdir(exist_ok=True)
    before = tree(tmp_path / "outside")
    with pytest.raises(BadArchive) as caught:
        put_up(tmp_path, tar(*members))
    assert tree(tmp_path / "store") == ["names", "rootfs"]
    assert tree(tmp_path / "outside") == before
    return str(caught.value)


class TestLayers:
    def test_later_layers_lie_on_top(self, tmp_path: Path) -> None:
        root = put_up(tmp_path, tar(folder("a"), member("a/x", b"1"), member("a/y", b"1")), tar(member("a/x", b"2")))
        assert (tree(root), (root / "a/x").read_bytes()) == (["a", "a/x", "a/y"], b"2")

    def test_a_whiteout_takes_away_what_was_below(self, tmp_path: Path) -> None:
        below = tar(folder("a"), member("a/x"), folder("a/b"), member("a/b/y"), member("z"))
        root = put_up(tmp_path, below, tar(member("a/.wh.x"), member("a/.wh.b"), member(".wh.nothing")))
        assert tree(root) == ["a", "z"]

    @pytest.mark.parametrize("first", [True, False])
    def test_an_opaque_folder_shows_its_own_layer_alone(self, tmp_path: Path, *, first: bool) -> None:
        """Wherever in its layer the mark stands."""
        below = tar(folder("a"), member("a/x"), folder("a/b"), member("a/b/y"), folder("a/c"), member("a/c/z"))
        mark, rest = [member("a/.wh..wh..opq")], [member("a/b/new"), member("a/own")]
        root = put_up(tmp_path, below, tar(*(mark + rest if first else rest + mark)))
        assert tree(root) == ["a", "a/b", "a/b/new", "a/own"]

    def test_a_file_replaces_a_folder_and_a_folder_a_file(self, tmp_path: Path) -> None:
        below = tar(folder("a"), member("a/x"), member("b"), symlink("c", "a"))
        root = put_up(tmp_path, below, tar(member("a"), folder("b"), folder("c"), member("c/x")))
        assert tree(root) == ["a", "b", "c", "c/x"]
        assert not (root / "c").is_symlink()

    def test_links_lead_where_they_would_lead_in_the_container(self, tmp_path: Path) -> None:
        """/bin is often a link, and absolute links are the image's own."""
        below = tar(folder("usr"), folder("usr/bin"), symlink("bin", "usr/bin"), symlink("abs", "/usr/bin"))
        above = tar(member("bin/x", b"1"), member("abs/y"), hardlink("usr/z", "bin/x"))
        root = put_up(tmp_path, below, above)
        assert tree(root) == ["abs", "bin", "usr", "usr/bin", "usr/bin/x", "usr/bin/y", "usr/z"]
        assert (root / "usr/z").samefile(root / "usr/bin/x")

    def test_modes_and_times_are_kept(self, tmp_path: Path) -> None:
        root = put_up(tmp_path, tar(folder("t", 0o1777), member("s", b"x", mode=0o4755, mtime=1_000_000_000)))
        assert [oct((root / name).stat().st_mode & 0o7777) for name in ("t", "s")] == ["0o1777", "0o4755"]
        assert (root / "s").stat().st_mtime == 1_000_000_000

    def test_a_compressed_archive_of_compressed_layers(self, tmp_path: Path) -> None:
        path = oci_archive(tmp_path / "image.tar", tar(member("x")))
        path.write_bytes(gzip.compress(path.read_bytes()))
        assert load(path, tmp_path / "store")[0] == "docker.io/library/shop:1"


class TestHostile:
    @pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "a/.."])
    def test_names_outside(self, tmp_path: Path, name: str) -> None:
        assert "outside of the image" in refused(tmp_path, folder("a"), member(name, b"x"))

    @pytest.mark.parametrize("target", ["..", "../../outside", "a/../../x"])
    def test_links_that_climb_out(self, tmp_path: Path, target: str) -> None:
        assert "outside of the image" in refused(tmp_path, symlink("a", target))

    def test_nothing_is_written_through_a_link_to_the_machine(self, tmp_path: Path) -> None:
        """The link is the image's own business; what is written through it stays in the image."""
        outside = tmp_path / "outside"
        outside.mkdir()
        root = put_up(tmp_path, tar(symlink("a", str(outside)), member("a/x", b"evil")))
        assert tree(outside) == []
        assert (root / str(outside)[1:] / "x").read_bytes() == b"evil"

    @pytest.mark.parametrize("mark", ["x/.wh.kept", "x/.wh..wh..opq"])
    def test_nothing_is_removed_through_a_link_to_the_machine(self, tmp_path: Path, mark: str) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "kept").touch()
        put_up(tmp_path, tar(symlink("x", str(outside))), tar(member(mark)))
        assert tree(outside) == ["kept"]

    @pytest.mark.parametrize("name", [".wh...", ".wh..", ".wh."])
    def test_a_whiteout_of_the_folder_above_is_nothing(self, tmp_path: Path, name: str) -> None:
        assert tree(put_up(tmp_path, tar(folder("a"), member("b"), member(f"a/{name}")))) == ["a", "b"]

    @pytest.mark.parametrize("target", ["../outside/f", "/etc/passwd", "nothing"])
    def test_hard_links_to_what_is_not_in_the_image(self, tmp_path: Path, target: str) -> None:
        assert "image" in refused(tmp_path, hardlink("a", target))

    def test_a_hard_link_through_a_link_to_the_machine(self, tmp_path: Path) -> None:
        assert "no file of the image" in refused(tmp_path, symlink("a", "/etc"), hardlink("b", "a/passwd"))

    @pytest.mark.parametrize("type", [tarfile.BLKTYPE, tarfile.CHRTYPE])
    def test_devices(self, tmp_path: Path, type: bytes) -> None:
        assert "device" in refused(tmp_path, member("etc/sda", type=type, devmajor=8))

    def test_links_in_circles(self, tmp_path: Path) -> None:
        assert "circles" in refused(tmp_path, symlink("a", "b"), symlink("b", "a"), member("a/x"))

    def test_folders_without_end(self, tmp_path: Path) -> None:
        deep = "/".join("d" * 150)
        assert "deep" in refused(tmp_path, folder(deep), symlink("l", deep), folder(f"l/{deep}"), member(f"l/{deep}/x"))

    def test_a_bomb(self, tmp_path: Path) -> None:
        """A thousandth of its size, until it is unpacked."""
        raw = tar(member("zeros", bytes(20_000_000)))
        packed = tmp_path / "layer.gz"
        packed.write_bytes(gzip.compress(raw))
        (tmp_path / "root").mkdir()
        with packed.open("rb") as file, pytest.raises(BadArchive, match="more bytes"):
            unpack(tmp_path / "root", file, digest(raw), Allowance(bytes=1_000_000))

    def test_a_bomb_of_nothing(self, tmp_path: Path) -> None:
        raw = tar(*(member(str(number)) for number in range(100)))
        (tmp_path / "layer").write_bytes(raw)
        (tmp_path / "root").mkdir()
        with (tmp_path / "layer").open("rb") as file, pytest.raises(BadArchive, match="more files"):
            unpack(tmp_path / "root", file, digest(raw), Allowance(entries=99))

    def test_a_header_of_a_gigabyte(self, tmp_path: Path) -> None:
        info = tarfile.TarInfo("x")
        info.type, info.size = tarfile.XHDTYPE, 1_000_000_000
        layer = info.tobuf(tarfile.USTAR_FORMAT) + bytes(2_000_000)
        with pytest.raises(BadArchive, match="header of a layer"):
            put_up(tmp_path, layer)

    @pytest.mark.parametrize("attributes", [{"mtime": float("inf")}, {"uid": 2**70}])
    def test_numbers_beyond_reason(self, tmp_path: Path, attributes: dict[str, Any]) -> None:
        info, data = member("x")
        info.pax_headers = {key: str(value) for key, value in attributes.items()}
        assert "damaged" in refused(tmp_path, (info, data))

    @pytest.mark.parametrize("folder", ["/proc/self/fd/7", "work", "/a/../../b", "//proc/1"])
    def test_working_directories(self, tmp_path: Path, folder: str) -> None:
        with pytest.raises(BadArchive, match="working directory"):
            put_up(tmp_path, tar(), WorkingDir=folder)


class TestMalformed:
    @pytest.mark.parametrize("raw", [b"", b"no tar at all" * 100, gzip.compress(b"no tar either" * 100), b"\x1f\x8b"])
    def test_no_archive(self, tmp_path: Path, raw: bytes) -> None:
        (tmp_path / "x").write_bytes(raw)
        with pytest.raises(BadArchive):
            load(tmp_path / "x", tmp_path / "store")

    def test_no_image(self, tmp_path: Path) -> None:
        (tmp_path / "x").write_bytes(tar(member("README")))
        with pytest.raises(BadArchive, match="docker save"):
            load(tmp_path / "x", tmp_path / "store")

    @pytest.mark.parametrize("document", [{}, [], [{"Config": 1}], [{"Config": "no", "Layers": []}]])
    def test_a_manifest_that_makes_no_sense(self, tmp_path: Path, document: Any) -> None:
        (tmp_path / "x").write_bytes(tar(member("manifest.json", json.dumps(document).encode())))
        with pytest.raises(BadArchive):
            load(tmp_path / "x", tmp_path / "store")

    def test_a_layer_other_than_promised(self, tmp_path: Path) -> None:
        promised = config([tar(member("x", b"good"))])["rootfs"]
        with pytest.raises(BadArchive, match="digest"):
            put_up(tmp_path, tar(member("x", b"evil")), rootfs=promised)

    def test_a_layer_cut_short(self, tmp_path: Path) -> None:
        with pytest.raises(BadArchive):
            put_up(tmp_path, tar(member("x", b"y" * 5000))[:2000])

    def test_another_machine_s(self, tmp_path: Path) -> None:
        with pytest.raises(BadArchive, match="linux/s390x"):
            put_up(tmp_path, tar(), architecture="s390x")

    def test_zstd_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(BadArchive, match=r"zstd.*docker save"):
            put_up(tmp_path, b"\x28\xb5\x2f\xfd" + bytes(100))

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data(), form=st.sampled_from([docker_archive, oci_archive]))
    def test_damage_anywhere_is_refused_or_harmless(self, tmp_path: Path, data: st.DataObject, form: Any) -> None:
        layer = tar(folder("a"), member("a/x", b"y" * 600), symlink("b", "a"), hardlink("c", "a/x"))
        path = form(tmp_path / "image.tar", layer)
        raw = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(raw[: data.draw(st.integers(len(raw) // 2, len(raw)))])
        with suppress(BadArchive):
            load(path, tmp_path / "store")
        assert {entry.name for entry in (tmp_path / "store").iterdir()} == {"names", "rootfs"}


class TestNames:
    def test_one_image_by_all_its_names(self, tmp_path: Path) -> None:
        put_up(tmp_path, tar(), names=["shop:1", "ghcr.io/acme/shop:2"])
        assert found(tmp_path, "docker.io/library/shop:1").id == found(tmp_path, "ghcr.io/acme/shop:2").id
        assert loaded.find(tmp_path / "store", "shop") is None

    def test_a_nameless_one_needs_a_name(self, tmp_path: Path) -> None:
        path = oci_archive(tmp_path / "image.tar", tar(), names=[])
        with pytest.raises(BadArchive, match="--name"):
            load(path, tmp_path / "store")
        assert load(path, tmp_path / "store", "acme/shop:3")[0] == "docker.io/acme/shop:3"

    def test_an_archive_that_knows_digests_answers_to_them(self, tmp_path: Path) -> None:
        """To that of the index and that of this machine's image in it, whatever tag stands before them."""
        tag, index, manifest = load(oci_archive(tmp_path / "image.tar", tar()), tmp_path / "store")
        assert tag == "docker.io/library/shop:1"
        assert found(tmp_path).digest == index
        for name in (index, manifest):
            pinned = found(tmp_path, f"shop:2@{name.partition('@')[2]}")
            assert (pinned.digest, pinned.id) == (name, found(tmp_path).id)
        assert loaded.find(tmp_path / "store", f"shop:1@{digest(b'another')}") is None

    def test_what_docker_save_wrote_has_no_digest(self, tmp_path: Path) -> None:
        put_up(tmp_path, tar())
        assert found(tmp_path).digest == ""

    @pytest.mark.parametrize("form", [docker_archive, oci_archive])
    def test_a_digest_is_not_taken_on_trust(self, tmp_path: Path, form: Any) -> None:
        path = form(tmp_path / "image.tar", tar())
        with pytest.raises(BadArchive, match="is not its digest"):
            load(path, tmp_path / "store", f"shop:1@{digest(b'another')}")

    def test_a_name_moves_on_to_the_image_loaded_last(self, tmp_path: Path) -> None:
        put_up(tmp_path, tar(member("old")))
        before = found(tmp_path).id
        assert tree(put_up(tmp_path, tar(member("new")))) == ["new"]
        assert found(tmp_path).id != before
        put_up(tmp_path, tar(member("old")))
        assert found(tmp_path).id == before

    def test_what_the_config_says(self, tmp_path: Path) -> None:
        passwd = b"root:x:0:0::/:/bin/sh\nme:x:7:8::/:/bin/sh\nbad:x:y:z::/:\n"
        etc = tar(folder("etc"), member("etc/passwd", passwd), member("etc/group", b"all:x:9:you,me\n"))
        changes = {"Entrypoint": ["/app"], "Cmd": ["serve"], "Env": ["A=b=c"], "WorkingDir": "/work", "User": "me"}
        put_up(tmp_path, etc, **changes)
        image = found(tmp_path)
        assert (image.entrypoint, image.command, image.cwd, image.user) == (("/app",), ("serve",), "/work", "me")
        assert dict(image.env)["A"] == "b=c"
        assert "/usr/bin" in dict(image.env)["PATH"]
        assert image.accounts == (Account("root", 0, 0), Account("me", 7, 8, (9,)))
        assert image.groups == (("all", 9),)
