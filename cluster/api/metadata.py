"""The rules of ObjectMeta: names, labels, annotations, owners, finalizers."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from cluster.api.field_errors import FieldError, forbidden, invalid, required, too_long
from cluster.client import Obj
from cluster.selectors import LABEL_VALUE, QUALIFIED_NAME

NameRule = Callable[[str], list[str]]
"""Says all that is wrong with a name."""

ANNOTATIONS_BYTES_MAX = 256 * 1024

FINALIZERS = frozenset({"foregroundDeletion", "kubernetes", "orphan"})
_PATH = re.compile(r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_WILDCARD = re.compile(rf"\*\.{_SUBDOMAIN.pattern}")
_UNDERSCORED = re.compile(r"_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_EMPTY = "must be non-empty"
_NO_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_NO_LABEL_KEY = (
    "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with "
    "an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' "
    "(e.g. 'example.com/MyName')"
)
_REPEATED = (
    ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject "
    "such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: "
)
_BOTH = "finalizer orphan and foregroundDeletion cannot be both set"


def subdomain(name: str) -> list[str]:
    """An RFC 1123 subdomain of up to 253 bytes; most names."""
    return [*_length(name, 253), *_form(name, _SUBDOMAIN, _NO_SUBDOMAIN)]


def wildcard_subdomain(name: str) -> list[str]:
    """A subdomain whose first label is an asterisk."""
    otherwise = (
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
        "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', "
        r"regex used for validation is '\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    )
    return [*_length(name, 253), *_form(name, _WILDCARD, otherwise)]


def underscored_subdomain(name: str) -> list[str]:
    """A subdomain as resolvers take it, whose labels may have underscores."""
    otherwise = (
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must "
        "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        f"'{_UNDERSCORED.pattern}')"
    )
    return [*_length(name, 253), *_form(name, _UNDERSCORED, otherwise)]


def label(name: str) -> list[str]:
    """An RFC 1123 label of up to 63 bytes: namespaces, containers, volumes."""
    otherwise = (
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
        "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    )
    dotted = "must not contain dots" if _SUBDOMAIN.fullmatch(name) else otherwise
    return [*_length(name, 63), *_form(name, _LABEL, dotted)]


def label_1035(name: str) -> list[str]:
    """A label that starts with a letter: the names of definitions."""
    otherwise = (
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
        "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation "
        "is '[a-z]([-a-z0-9]*[a-z0-9])?')"
    )
    return [*_length(name, 63), *_form(name, _LABEL_1035, otherwise)]


def path_segment(name: str) -> list[str]:
    """Anything that can stand in a URL path: RBAC objects."""
    if name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{c}'" for c in "/%" if c in name]


def qualified_name(name: str) -> list[str]:
    """A label key: `[subdomain/]name`, the name up to 63 bytes."""
    prefix, slash, rest = name.rpartition("/")
    if "/" in prefix:
        return [_NO_LABEL_KEY]
    wrong = [f"prefix part {why}" for why in _wrong_prefix(prefix)] if slash else []
    wrong += [f"name part {why}" for why in (_length(rest, 63, "bytes") if rest else [_EMPTY])]
    return [*wrong, *_form(rest, _QUALIFIED, QUALIFIED_NAME)]


def _wrong_prefix(prefix: str) -> list[str]:
    return [*_length(prefix, 253, "bytes"), *_form(prefix, _SUBDOMAIN, _NO_SUBDOMAIN)] if prefix else [_EMPTY]


def label_value(value: str) -> list[str]:
    return [*_length(value, 63, "bytes"), *(_form(value, _QUALIFIED, LABEL_VALUE) if value else ())]


def check_domain_path(text: str, path: str) -> Iterator[FieldError]:
    """A domain with a path of its own: `example.com/name`."""
    domain, _, rest = text.partition("/")
    if not text:
        yield required(path)
    elif not domain or not rest:
        yield invalid(path, text, 'must be a domain-prefixed path (such as "acme.io/foo")')
    else:
        yield from (invalid(path, domain, wrong) for wrong in subdomain(domain))
        otherwise = f"Invalid path (regex used for validation is '{_PATH.pattern}')"
        yield from (invalid(path, rest, wrong) for wrong in _form(rest, _PATH, otherwise))


def check_labels(labels: Obj | None, path: str) -> Iterator[FieldError]:
    for key, value in (labels or {}).items():
        yield from (invalid(path, key, wrong) for wrong in qualified_name(key))
        yield from (invalid(path, value, wrong) for wrong in label_value(value))


def check_metadata(obj: Obj, name_rule: NameRule, *, namespaced: bool, custom: bool = False) -> Iterator[FieldError]:
    metadata = obj.get("metadata", {})
    yield from _check_name(metadata, name_rule)
    yield from _check_namespace(metadata.get("namespace", ""), namespaced=namespaced)
    yield from check_labels(metadata.get("labels"), "metadata.labels")
    yield from check_annotations(metadata.get("annotations"), "metadata.annotations")
    yield from _check_owners(metadata.get("ownerReferences", ()))
    yield from _check_finalizers(metadata.get("finalizers", []), custom=custom)


def _check_namespace(namespace: str, *, namespaced: bool) -> Iterator[FieldError]:
    if namespaced and not namespace:
        yield required("metadata.namespace")
    elif namespaced:
        yield from (invalid("metadata.namespace", namespace, wrong) for wrong in label(namespace))
    elif namespace:
        yield forbidden("metadata.namespace", "not allowed on this type")


def _check_finalizers(finalizers: list[str], *, custom: bool) -> Iterator[FieldError]:
    for finalizer in finalizers:
        yield from (invalid("metadata.finalizers", finalizer, wrong) for wrong in qualified_name(finalizer))
    if {"orphan", "foregroundDeletion"} <= set(finalizers):
        yield invalid("metadata.finalizers", finalizers, _BOTH)
    for i, finalizer in enumerate(() if custom else finalizers):
        if "/" not in finalizer and finalizer not in FINALIZERS:
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
    for key in annotations or ():
        yield from (invalid(path, key, wrong) for wrong in qualified_name(key.lower()))
    size = sum(len(k.encode()) + len(v.encode()) for k, v in (annotations or {}).items())
    if size > ANNOTATIONS_BYTES_MAX:
        yield too_long(path, ANNOTATIONS_BYTES_MAX)


def immutable(field: str, value: object) -> FieldError:
    return invalid(field, value, "field is immutable")


def _check_name(metadata: Obj, name_rule: NameRule) -> Iterator[FieldError]:
    name, prefix = metadata.get("name", ""), metadata.get("generateName", "")
    yield from (invalid("metadata.generateName", prefix, wrong) for wrong in _wrong_prefix_of_name(prefix, name_rule))
    if not name and not prefix:
        yield required("metadata.name", "name or generateName is required")
    elif name:
        yield from (invalid("metadata.name", name, wrong) for wrong in name_rule(name))


def _wrong_prefix_of_name(prefix: str, name_rule: NameRule) -> list[str]:
    """Of a generated name only the prefix is the user's; the random tail makes up for a trailing dash."""
    if not prefix:
        return []
    return name_rule(prefix if name_rule is path_segment else with_tail(prefix))


def with_tail(prefix: str) -> str:
    """A name that begins like this and does not end with its dash."""
    return f"{prefix[:-2]}a" if len(prefix) > 1 and prefix.endswith("-") else prefix


def _check_owners(owners: Iterable[dict[str, Any]]) -> Iterator[FieldError]:
    owners, at = list(owners), "metadata.ownerReferences"
    first = ""
    for owner in owners:
        yield from _check_owner(owner, at)
        name = f"{owner.get('kind', '')}/{owner.get('name', '')}"
        if owner.get("controller") and first:
            found = f'Found "true" in references for {first} and {name}'
            why = f"Only one reference can have Controller set to true. {found}"
            yield invalid(at, owners, why)
        elif owner.get("controller"):
            first = name


def drop_repeated_owners(metadata: Obj) -> list[str]:
    """Leave out owners that are named twice in the same words, and say so."""
    owners = metadata.get("ownerReferences") or []
    twice = [owner for i, owner in enumerate(owners) if owner in owners[:i]]
    if not twice:
        return []
    metadata["ownerReferences"] = [owner for i, owner in enumerate(owners) if owner not in owners[:i]]
    return [f"{_REPEATED}{', '.join(owner.get('uid', '') for owner in twice)}"]


def _check_owner(owner: Obj, at: str) -> Iterator[FieldError]:
    version = owner.get("apiVersion", "")
    if not version.rpartition("/")[2] or version.count("/") > 1:
        yield invalid(f"{at}.apiVersion", version, "version must not be empty")
    for key in ("kind", "name", "uid"):
        if not owner.get(key):
            yield invalid(f"{at}.{key}", "", "must not be empty")
    if (version, owner.get("kind")) == ("v1", "Event"):
        yield invalid(at, owner, "/v1, Kind=Event is disallowed from being an owner")


def _length(text: str, most_bytes: int, word: str = "characters") -> list[str]:
    """Bytes are counted; Kubernetes calls them so for labels alone."""
    return [f"must be no more than {most_bytes} {word}"] if len(text.encode()) > most_bytes else []


def _form(name: str, pattern: re.Pattern[str], otherwise: str) -> list[str]:
    return [] if pattern.fullmatch(name) else [otherwise]
