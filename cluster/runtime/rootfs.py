"""A container's root: an overlay of its image's skeleton and an upper layer of its own on disk."""

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cluster.runtime.mounts import mount, unmount


@dataclass(frozen=True, slots=True)
class Place:
    """Where one container's files are. `bundle` is in memory, `layer` on disk."""

    bundle: Path
    layer: Path

    @property
    def root(self) -> Path:
        return self.bundle / "rootfs"


def prepare(place: Place, skeleton: Path) -> None:
    """Make and mount it. Raises OSError; then nothing is left."""
    try:
        _overlay(skeleton, place.layer, place.root)
    except OSError:
        discard(place)
        raise


def _overlay(skeleton: Path, layer: Path, root: Path) -> None:
    root.mkdir(parents=True)
    try:
        _mount_overlay(skeleton, layer, root)
    except OSError:
        # An upper layer is refused on a disk that is itself an overlay, as in a container: then it is kept in memory.
        _mount_overlay(skeleton, root.parent / "layer", root)


def _mount_overlay(skeleton: Path, layer: Path, root: Path) -> None:
    upper, work = layer / "upper", layer / "work"
    upper.mkdir(parents=True)
    work.mkdir()
    # Nobody reads a layer after its container: "volatile" spares a sync of the disk at the end.
    options = f"lowerdir={skeleton},upperdir={upper},workdir={work}"
    try:
        mount("overlay", root, "overlay", 0, f"{options},volatile")
    except OSError:
        mount("overlay", root, "overlay", 0, options)


def written(place: Place) -> Path:
    """The upper layer, on disk or, where that was refused, in memory."""
    return next(filter(Path.is_dir, (place.layer / "upper", place.bundle / "layer" / "upper")), place.layer)


def discard(place: Place) -> None:
    """Unmount and delete; nothing happens if it is not there."""
    with suppress(OSError):
        unmount(place.root)
    shutil.rmtree(place.bundle, ignore_errors=True)
    shutil.rmtree(place.layer, ignore_errors=True)
