"""Image archives made by hand, good and bad."""

import gzip
import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
PROGRAMS = ("sh", "id", "pwd", "env", "ls", "sleep", "cat")
Member = tuple[tarfile.TarInfo, bytes]


def member(name: str, data: bytes = b"", **attributes: Any) -> Member:
    """A file of ours, unless `type` and the like say something else."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.uid, info.gid = len(data), 0o644, os.getuid(), os.getgid()
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, data


def folder(name: str, mode: int = 0o755) -> Member:
    return member(name, type=tarfile.DIRTYPE, mode=mode)


def symlink(name: str, target: str) -> Member:
    return member(name, type=tarfile.SYMTYPE, linkname=target)


def hardlink(name: str, target: str) -> Member:
    return member(name, type=tarfile.LNKTYPE, linkname=target)


def tar(*members: Member) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as made:
        for info, data in members:
            made.addfile(info, io.BytesIO(data))
    return out.getvalue()


def config(layers: Sequence[bytes], **changes: Any) -> dict[str, Any]:
    """An image's config; `changes` are keys of its `config`, or of itself if it has them."""
    made: dict[str, Any] = {
        "architecture": ARCHITECTURE,
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
    }
    for key, value in changes.items():
        (made if key in made else made["config"])[key] = value
    return made


def docker_archive(path: Path, *layers: bytes, names: Sequence[str] = ("shop:1",), **changes: Any) -> Path:
    """As `docker save` writes it."""
    blobs = {f"{number}/layer.tar": layer for number, layer in enumerate(layers)}
    manifest = [{"Config": "config.json", "RepoTags": list(names), "Layers": list(blobs)}]
    documents = {"config.json": config(layers, **changes), "manifest.json": manifest}
    members = [member(name, json.dumps(document).encode()) for name, document in documents.items()]
    path.write_bytes(tar(*(member(name, layer) for name, layer in blobs.items()), *members))
    return path


def oci_archive(path: Path, *layers: bytes, names: Sequence[str] = ("shop:1",), **changes: Any) -> Path:
    """As `skopeo copy` writes it: compressed layers, everything by digest, one index below another."""
    packed = [gzip.compress(layer) for layer in layers]
    manifest: dict[str, Any] = {"layers": [{"digest": digest(layer)} for layer in packed]}
    raw_config = json.dumps(config(layers, **changes)).encode()
    manifest["config"] = {"digest": digest(raw_config)}
    raw_manifest = json.dumps(manifest).encode()
    platforms = [("linux", ARCHITECTURE), ("unknown", "unknown")]
    inner = [{"digest": digest(raw_manifest), "platform": {"os": os, "architecture": name}} for os, name in platforms]
    raw_inner = json.dumps({"manifests": inner}).encode()
    named = [{"org.opencontainers.image.ref.name": name} for name in names] or [{}]
    index = {"manifests": [{"digest": digest(raw_inner), "annotations": each} for each in named]}
    blobs = [member(f"blobs/sha256/{digest(raw)[7:]}", raw) for raw in (*packed, raw_config, raw_manifest, raw_inner)]
    path.write_bytes(tar(*blobs, member("index.json", json.dumps(index).encode())))
    return path


def digest(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def userland() -> list[Member]:
    """A few programs of this machine, with the libraries that they need."""
    paths = [Path(found) for program in PROGRAMS if (found := shutil.which(program))]
    told = subprocess.run(["ldd", *paths], capture_output=True, text=True, check=True).stdout
    libraries = {Path(path) for path in re.findall(r"(/\S+) \(0x", told)}
    links = [member(f"bin/{path.name}", path.read_bytes(), mode=0o755) for path in paths]
    return links + [member(str(path)[1:], path.read_bytes(), mode=0o755) for path in sorted(libraries)]
