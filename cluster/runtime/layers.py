"""Unpacking the layers of a stranger's image into a folder, and not one byte outside it.

Names are resolved by ourselves, within the root, as the kernel would resolve them for a container: a link to /etc
leads to the image's own /etc. Nobody else writes to the folder meanwhile, so what was looked at stays as it was.
Whiteouts: https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
"""

import gzip
import hashlib
import io
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from cluster.runtime.archive import BadArchive

BYTES_MAX = 16 * 1024**3
ENTRIES_MAX = 500_000
DEPTH_MAX = 200
NAME_BYTES_MAX = 1024
READ_BYTES_MAX = 1024 * 1024
_LINKS_MAX = 40
_CHUNK = 256 * 1024
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_XATTR = "SCHILY.xattr."
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
DAMAGED = (tarfile.TarError, EOFError, ValueError, OverflowError, zlib.error, gzip.BadGzipFile)
"""What reading a tar archive, compressed or not, raises when it is none."""


@dataclass(slots=True)
class Allowance:
    """What is left of what an image may take of the disk. `spend` raises BadArchive when it is used up."""

    bytes: int = BYTES_MAX
    entries: int = ENTRIES_MAX

    def spend(self, bytes: int = 0, entries: int = 0) -> None:
        self.bytes -= bytes
        self.entries -= entries
        if self.bytes < 0:
            raise BadArchive("it unpacks to more bytes than this disk or an image may have")
        if self.entries < 0:
            raise BadArchive("it unpacks to more files than an image may have")


def unpack(root: Path, packed: IO[bytes], diff_id: str, allowance: Allowance) -> None:
    """Apply one layer to `root`; `diff_id` is the digest of its contents. Raises BadArchive, OSError."""
    source = _Forward(decompressed(packed), allowance)
    try:
        layer = _Layer(root, allowance)
        with tarfile.TarFile(fileobj=cast(IO[bytes], source), errorlevel=2) as tar:
            for member in _members(tar):
                layer.take(tar, member)
        source.finish()
    except DAMAGED as error:
        raise BadArchive(f"a layer is damaged: {error}") from error
    if source.digest != diff_id:
        raise BadArchive(f"a layer is damaged: its contents have the digest {source.digest}, its config says {diff_id}")


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while member := tar.next():
        yield member
        # tarfile remembers every member; of a bomb's millions we would die.
        tar.members.clear()  # type: ignore[attr-defined]  # documented, but unknown to typeshed


def decompressed(file: IO[bytes]) -> IO[bytes]:
    """By its first bytes. Raises BadArchive for zstd, which no Python before 3.14 reads."""
    magic = file.read(4)
    file.seek(0)
    if magic == _ZSTD:
        raise BadArchive(
            "it is compressed with zstd, which is not read here: write it with "
            "`docker save`, or `skopeo copy` to a docker-archive"
        )
    return cast(IO[bytes], gzip.GzipFile(fileobj=file)) if magic.startswith(_GZIP) else file


class _Forward(io.RawIOBase):
    """Reads on and on, hashes what it reads, and never much of it at once: a header may claim to be gigabytes long."""

    def __init__(self, source: IO[bytes], allowance: Allowance) -> None:
        self._source = source
        self._hash = hashlib.sha256()
        self._at = 0
        self._left = allowance.bytes + tarfile.RECORDSIZE + 3 * tarfile.BLOCKSIZE * allowance.entries

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= READ_BYTES_MAX:
            raise BadArchive(f"a header of a layer is longer than {READ_BYTES_MAX} bytes")
        data = self._source.read(size)
        self._hash.update(data)
        self._at += len(data)
        if self._at > self._left:
            raise BadArchive("a layer unpacks to more bytes than this disk or an image may have")
        return data

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence or offset < self._at:
            raise BadArchive("a layer whose files are not in order")
        while self._at < offset and self.read(min(_CHUNK, offset - self._at)):
            pass
        return self._at

    def finish(self) -> None:
        while self.read(_CHUNK):
            pass


@dataclass(slots=True)
class _Layer:
    root: Path
    allowance: Allowance
    own: set[Path] = field(default_factory=set)
    """What this layer brought, with all folders above: an opaque folder hides only what was there before."""

    def take(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        self.allowance.spend(entries=1)
        path = self._path(member.name)
        if path == self.root:
            _dress(path, member)
        elif path.name == _OPAQUE:
            self._hide_below(path.parent)
        elif path.name.startswith(_WHITEOUT):
            self._hide(path.parent, path.name.removeprefix(_WHITEOUT))
        else:
            self._make(tar, member, path)

    def _hide(self, folder: Path, name: str) -> None:
        if name not in ("", ".", "..") and folder / name not in self.own:
            _remove(folder / name)

    def _hide_below(self, folder: Path) -> None:
        if not folder.is_dir():
            return
        for entry in folder.iterdir():
            if entry not in self.own:
                _remove(entry)
            elif entry.is_dir() and not entry.is_symlink():
                self._hide_below(entry)

    def _make(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
        _make_folders(path.parent, member.name)
        if not (member.isdir() and path.is_dir() and not path.is_symlink()):
            _remove(path)
            self._create(tar, member, path)
        if not (member.islnk() or member.ischr()):
            _dress(path, member)
        while path != self.root and path not in self.own:
            self.own.add(path)
            path = path.parent

    def _create(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
        if member.isdir():
            path.mkdir()
        elif member.isreg():
            self._copy(tar, member, path)
        elif member.issym():
            _check_symlink(self.root, path, member)
            path.symlink_to(member.linkname)
        elif member.islnk():
            self._link(member, path)
        elif member.isfifo():
            os.mkfifo(path)
        elif not (member.ischr() and path.parent == self.root / "dev"):
            # Nodes like /dev/null are in some old images; what every container gets as its /dev hides them.
            raise BadArchive(f'"{member.name}" is a device or something stranger: files, folders and links are taken')

    def _copy(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
        source = tar.extractfile(member)
        assert source is not None, "a regular file can be read"  # noqa: S101 - tarfile's own promise
        with path.open("xb") as file:
            while data := source.read(_CHUNK):
                self.allowance.spend(bytes=len(data))
                file.write(data)
        if path.stat().st_size != member.size:
            raise BadArchive(f'a layer is damaged: it ends in the middle of "{member.name}"')

    def _link(self, member: tarfile.TarInfo, path: Path) -> None:
        target = self._path(member.linkname)
        if target.is_dir() or not os.path.lexists(target):
            raise BadArchive(f'"{member.name}" is a link to "{member.linkname}", which is no file of the image')
        os.link(target, path, follow_symlinks=False)

    def _path(self, name: str) -> Path:
        """Where a member belongs: its folder resolved within the root, its own name as it is."""
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if name.startswith("/") or ".." in parts or "\0" in name:
            raise BadArchive(f'"{name[:200]}" would be outside of the image')
        if len(os.fsencode(name)) > NAME_BYTES_MAX:
            raise BadArchive(f'"{name[:80]}…" is a name of more than {NAME_BYTES_MAX} bytes')
        return resolve(self.root, parts[:-1]) / parts[-1] if parts else self.root


def resolve(root: Path, parts: list[str]) -> Path:
    """Follow links as if `root` were /. What is not there yet is taken as it is called. Raises BadArchive."""
    at, ahead, links = root, parts[::-1], 0
    while ahead:
        part = ahead.pop()
        if part == "..":
            at = at.parent if at != root else root
        elif part not in ("", "."):
            at /= part
        if at.is_symlink():
            links += 1
            target = str(at.readlink())
            at = root if target.startswith("/") else at.parent
            ahead += target.split("/")[::-1]
        if links > _LINKS_MAX or len(at.parts) - len(root.parts) > DEPTH_MAX:
            raise BadArchive(f'"{"/".join(parts)[:200]}": links in circles, or folders more than {DEPTH_MAX} deep')
    return at


def _check_symlink(root: Path, path: Path, member: tarfile.TarInfo) -> None:
    """A link may be absolute, which is from the image's own root; one that climbs out of that is a trick."""
    depth = len(path.parent.parts) - len(root.parts)
    for part in () if member.linkname.startswith("/") else member.linkname.split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            raise BadArchive(f'"{member.name}" is a link to "{member.linkname}", outside of the image')
    if not member.linkname or len(os.fsencode(member.linkname)) > NAME_BYTES_MAX or "\0" in member.linkname:
        raise BadArchive(f'"{member.name}" is a link to nothing, or its target is too long')


def _make_folders(folder: Path, name: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise BadArchive(f'"{name}" is in a folder that is a file') from None


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
        return
    with suppress(FileNotFoundError):
        path.unlink()


def _dress(path: Path, member: tarfile.TarInfo) -> None:
    """Owner, mode, time and capabilities, in the order in which none of them undoes another."""
    os.lchown(path, member.uid, member.gid)
    if not member.issym():
        path.chmod(member.mode & 0o7777)
    if not member.isdir():
        os.utime(path, (member.mtime, member.mtime), follow_symlinks=False)
    for key, value in member.pax_headers.items():
        if key == f"{_XATTR}security.capability":
            os.setxattr(path, key.removeprefix(_XATTR), os.fsencode(value), follow_symlinks=False)
