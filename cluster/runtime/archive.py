"""Image archives as `docker save` and `skopeo copy` write them: what is in one, before anything is unpacked.

Two layouts: docker-archive (manifest.json names configs and layers) and OCI image layout (index.json leads by digests
to blobs; https://github.com/opencontainers/image-spec/blob/main/image-layout.md). Newer Docker writes both at once.
An archive is a stranger's: every size is bounded, every digest checked, nothing is taken on trust.
"""

import hashlib
import platform
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Annotated, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

DOCUMENT_BYTES_MAX = 4 * 1024 * 1024
MEMBERS_MAX = 10_000
LAYERS_MAX = 500
_INDEXES_MAX = 3
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
T = TypeVar("T")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class BadArchive(Exception):
    """The archive is damaged, hostile or for another machine; the message says what of it."""


class _Config(BaseModel):
    entrypoint: list[str] | None = Field(default=None, alias="Entrypoint")
    command: list[str] | None = Field(default=None, alias="Cmd")
    environment: list[str] | None = Field(default=None, alias="Env")
    working_directory: str | None = Field(default=None, alias="WorkingDir")
    user: str | None = Field(default=None, alias="User")


class _RootFs(BaseModel):
    diff_ids: list[str] = Field(max_length=LAYERS_MAX)


class ImageConfig(BaseModel):
    """https://github.com/opencontainers/image-spec/blob/main/config.md, as far as containers are made of it."""

    architecture: str
    os: str
    config: _Config = _Config()
    rootfs: _RootFs


class _DockerManifest(BaseModel):
    config: str = Field(alias="Config")
    tags: list[str] | None = Field(default=None, alias="RepoTags")
    layers: list[str] = Field(alias="Layers", max_length=LAYERS_MAX)


class _Platform(BaseModel):
    architecture: str
    os: str


class _Descriptor(BaseModel):
    digest: str
    platform: _Platform | None = None
    annotations: dict[str, str] = {}


class _OciIndex(BaseModel):
    manifests: list[_Descriptor] = Field(max_length=LAYERS_MAX)


class _OciManifest(BaseModel):
    config: _Descriptor
    layers: list[_Descriptor] = Field(max_length=LAYERS_MAX)


_DOCKER_MANIFESTS = TypeAdapter(Annotated[list[_DockerManifest], Field(min_length=1, max_length=LAYERS_MAX)])


@dataclass(frozen=True, slots=True)
class Archived:
    """One image of an archive. `layers` are members of the archive, lowest first."""

    names: tuple[str, ...]
    id: str
    digests: tuple[str, ...]
    """By which registries know it, outermost first: an index of platforms, a manifest. docker save drops them."""
    config: ImageConfig
    layers: tuple[str, ...]


class Archive:
    """An open archive."""

    def __init__(self, file: IO[bytes]) -> None:
        """`file` is seekable and not compressed. Raises BadArchive."""
        try:
            self._tar = tarfile.TarFile(fileobj=file)
            self._members = dict(self._read_members())
        except (tarfile.TarError, EOFError, ValueError) as error:
            raise BadArchive(f"it is no tar archive: {error}") from error

    def _read_members(self) -> Iterator[tuple[str, tarfile.TarInfo]]:
        for number, member in enumerate(self._tar):
            if number >= MEMBERS_MAX:
                raise BadArchive(f"it has more than {MEMBERS_MAX} members: an image archive has a few for each layer")
            yield member.name.removeprefix("./"), member

    def images(self) -> list[Archived]:
        """Raises BadArchive."""
        if "manifest.json" in self._members:
            manifests = _parse(_DOCKER_MANIFESTS, self._document("manifest.json"), "manifest.json")
            return [self._docker(manifest) for manifest in manifests]
        if "index.json" in self._members:
            return [*self._oci("index.json", ())]
        raise BadArchive("it is no image: neither manifest.json (docker save) nor index.json (OCI layout) is in it")

    def open(self, name: str) -> IO[bytes]:
        """The bytes of a member. Raises BadArchive."""
        member = self._members.get(name)
        # Docker before version 25 stored a layer that two images share once, and links to it.
        if member is not None and member.issym():
            parts = [part for part in name.split("/")[:-1] if part] + member.linkname.split("/")
            member = self._members.get(_normal(parts))
        if member is None or not member.isreg():
            raise BadArchive(f"{name} is named in it but is not there, or is no file")
        found = self._tar.extractfile(member)
        assert found is not None, "a regular file can be read"  # noqa: S101 - tarfile's own promise
        return found

    def _document(self, name: str, digest: str = "") -> bytes:
        with self.open(name) as file:
            raw = file.read(DOCUMENT_BYTES_MAX + 1)
        if len(raw) > DOCUMENT_BYTES_MAX:
            raise BadArchive(f"{name} has more than {DOCUMENT_BYTES_MAX} bytes")
        if digest and digest != f"sha256:{hashlib.sha256(raw).hexdigest()}":
            raise BadArchive(f"{name} is damaged: its contents do not have its digest")
        return raw

    def _docker(self, manifest: _DockerManifest) -> Archived:
        return self._image(manifest.config, "", tuple(manifest.tags or ()), tuple(manifest.layers), ())

    def _oci(self, name: str, names: tuple[str, ...], digests: tuple[str, ...] = ()) -> Iterator[Archived]:
        """An index may lead to another: one name, an image for each platform. `digests` led here, the last to this."""
        if len(digests) > _INDEXES_MAX:
            raise BadArchive(f"indexes lead to indexes more than {_INDEXES_MAX} deep")
        index = _parse(TypeAdapter(_OciIndex), self._document(name, "".join(digests[-1:])), name)
        for descriptor in _for_this_machine(index.manifests):
            blob, own = _blob(descriptor.digest), _names(descriptor.annotations) or names
            document = self._document(blob, descriptor.digest)
            if b'"manifests"' in document and b'"layers"' not in document:
                yield from self._oci(blob, own, (*digests, descriptor.digest))
                continue
            manifest = _parse(TypeAdapter(_OciManifest), document, blob)
            layers = tuple(_blob(layer.digest) for layer in manifest.layers)
            config, known_by = manifest.config.digest, (*digests, descriptor.digest)
            yield self._image(_blob(config), config, own, layers, known_by)

    def _image(
        self, config_name: str, digest: str, names: tuple[str, ...], layers: tuple[str, ...], digests: tuple[str, ...]
    ) -> Archived:
        raw = self._document(config_name, digest)
        config = _parse(TypeAdapter(ImageConfig), raw, config_name)
        _check(config, layers)
        return Archived(names, f"sha256:{hashlib.sha256(raw).hexdigest()}", digests, config, layers)


def _for_this_machine(descriptors: list[_Descriptor]) -> list[_Descriptor]:
    """Those without a platform, and those for ours; attestations are for "unknown"."""
    ours = ("linux", _architecture())
    fit = [d for d in descriptors if d.platform is None or (d.platform.os, d.platform.architecture) == ours]
    if not fit:
        there = sorted({f"{d.platform.os}/{d.platform.architecture}" for d in descriptors if d.platform})
        raise BadArchive(f"it has no image for {'/'.join(ours)}: only for {', '.join(there) or 'nothing'}")
    return fit


def _check(config: ImageConfig, layers: tuple[str, ...]) -> None:
    ours = ("linux", _architecture())
    if (config.os, config.architecture) != ours:
        raise BadArchive(f"the image is for {config.os}/{config.architecture}; this machine runs {'/'.join(ours)}")
    if len(config.rootfs.diff_ids) != len(layers):
        raise BadArchive(f"its config knows {len(config.rootfs.diff_ids)} layers and its manifest {len(layers)}")
    if any("=" not in entry or "\0" in entry for entry in config.config.environment or ()):
        raise BadArchive("an environment variable of its config is not NAME=VALUE")
    folder = config.config.working_directory or "/"
    # A working folder below /proc would be one of runc's own open files: the way out of CVE-2024-21626.
    parts = [part for part in folder.split("/") if part not in ("", ".")]
    if not folder.startswith("/") or ".." in parts or parts[:1] == ["proc"] or "\0" in folder:
        raise BadArchive(f'its working directory "{folder}" is refused: it must be absolute, without .., not in /proc')


def _architecture() -> str:
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


def _names(annotations: dict[str, str]) -> tuple[str, ...]:
    found = (annotations.get(f"{key}.name") for key in ("io.containerd.image", "org.opencontainers.image.ref"))
    return tuple(name for name in found if name)[:1]


def _blob(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise BadArchive(f'"{digest[:80]}" is no sha256 digest')
    return f"blobs/sha256/{digest.partition(':')[2]}"


def _parse(kind: TypeAdapter[T], raw: bytes, name: str) -> T:
    try:
        return kind.validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadArchive(f"{name} is not what it should be: {where}: {first['msg']}") from error


def _normal(parts: list[str]) -> str:
    kept: list[str] = []
    for part in parts:
        if part == "..":
            kept = kept[:-1]
        elif part not in ("", "."):
            kept.append(part)
    return "/".join(kept)
