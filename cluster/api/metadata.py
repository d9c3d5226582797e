"""The rules of ObjectMeta: names, labels, annotations, owners, finalizers."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from cluster.api.field_errors import FieldError, forbidden, invalid, required, too_long
from cluster.client import Obj
from cluster.selectors import LABEL_VALUE, QUALIFIED_NAME

NameRule = Callable[[str], str]
"""Says what is wrong with a name; "" if nothing is."""

ANNOTATIONS_BYTES_MAX = 256 * 1024

_FINALIZERS = frozenset({"foregroundDeletion", "kubernetes", "orphan"})
_PATH = re.compile(r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_WILDCARD = re.compile(rf"\*\.{_SUBDOMAIN.pattern}")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")


def subdomain(name: str) -> str:
    """An RFC 1123 subdomain of up to 253 bytes; most names."""
    return _length(name, 253) or _form(
        name,
        _SUBDOMAIN,
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
        "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    )


def wildcard_subdomain(name: str) -> str:
    """A subdomain whose first label is an asterisk."""
    return _length(name, 253) or _form(
        name,
        _WILDCARD,
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
        "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', "
        r"regex used for validation is '\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    )


def label(name: str) -> str:
    """An RFC 1123 label of up to 63 bytes: namespaces, containers, volumes."""
    if "." in name and len(name) <= 63 and not subdomain(name):
        return "must not contain dots"
    return _length(name, 63) or _form(
        name,
        _LABEL,
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
        "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    )


def label_1035(name: str) -> str:
    """A label that starts with a letter: Services."""
    return _length(name, 63) or _form(
        name,
        _LABEL_1035,
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
        "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation "
        "is '[a-z]([-a-z0-9]*[a-z0-9])?')",
    )


def path_segment(name: str) -> str:
    """Anything that can stand in a URL path: RBAC objects."""
    if name in (".", ".."):
        return f"may not be '{name}'"
    return next((f"may not contain '{c}'" for c in "/%" if c in name), "")


def qualified_name(name: str) -> str:
    """A label key: `[subdomain/]name`, the name up to 63 bytes; the first thing that is wrong with it."""
    return next(wrong_label_keys(name), "")


def wrong_label_keys(name: str) -> Iterator[str]:
    """All that is wrong with a label key."""
    prefix, slash, rest = name.rpartition("/")
    if slash and "/" in prefix:
        yield (
            "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with "
            "an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
            "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' "
            "(e.g. 'example.com/MyName')"
        )
        return
    if slash and (wrong := subdomain(prefix) if prefix else "must be non-empty"):
        yield f"prefix part {wrong}"
    if wrong := "must be non-empty" if not rest else _length(rest, 63, "bytes"):
        yield f"name part {wrong}"
    if not _QUALIFIED.fullmatch(rest):
        yield QUALIFIED_NAME


def domain_path(text: str) -> str:
    """A domain with a path of its own: `example.com/name`."""
    domain, slash, path = text.partition("/")
    if not slash or not domain or not path:
        return 'must be a domain-prefixed path (such as "acme.io/foo")'
    if wrong := subdomain(domain):
        return wrong
    return _form(path, _PATH, f"Invalid path (regex used for validation is '{_PATH.pattern}')")


def label_value(value: str) -> str:
    if wrong := _length(value, 63, "bytes"):
        return wrong
    return "" if value == "" or _QUALIFIED.fullmatch(value) else LABEL_VALUE


def check_labels(labels: Obj | None, path: str) -> Iterator[FieldError]:
    for key, value in (labels or {}).items():
        if wrong := qualified_name(key):
            yield invalid(path, key, wrong)
        if wrong := label_value(value):
            yield invalid(path, value, wrong)


def check_metadata(obj: Obj, name_rule: NameRule, *, namespaced: bool, custom: bool = False) -> Iterator[FieldError]:
    metadata = obj.get("metadata", {})
    yield from _check_name(metadata, name_rule)
    if namespaced and not metadata.get("namespace"):
        yield required("metadata.namespace")
    if not namespaced and metadata.get("namespace"):
        yield forbidden("metadata.namespace", "not allowed on this type")
    yield from check_labels(metadata.get("labels"), "metadata.labels")
    yield from check_annotations(metadata.get("annotations"), "metadata.annotations")
    yield from _check_owners(metadata.get("ownerReferences", ()))
    for i, finalizer in enumerate(metadata.get("finalizers", ())):
        if wrong := qualified_name(finalizer):
            yield invalid("metadata.finalizers", finalizer, wrong)
        elif "/" not in finalizer and finalizer not in _FINALIZERS and not custom:
            why = "name is neither a standard finalizer name nor is it fully qualified"
            yield invalid(f"metadata.finalizers[{i}]", finalizer, why)


def check_metadata_update(obj: Obj, old: Obj) -> Iterator[FieldError]:
    """Names and namespaces are for ever; a dying object gets no new finalizers."""
    metadata, before = obj["metadata"], old["metadata"]
    for key in ("name", "namespace"):
        if metadata.get(key, "") != before.get(key, ""):
            yield immutable(f"metadata.{key}", metadata.get(key, ""))
    added = sorted(set(metadata.get("finalizers", ())) - set(before.get("finalizers", ())))
    if before.get("deletionTimestamp") and added:
        listed = ", ".join(json.dumps(name) for name in added)
        why = "no new finalizers can be added if the object is being deleted, found new finalizers"
        yield forbidden("metadata.finalizers", f"{why} []string{{{listed}}}")


def check_annotations(annotations: Obj | None, path: str) -> Iterator[FieldError]:
    for key in annotations or {}:
        if wrong := qualified_name(key.lower()):
            yield invalid(path, key, wrong)
    size = sum(len(k.encode()) + len(v.encode()) for k, v in (annotations or {}).items())
    if size > ANNOTATIONS_BYTES_MAX:
        yield too_long(path, ANNOTATIONS_BYTES_MAX)


def immutable(field: str, value: object) -> FieldError:
    return invalid(field, value, "field is immutable")


def _check_name(metadata: Obj, name_rule: NameRule) -> Iterator[FieldError]:
    name, prefix = metadata.get("name", ""), metadata.get("generateName", "")
    # Of a generated name only the prefix is the user's; the random tail makes up for a trailing dash.
    if prefix and (wrong := name_rule(f"{prefix[:57]}a")):
        yield invalid("metadata.generateName", prefix, wrong)
    if not name and not prefix:
        yield required("metadata.name", "name or generateName is required")
    elif name and (wrong := name_rule(name)):
        yield invalid("metadata.name", name, wrong)


def _check_owners(owners: Iterable[dict[str, Any]]) -> Iterator[FieldError]:
    owners = list(owners)
    for owner in owners:
        for key in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(key):
                yield invalid(f"metadata.ownerReferences.{key}", owner.get(key, ""), "must not be empty")
    controllers = [f"{owner.get('kind')}/{owner.get('name')}" for owner in owners if owner.get("controller")]
    for another in controllers[1:]:
        found = f'Found "true" in references for {controllers[0]} and {another}'
        why = f"Only one reference can have Controller set to true. {found}"
        yield invalid("metadata.ownerReferences", owners, why)


def _length(text: str, most_bytes: int, word: str = "characters") -> str:
    """Bytes are counted; Kubernetes calls them so for labels alone."""
    return f"must be no more than {most_bytes} {word}" if len(text.encode()) > most_bytes else ""


def _form(name: str, pattern: re.Pattern[str], otherwise: str) -> str:
    return "" if pattern.fullmatch(name) else otherwise
