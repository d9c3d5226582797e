"""Images that the user loaded: unpacked by a command (see `loading`), found here by the runtime of the cluster.

They are handed over through the cluster's folder, below `images/`, where nothing is seen before it is whole:

    rootfs/<digest of the config>   the files of one image
    names/<digest of a name>        what the name stands for, as JSON: the image's config as far as we need it
    draft-*                         being unpacked
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cluster.image_names import image_reference
from cluster.runtime.spec import Account, Image


def find(store: Path, name: str) -> Image | None:
    """The loaded image of that name, if there is one. Raises OSError."""
    try:
        raw = json.loads(_file(store, name).read_text())
    except FileNotFoundError:
        return None
    return _image(raw | {"name": name})


def root(store: Path, id: str) -> Path:
    """Where the files of an image are, or would be."""
    return store / "rootfs" / id.removeprefix("sha256:")


def publish(store: Path, draft: Path, image: Image) -> None:
    """From now on the name stands for this image, whatever it stood for before. Raises OSError."""
    draft.write_text(json.dumps(asdict(image)))
    draft.rename(_file(store, image.name))


def names(store: Path) -> Iterator[str]:
    """Those of all loaded images, for whom they may help."""
    for file in (store / "names").glob("*"):
        with suppress(OSError):
            yield str(json.loads(file.read_text())["name"])


def _file(store: Path, name: str) -> Path:
    # A name has slashes and may be long; its digest has neither.
    return store / "names" / hashlib.sha256(image_reference(name).encode()).hexdigest()


def _image(raw: dict[str, Any]) -> Image:
    return Image(
        name=raw["name"],
        id=raw["id"],
        digest=raw["digest"],
        entrypoint=tuple(raw["entrypoint"]),
        command=tuple(raw["command"]),
        env=tuple((name, value) for name, value in raw["env"]),
        cwd=raw["cwd"],
        user=raw["user"],
        accounts=tuple(Account(a["name"], a["uid"], a["gid"], tuple(a["gids"])) for a in raw["accounts"]),
        groups=tuple((name, gid) for name, gid in raw["groups"]),
    )
