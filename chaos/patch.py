"""What to change, as a person reads it: the difference between two sets of manifests."""

from difflib import unified_diff

import yaml

from chaos.manifests import Manifest, Manifests
from chaos.marked import plain


def diff(before: Manifests, after: Manifests) -> str:
    """A unified diff of the objects that differ, object by object. Secrets are left out."""
    old, new = _by_key(before), _by_key(after)
    return "".join(_object_diff(old.get(key), new.get(key)) for key in {**old, **new} if old.get(key) != new.get(key))


def _by_key(manifests: Manifests) -> dict[tuple[str, str, str], Manifest]:
    return {(m.kind, m.namespace, m.name): m for m in manifests if m.kind != "Secret"}


def _object_diff(old: Manifest | None, new: Manifest | None) -> str:
    named = old or new
    if named is None or (old and new and old.data == new.data):
        return ""
    at = named.at()
    where = f"{named.file}:{at.line}" if named.file else "new"
    lines = unified_diff(_lines(old), _lines(new), f"{named.ref} ({where})", f"{named.ref} (as it should be)", n=3)
    return "".join(lines)


def _lines(manifest: Manifest | None) -> list[str]:
    if manifest is None:
        return []
    return yaml.dump(plain(manifest.data), Dumper=yaml.CSafeDumper, sort_keys=False).splitlines(keepends=True)
