"""A pod's volumes on disk, and how its containers see them."""

import itertools
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cluster.client import Client, Obj
from cluster.config import ClusterConfig
from cluster.kubelet import atomic, claims, payloads, tmpfs
from cluster.kubelet.errors import MountFailed, config_error
from cluster.kubelet.expansion import expand, references
from cluster.kubelet.security import fs_group
from cluster.quantity import to_bytes
from cluster.runtime.spec import Mount

# Volumes whose files are made from API objects; read-only to containers, and replaced when the objects change.
MADE = ("configMap", "secret", "downwardAPI", "projected")
CLAIMED = ("persistentVolumeClaim", "ephemeral")

# What a fresh tmpfs has: ConfigMaps alone are on disk.
_IN_MEMORY = 0o1777

_counter = itertools.count()


@dataclass(kw_only=True)
class PodVolumes:
    """The volumes of one pod: those made from API objects under `memory`, the others under `disk`.

    `memory_bytes` is the size of a tmpfs that sets no limit.
    """

    memory: Path
    disk: Path
    client: Client
    config: ClusterConfig
    node: str
    memory_bytes: int
    _sources: dict[str, Path] = field(default_factory=dict)
    _mounted: list[Path] = field(default_factory=list)

    def set_up(self, reader: payloads.Reader) -> None:
        """Make all that is not there yet. Raises `MountFailed` at the first that cannot be made; then call it again."""
        for volume in reader.pod["spec"].get("volumes") or ():
            if volume["name"] not in self._sources:
                self._sources[volume["name"]] = self._make(volume, reader)

    def refresh(self, reader: payloads.Reader) -> list[MountFailed]:
        """Bring volumes made from API objects up to date; what is gone since stays as it was, and is told."""
        missing = []
        for volume in reader.pod["spec"].get("volumes") or ():
            if any(kind in volume for kind in MADE) and volume["name"] in self._sources:
                try:
                    self._make_files(volume, reader)
                except MountFailed as failed:
                    missing.append(failed)
        return missing

    def mounts(self, pod: Obj, container: Obj, environment: Mapping[str, str]) -> list[Mount]:
        """The container's volumeMounts. Raises `StartRefused` for a subPath that leaves its volume."""
        volumes = {v["name"]: v for v in pod["spec"].get("volumes") or ()}
        wanted = container.get("volumeMounts") or ()
        return [self._mount(volumes[m["name"]], m, container, environment) for m in wanted]

    def tear_down(self) -> None:
        """Unmount what is mounted; the files go with the pod's folder, data behind claims stays."""
        for folder in self._mounted:
            with suppress(OSError):
                tmpfs.unmount(folder)
        self._mounted.clear()

    def _make(self, volume: Obj, reader: payloads.Reader) -> Path:
        if any(kind in volume for kind in MADE):
            return self._make_files(volume, reader)
        if any(kind in volume for kind in CLAIMED):
            folder = claims.folder_of_claim(self.client, self.config, self.node, reader.pod, volume)
            return _folder(folder, 0o777, fs_group(reader.pod))
        if "emptyDir" in volume:
            return self._make_empty(volume, reader.pod)
        if "hostPath" in volume:
            path = claims.folder_of_host(self.config, self.node, volume)
            return path if path.is_file() else _folder(path, 0o755, None)
        kinds = ", ".join(key for key in volume if key != "name")
        raise MountFailed(volume["name"], f"volumes of type {kinds} are not supported by this cluster")

    def _make_empty(self, volume: Obj, pod: Obj) -> Path:
        folder = _folder(self.disk / "empty-dir" / volume["name"], 0o777, fs_group(pod))
        source: Obj = volume["emptyDir"] or {}
        if source.get("medium") == "Memory":
            limit = source.get("sizeLimit")
            tmpfs.mount(folder, min(to_bytes(limit), self.memory_bytes) if limit else self.memory_bytes)
            self._mounted.append(folder)
            _own(folder, _IN_MEMORY, fs_group(pod))
        return folder

    def _make_files(self, volume: Obj, reader: payloads.Reader) -> Path:
        folder = self.memory / "made" / str(volume["name"])
        try:
            files = payloads.files(volume, reader)
        except payloads.SourceMissing as gone:
            raise MountFailed(volume["name"], str(gone)) from gone
        folder.mkdir(parents=True, exist_ok=True)
        _own(folder, 0o777 if "configMap" in volume else _IN_MEMORY, fs_group(reader.pod))
        stamp = f"{time.strftime('%Y_%m_%d_%H_%M_%S')}.{next(_counter):010}"
        atomic.write(folder, files, stamp, fs_group(reader.pod))
        return folder

    def _mount(self, volume: Obj, mount: Obj, container: Obj, environment: Mapping[str, str]) -> Mount:
        made = any(kind in volume for kind in MADE)
        claim_read_only = bool((volume.get("persistentVolumeClaim") or {}).get("readOnly"))
        return Mount(
            destination=mount["mountPath"],
            source=self._source(mount, container, environment),
            read_only=bool(mount.get("readOnly")) or made or claim_read_only,
        )

    def _source(self, mount: Obj, container: Obj, environment: Mapping[str, str]) -> Path:
        root = self._sources[mount["name"]]
        part = mount.get("subPath") or _expanded(mount.get("subPathExpr") or "", environment)
        if not part:
            return root
        # A link inside the volume may point anywhere: what counts is where it ends.
        path = (root / part).resolve()
        if part.startswith("/") or not path.is_relative_to(root.resolve()):
            name = mount["name"]
            raise config_error(f'failed to prepare subPath for volumeMount "{name}" of container "{container["name"]}"')
        if not path.exists():
            path.mkdir(parents=True)
            path.chmod(root.stat().st_mode & 0o7777)
        return path


def _expanded(expression: str, environment: Mapping[str, str]) -> str:
    """A path may not hang on a variable that is not there. Raises `StartRefused`."""
    for name in references(expression):
        if name not in environment:
            raise config_error(f"missing value for {name}")
    return expand(expression, environment)


def remove_folders(*folders: Path) -> None:
    """Delete a pod's folders and all below."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _folder(folder: Path, mode: int, group: int | None) -> Path:
    if not folder.is_dir():
        folder.mkdir(parents=True)
        _own(folder, mode, group)
    elif group is not None and folder.stat().st_gid != group:
        for path in (folder, *folder.rglob("*")):
            _share(path, group)
    return folder


def _own(folder: Path, mode: int, group: int | None) -> None:
    if group is None:
        folder.chmod(mode)
        return
    shutil.chown(folder, group=group)
    folder.chmod(mode | 0o2000)


def _share(path: Path, group: int) -> None:
    if path.is_symlink():
        return
    shutil.chown(path, group=group)
    mode = path.stat().st_mode & 0o7777
    path.chmod(mode | (0o2770 if path.is_dir() else 0o660))
