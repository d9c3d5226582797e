"""Volumes on disk: their layout, their modes, and what containers get to see of them."""

import stat
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.client import NotFound, Obj
from cluster.config import ClusterConfig
from cluster.kubelet import atomic
from cluster.kubelet.atomic import File
from cluster.kubelet.errors import MountFailed, NotAttached, StartRefused
from cluster.kubelet.fields import Place
from cluster.kubelet.payloads import Reader
from cluster.kubelet.references import mentions
from cluster.kubelet.volumes import PodVolumes
from tests.kubelet.fakes import container, pod

PLACE = Place(node_name="node1", host_ip="198.19.255.1", pod_ip="", allocatable={})
OBJECTS: dict[tuple[str, str], Obj] = {
    ("configmaps", "src"): {"kind": "ConfigMap", "data": {"app.py": "print()", "more.py": "pass"}},
    ("secrets", "keys"): {"kind": "Secret", "data": {"key": "czNjcmV0"}},
}


class OneClaim:
    """An API with one bound claim and the node; nothing else of it is used here."""

    def __init__(self, source: Obj) -> None:
        self.source = source
        self.attached = [{"name": "kubernetes.io/csi/x^pvc-1", "devicePath": ""}]

    def get(self, _resource: str, name: str, _namespace: str = "") -> Obj:
        if name == "data":
            return {"spec": {"volumeName": "pv"}, "status": {"phase": "Bound"}}
        if name == "pv":
            return {"metadata": {"name": "pv"}, "spec": self.source}
        if name == "node1":
            return {"metadata": {"name": name}, "status": {"volumesAttached": self.attached}}
        raise NotFound(f'persistentvolumeclaim "{name}" not found')


def volumes(folder: Path, source: Obj | None = None) -> PodVolumes:
    config = ClusterConfig(id="test", state_dir=folder)
    client: Any = OneClaim(source or {})
    return PodVolumes(
        memory=folder / "run", disk=folder / "pod", client=client, config=config, node="node1", memory_bytes=2**20
    )


def reader(manifest: Obj, objects: dict[tuple[str, str], Obj] = OBJECTS) -> Reader:
    def lookup(resource: str, name: str) -> Obj | None:
        return objects.get((resource, name))

    return Reader(pod=manifest, place=PLACE, lookup=lookup, token_for=lambda _, seconds: f"token-{seconds}")


def one_volume(**source: Obj) -> Obj:
    return pod(volumes=[{"name": "v", **source}])


def source_of(made: PodVolumes, manifest: Obj, **mount: object) -> Path:
    spec = container(volumeMounts=[{"name": "v", "mountPath": "/v", **mount}])
    found = made.mounts(manifest, spec, {"POD": "web"})[0].source
    assert found is not None
    return found


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


PATHS = ["a", "b", "c/d", "c/e", "f"]


def link_out(root: Path) -> str:
    (root / "link").symlink_to("/etc")
    return "link/passwd"


class TestAtomicWriter:
    def test_names_are_links_through_one_link(self, tmp_path: Path) -> None:
        atomic.write(tmp_path, {"a": File(b"1", 0o644), "deep/b": File(b"2", 0o400)}, "one")
        assert (tmp_path / "..data").readlink() == Path("..one")
        assert (tmp_path / "a").readlink() == Path("..data/a")
        assert (tmp_path / "deep").readlink() == Path("..data/deep")
        assert (tmp_path / "deep/b").read_bytes() == b"2"
        assert mode_of(tmp_path / "deep/b") == 0o400

    def test_a_change_replaces_everything_and_removes_the_old(self, tmp_path: Path) -> None:
        atomic.write(tmp_path, {"a": File(b"1", 0o644), "gone": File(b"", 0o644)}, "one")
        assert atomic.write(tmp_path, {"a": File(b"2", 0o644), "new": File(b"3", 0o644)}, "two")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["..data", "..two", "a", "new"]
        assert (tmp_path / "a").read_bytes() == b"2"

    def test_the_same_files_are_not_written_again(self, tmp_path: Path) -> None:
        atomic.write(tmp_path, {"a": File(b"1", 0o644)}, "one")
        assert not atomic.write(tmp_path, {"a": File(b"1", 0o644)}, "two")
        assert (tmp_path / "..data").readlink() == Path("..one")

    @given(st.lists(st.dictionaries(st.sampled_from(PATHS), st.binary(max_size=3)), max_size=6))
    def test_after_any_changes_exactly_the_last_files_are_seen(self, steps: list[dict[str, bytes]]) -> None:
        with TemporaryDirectory() as name:
            folder = Path(name)
            for number, step in enumerate(steps):
                atomic.write(folder, {path: File(data, 0o644) for path, data in step.items()}, str(number))
            seen = {path: (folder / path).read_bytes() for path in PATHS if (folder / path).exists()}
        assert seen == (steps[-1] if steps else {})


class TestMadeVolumes:
    def test_a_config_map_is_a_folder_of_its_keys(self, tmp_path: Path) -> None:
        manifest, made = one_volume(configMap={"name": "src", "defaultMode": 0o440}), volumes(tmp_path)
        made.set_up(reader(manifest))
        root = source_of(made, manifest)
        assert (root / "app.py").read_text() == "print()"
        assert mode_of(root / "app.py") == 0o440

    def test_items_choose_paths_and_modes(self, tmp_path: Path) -> None:
        items = [{"key": "app.py", "path": "code/main.py", "mode": 0o555}]
        manifest, made = one_volume(configMap={"name": "src", "items": items}), volumes(tmp_path)
        made.set_up(reader(manifest))
        root = source_of(made, manifest)
        assert mode_of(root / "code/main.py") == 0o555
        assert not (root / "more.py").exists()

    def test_everything_projected_is_in_one_folder(self, tmp_path: Path) -> None:
        sources: list[Obj] = [
            {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
            {"configMap": {"name": "src", "items": [{"key": "app.py", "path": "ca.crt"}]}},
            {"secret": {"name": "keys"}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
        ]
        manifest, made = one_volume(projected={"sources": sources, "defaultMode": 420}), volumes(tmp_path)
        made.set_up(reader(manifest))
        root = source_of(made, manifest)
        texts = {path.name: path.read_text() for path in root.iterdir() if not path.name.startswith("..")}
        assert texts == {"token": "token-3607", "ca.crt": "print()", "key": "s3cret", "namespace": "shop"}

    def test_what_is_missing_is_named_unless_optional(self, tmp_path: Path) -> None:
        made = volumes(tmp_path)
        with pytest.raises(MountFailed, match=r'MountVolume.SetUp failed for volume "v" : configmap "nope" not found'):
            made.set_up(reader(one_volume(configMap={"name": "nope"})))
        with pytest.raises(MountFailed, match="configmap references non-existent config key: x"):
            made.set_up(reader(one_volume(configMap={"name": "src", "items": [{"key": "x", "path": "x"}]})))
        made.set_up(reader(one_volume(configMap={"name": "nope", "optional": True})))

    def test_a_changed_object_is_seen_in_the_same_folder(self, tmp_path: Path) -> None:
        manifest, made = one_volume(configMap={"name": "src"}), volumes(tmp_path)
        made.set_up(reader(manifest))
        changed: dict[tuple[str, str], Obj] = {("configmaps", "src"): {"kind": "ConfigMap", "data": {"app.py": "new"}}}
        made.refresh(reader(manifest, changed))
        assert (source_of(made, manifest) / "app.py").read_text() == "new"
        made.refresh(reader(manifest, {}))
        assert (source_of(made, manifest) / "app.py").read_text() == "new"

    def test_containers_see_them_read_only(self, tmp_path: Path) -> None:
        manifest, made = one_volume(secret={"secretName": "keys"}), volumes(tmp_path)
        made.set_up(reader(manifest))
        assert made.mounts(manifest, container(volumeMounts=[{"name": "v", "mountPath": "/v"}]), {})[0].read_only

    def test_who_uses_an_object_is_found(self) -> None:
        manifest = one_volume(projected={"sources": [{"configMap": {"name": "src"}}]})
        assert mentions(manifest, "configmaps", "shop", "src")
        assert not mentions(manifest, "configmaps", "other", "src")
        assert not mentions(manifest, "secrets", "shop", "src")


class TestDisks:
    def test_an_empty_dir_is_for_everyone(self, tmp_path: Path) -> None:
        manifest, made = one_volume(emptyDir={}), volumes(tmp_path)
        made.set_up(reader(manifest))
        assert mode_of(source_of(made, manifest)) == 0o777

    @pytest.mark.root
    def test_an_empty_dir_in_memory_is_a_tmpfs_of_its_size(self, tmp_path: Path) -> None:
        manifest, made = one_volume(emptyDir={"medium": "Memory", "sizeLimit": "64Ki"}), volumes(tmp_path)
        made.set_up(reader(manifest))
        try:
            root = source_of(made, manifest)
            assert root.is_mount()
            with pytest.raises(OSError, match="No space left"):
                (root / "big").write_bytes(b"x" * 128 * 1024)
        finally:
            made.tear_down()
        assert not root.is_mount()

    @pytest.mark.root
    def test_fs_group_owns_the_volume(self, tmp_path: Path) -> None:
        manifest, made = one_volume(emptyDir={}), volumes(tmp_path)
        manifest["spec"]["securityContext"] = {"fsGroup": 4321}
        made.set_up(reader(manifest))
        assert source_of(made, manifest).stat().st_gid == 4321
        assert mode_of(source_of(made, manifest)) == 0o2777

    @pytest.mark.root
    def test_fs_group_owns_what_is_made_of_api_objects(self, tmp_path: Path) -> None:
        manifest, made = one_volume(configMap={"name": "src"}), volumes(tmp_path)
        manifest["spec"]["securityContext"] = {"fsGroup": 4321}
        made.set_up(reader(manifest))
        root = source_of(made, manifest)
        assert mode_of(root) == 0o2777
        assert mode_of((root / "..data").resolve()) == 0o2755
        assert {path.lstat().st_gid for path in (root, *root.rglob("*"))} == {4321}

    @pytest.mark.parametrize(
        ("source", "place"),
        [
            ({"hostPath": {"path": "/data/pv1"}}, "nodes/node1/disk/data/pv1"),
            ({"local": {"path": "/mnt"}}, "nodes/node1/disk/mnt"),
            ({"csi": {"driver": "x", "volumeHandle": "pvc-1"}}, "volumes/pvc-1"),
        ],
    )
    def test_a_claim_is_a_folder_of_the_cluster(self, tmp_path: Path, source: Obj, place: str) -> None:
        manifest, made = one_volume(persistentVolumeClaim={"claimName": "data"}), volumes(tmp_path, source)
        made.set_up(reader(manifest))
        assert source_of(made, manifest) == tmp_path / place

    def test_no_path_leads_out_of_the_cluster(self, tmp_path: Path) -> None:
        made = volumes(tmp_path, {"hostPath": {"path": "/../../etc"}})
        with pytest.raises(MountFailed, match="leaves the disk"):
            made.set_up(reader(one_volume(persistentVolumeClaim={"claimName": "data"})))

    def test_an_unknown_claim_or_kind_is_refused_by_name(self, tmp_path: Path) -> None:
        made = volumes(tmp_path)
        with pytest.raises(MountFailed, match='persistentvolumeclaim "nope" not found'):
            made.set_up(reader(one_volume(persistentVolumeClaim={"claimName": "nope"})))
        with pytest.raises(MountFailed, match="volumes of type nfs are not supported"):
            made.set_up(reader(one_volume(nfs={"server": "nas", "path": "/etc"})))

    def test_a_network_volume_is_not_mounted_before_it_is_attached(self, tmp_path: Path) -> None:
        made = volumes(tmp_path, {"csi": {"driver": "x", "volumeHandle": "pvc-2"}})
        with pytest.raises(NotAttached):
            made.set_up(reader(one_volume(persistentVolumeClaim={"claimName": "data"})))
        assert not (tmp_path / "volumes").exists()

    @pytest.mark.parametrize("kind", ["", "DirectoryOrCreate"])
    def test_a_host_path_is_a_place_on_the_nodes_own_disk(self, tmp_path: Path, kind: str) -> None:
        manifest, made = one_volume(hostPath={"path": "/var/log", "type": kind}), volumes(tmp_path)
        made.set_up(reader(manifest))
        assert source_of(made, manifest) == tmp_path / "nodes/node1/disk/var/log"
        assert source_of(made, manifest).is_dir()

    @pytest.mark.parametrize("kind", ["Directory", "File"])
    def test_a_host_path_that_must_exist_is_not_made(self, tmp_path: Path, kind: str) -> None:
        made = volumes(tmp_path)
        with pytest.raises(MountFailed, match=f"hostPath type check failed: /x is not a {kind.lower()}"):
            made.set_up(reader(one_volume(hostPath={"path": "/x", "type": kind})))


class TestSubPaths:
    def test_a_part_of_a_volume_is_mounted(self, tmp_path: Path) -> None:
        manifest, made = one_volume(emptyDir={}), volumes(tmp_path)
        made.set_up(reader(manifest))
        assert source_of(made, manifest, subPath="a/b").is_dir()
        assert source_of(made, manifest, subPathExpr="logs/$(POD)").name == "web"

    def test_a_file_of_a_config_map_is_mounted_as_it_is_now(self, tmp_path: Path) -> None:
        manifest, made = one_volume(configMap={"name": "src"}), volumes(tmp_path)
        made.set_up(reader(manifest))
        assert source_of(made, manifest, subPath="app.py").read_text() == "print()"

    @pytest.mark.parametrize("escape", [lambda _: "../../x", lambda _: "/etc", link_out])
    def test_nothing_outside_the_volume_is_mounted(self, tmp_path: Path, escape: Callable[[Path], str]) -> None:
        manifest, made = one_volume(emptyDir={}), volumes(tmp_path)
        made.set_up(reader(manifest))
        with pytest.raises(StartRefused, match="failed to prepare subPath"):
            source_of(made, manifest, subPath=escape(source_of(made, manifest)))
