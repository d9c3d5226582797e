"""A folder of files that changes all at once: what configMap, secret, projected and downwardAPI volumes look like.

The files are in a folder with a time in its name, `..data` is a link to it, and every top-level name is a link through
`..data`: one rename replaces everything.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DATA = "..data"
_NEW_DATA = "..data_tmp"


@dataclass(frozen=True, slots=True)
class File:
    data: bytes
    mode: int
    owner: int | None = field(default=None, compare=False)
    """Also of the link to it."""


def write(folder: Path, files: Mapping[str, File], stamp: str, group: int | None = None) -> bool:
    """Make `folder` show exactly `files` (by relative path). False when it already did. `stamp` must be new."""
    if _current(folder) == dict(files):
        return False
    fresh = folder / f"..{stamp}"
    for path, file in files.items():
        _write_file(fresh / path, file, group)
    fresh.mkdir(exist_ok=True)
    if group is not None:
        _share(fresh, group)
    stale = _target(folder)
    (folder / _NEW_DATA).unlink(missing_ok=True)
    _link(folder / _NEW_DATA, fresh.name, None, group)
    (folder / _NEW_DATA).rename(folder / DATA)
    _link_names(folder, {path.split("/", 1)[0]: file.owner for path, file in files.items()}, group)
    if stale is not None and stale != fresh:
        shutil.rmtree(stale, ignore_errors=True)
    return True


def _write_file(path: Path, file: File, group: int | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.data)
    os.chown(path, -1 if file.owner is None else file.owner, -1 if group is None else group)
    path.chmod(file.mode | (0o440 if group is not None else 0))


def _share(folder: Path, group: int) -> None:
    """Folders, as files, belong to the group; what is made in them will, too."""
    for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        os.chown(path, -1, group)
        path.chmod(0o2755)


def _link(path: Path, target: str, owner: int | None, group: int | None) -> None:
    path.symlink_to(target)
    os.lchown(path, -1 if owner is None else owner, -1 if group is None else group)


def _target(folder: Path) -> Path | None:
    link = folder / DATA
    return folder / link.readlink() if link.is_symlink() else None


def _current(folder: Path) -> dict[str, File] | None:
    target = _target(folder)
    if target is None:
        return None
    found = (path for path in target.rglob("*") if path.is_file())
    return {str(path.relative_to(target)): File(path.read_bytes(), path.stat().st_mode & 0o7777) for path in found}


def _link_names(folder: Path, owners: Mapping[str, int | None], group: int | None) -> None:
    present = {path.name for path in folder.iterdir() if path.is_symlink() and not path.name.startswith("..")}
    for name in owners.keys() - present:
        _link(folder / name, f"{DATA}/{name}", owners[name], group)
    for name in present - owners.keys():
        (folder / name).unlink()
