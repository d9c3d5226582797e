"""The label pod-template-hash: which ReplicaSet belongs to which pod template. Pure.

FNV-1a over the template as canonical JSON, spelled with the consonants and digits that Kubernetes uses (no vowels,
so no words). Kubernetes hashes the memory image of its Go structs, so its letters differ from ours; nothing depends
on them.
"""

import orjson

from cluster.client import Obj

HASH_LABEL = "pod-template-hash"

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_FNV_OFFSET = 2166136261
_FNV_PRIME = 16777619


def template_hash(template: Obj, collisions: int = 0) -> str:
    """Up to ten letters; `collisions` counts the names that were taken by another template."""
    data = orjson.dumps(template, option=orjson.OPT_SORT_KEYS)
    if collisions:
        data += collisions.to_bytes(8, "little")
    return "".join(_ALPHABET[ord(digit) % len(_ALPHABET)] for digit in str(_fnv1a(data)))


def without_hash(template: Obj) -> Obj:
    """The template as the user wrote it."""
    metadata = template.get("metadata") or {}
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k != HASH_LABEL}
    return {**template, "metadata": {**metadata, "labels": labels}}


def _fnv1a(data: bytes) -> int:
    value = _FNV_OFFSET
    for byte in data:
        value = ((value ^ byte) * _FNV_PRIME) & 0xFFFFFFFF
    return value
