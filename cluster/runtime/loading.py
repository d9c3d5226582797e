"""Loading an archive of images into a cluster's folder, where its runtime finds them. For the command, not the cluster.

Everything is unpacked into a draft that nobody looks at; it takes its place when it is whole, or goes without a trace.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from cluster.image_names import by_digest, digest_of, image_reference
from cluster.runtime import loaded
from cluster.runtime.accounts import accounts, groups
from cluster.runtime.archive import Archive, Archived, BadArchive
from cluster.runtime.images import SYSTEM_PATH
from cluster.runtime.layers import BYTES_MAX, DAMAGED, Allowance, decompressed, unpack
from cluster.runtime.spec import Image

_NAME = re.compile(r"[a-zA-Z0-9][\w./:@-]{0,254}", re.ASCII)
_FREE_BYTES_KEPT = 512 * 1024**2
_CHUNK_BYTES = 1024 * 1024


def load(file: Path, store: Path, name: str = "") -> list[str]:
    """Unpack the images of an archive into `store`; returns the names that stand for them now.

    `name` is for an archive of one image, instead of the names it brings. Raises BadArchive, OSError; then nothing
    has changed.
    """
    for folder in ("rootfs", "names"):
        (store / folder).mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(store).free - _FREE_BYTES_KEPT
    allowance = Allowance(bytes=max(0, min(BYTES_MAX, free)))
    with tempfile.TemporaryDirectory(prefix="draft-", dir=store) as draft, file.open("rb") as packed:
        return [*_load(packed, Path(draft), store, name, allowance)]


def _load(packed: IO[bytes], draft: Path, store: Path, name: str, allowance: Allowance) -> Iterator[str]:
    archive = Archive(_plain(packed, draft / "archive", allowance))
    images = [(image, _names(image, name)) for image in archive.images()]
    if name and len(images) > 1:
        raise BadArchive(
            f"it has {len(images)} images and only one name is given: leave --name out, or archive one alone"
        )
    made = [(image, names, _unpacked(archive, image, draft, allowance)) for image, names in images]
    for image, names, root in made:
        # The same image may be there already, under this or another name.
        if not loaded.root(store, image.id).exists():
            root.rename(loaded.root(store, image.id))
        for each in names:
            loaded.publish(store, draft / "name", _image(each, image, loaded.root(store, image.id)))
            yield each


def _plain(packed: IO[bytes], copy: Path, allowance: Allowance) -> IO[bytes]:
    """An archive is read in no order; one that is compressed as a whole is unfolded first."""
    source = decompressed(packed)
    if source is packed:
        return packed
    plain = copy.open("w+b")
    try:
        while data := source.read(_CHUNK_BYTES):
            allowance.spend(bytes=len(data))
            plain.write(data)
    except DAMAGED as error:
        raise BadArchive(f"its compression is damaged: {error}") from error
    plain.seek(0)
    return plain


def _names(image: Archived, name: str) -> tuple[str, ...]:
    names = (name,) if name else image.names
    if not names:
        raise BadArchive("the image in it has no name: give it one with --name")
    if bad := [each for each in names if not _NAME.fullmatch(each)]:
        raise BadArchive(f'"{bad[0][:200]}" is no name for an image')
    if unknown := [each for each in names if digest_of(each) not in ("", *image.digests)]:
        known = ", ".join(image.digests) or "none, as docker save writes it; `skopeo copy` to an oci-archive keeps it"
        raise BadArchive(f'"{unknown[0][:200]}" is not its digest: the archive knows {known}')
    pinned = (by_digest(each, digest) for each in names for digest in image.digests)
    return tuple(dict.fromkeys((*map(image_reference, names), *pinned)))


def _unpacked(archive: Archive, image: Archived, draft: Path, allowance: Allowance) -> Path:
    root = draft / image.id.removeprefix("sha256:")
    root.mkdir(mode=0o755)
    for layer, diff_id in zip(image.layers, image.config.rootfs.diff_ids, strict=True):
        with archive.open(layer) as packed:
            unpack(root, packed, diff_id, allowance)
    return root


def _image(name: str, archived: Archived, root: Path) -> Image:
    config = archived.config.config
    env = [(key, value) for key, _, value in (entry.partition("=") for entry in config.environment or ())]
    # As containerd does: an image that says nothing of PATH has the usual one.
    path = [] if any(key == "PATH" for key, _ in env) else [("PATH", SYSTEM_PATH)]
    return Image(
        name=name,
        id=archived.id,
        digest=by_digest(name, digest_of(name) or archived.digests[0]) if archived.digests else "",
        entrypoint=tuple(config.entrypoint or ()),
        command=tuple(config.command or ()),
        env=(*path, *env),
        cwd=config.working_directory or "/",
        user=config.user or "",
        accounts=accounts(root),
        groups=groups(root),
    )
