"""Files of one volume that get into each other's way: the same path twice, or a file where another's folder is."""

from collections.abc import Iterator
from dataclasses import dataclass

from cluster.client import Obj


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    source: str = ""
    """Where it is from, in a volume that has several sources."""

    def __str__(self) -> str:
        return f'"{self.path}"' + (f" ({self.source})" if self.source else "")

    def overlaps(self, other: "_File") -> bool:
        mine, others = f"{self.path}/", f"{other.path}/"
        return bool(other.path) and (mine.startswith(others) or others.startswith(mine))


def overlap_warnings(volumes: list[Obj]) -> Iterator[str]:
    for volume in volumes:
        for kind, what, files in _parts(volume):
            for file, other in _overlaps(files):
                yield f'volume "{volume["name"]}" ({what}): overlapping paths: {file} with {other}'
            if kind == "projected":
                for _ in (source for source in volume[kind].get("sources") or () if not source):
                    yield f'volume "{volume["name"]}" (Projected) has no sources provided'


def _parts(volume: Obj) -> Iterator[tuple[str, str, list[_File]]]:
    """Each source of files: its kind, what it is called, and its files."""
    config, secret, downward, projected = (
        volume.get(kind) for kind in ("configMap", "secret", "downwardAPI", "projected")
    )
    if config is not None:
        yield "configMap", f'ConfigMap "{config.get("name", "")}"', _files(config)
    if secret is not None:
        yield "secret", f'Secret "{secret.get("secretName", "")}"', _files(secret)
    if downward is not None:
        yield "downwardAPI", "DownwardAPI", _files(downward)
    if projected is not None:
        files = [file for source in projected.get("sources") or () for file in _projected(source)]
        yield "projected", "Projected", files


def _projected(source: Obj) -> list[_File]:
    for kind, name in (("configMap", "ConfigMap"), ("secret", "Secret")):
        if (source.get(kind) or {}).get("items"):
            return _files(source[kind], f'{name} "{source[kind].get("name", "")}"')
    if (source.get("downwardAPI") or {}).get("items"):
        return _files(source["downwardAPI"], "DownwardAPI")
    token = source.get("serviceAccountToken")
    return [] if token is None else [_File(token.get("path", "").rstrip("/"), "ServiceAccountToken")]


def _files(holder: Obj, source: str = "") -> list[_File]:
    return [_File(item.get("path", "").rstrip("/"), source) for item in holder.get("items") or ()]


def _overlaps(files: list[_File]) -> Iterator[tuple[_File, _File]]:
    for i, file in enumerate(files):
        yield from ((file, other) for other in files[:i] if file.path and file.overlaps(other))
