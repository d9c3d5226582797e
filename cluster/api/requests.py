"""What a URL and its query ask for. Pure.

Source: the API concepts page ("Resource URIs", "API verbs") and request info as RBAC sees it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cluster.api.errors import not_allowed
from cluster.api.field_errors import FieldError, forbidden, wrong_options
from cluster.client import BadRequest

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "GET": "get", "HEAD": "get", "DELETE": "delete"}
_MATCH, _EXACT, _NOT_OLDER = "resourceVersionMatch", "Exact", "NotOlderThan"
_NOT_CONTINUED = "resourceVersionMatch is forbidden when continue is provided"
_CONNECTIONS = frozenset({"proxy", "exec", "attach", "portforward", "log"})
_OF_NAMESPACES = frozenset({"status", "finalize"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A resource path taken apart. `key` is "pods" or "deployments.apps"."""

    verb: str
    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def key(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


def parse_target(method: str, path: str, query: Mapping[str, str]) -> Target | None:
    """The resource that a path names, or None for every other path."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 2:
        group, version, parts = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, parts = parts[1], parts[2], parts[3:]
    else:
        return None
    if parts[0] == "watch" and method == "GET" and len(parts) > 1:
        # The path of old, from before watches were lists with a query.
        parts, query = parts[1:], {**query, "watch": "true"}
    namespace, parts = _take_namespace(parts)
    plural, name, subresource = (*parts, "", "")[:3]
    verb = _verb(method, name, subresource, query)
    if verb in ("list", "watch", "deletecollection"):
        name = _only_name(query)
    if len(parts) > 3 and subresource != "proxy":
        return None
    return Target(
        verb=verb,
        group=group,
        version=version,
        plural=plural,
        namespace=namespace,
        name=name,
        subresource=subresource,
    )


def _take_namespace(parts: list[str]) -> tuple[str, list[str]]:
    """("", parts) unless the path goes into a namespace; a namespace itself is a resource like others."""
    if parts[0] != "namespaces" or len(parts) < 3 or (len(parts) == 3 and parts[2] in _OF_NAMESPACES):
        return "", parts
    return parts[1], parts[2:]


def _verb(method: str, name: str, subresource: str, query: Mapping[str, str]) -> str:
    verb = _VERBS.get(method)
    if verb is None:
        raise not_allowed()
    if subresource in _CONNECTIONS or name:
        return verb
    if verb == "get":
        return "watch" if is_true(query.get("watch")) else "list"
    return "deletecollection" if verb == "delete" else verb


def _only_name(query: Mapping[str, str]) -> str:
    """A list of the one object that a field selector names is asked for by that name, so that RBAC can permit it."""
    terms = query.get("fieldSelector", "").split(",")
    names = [term.partition("=")[2].lstrip("=") for term in terms if term.startswith("metadata.name=")]
    return names[0] if names else ""


def is_true(text: str | None) -> bool:
    """A boolean of a query, as Go reads it."""
    return text in ("1", "t", "T", "true", "TRUE", "True")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """The query of a list or a watch."""

    labels: str = ""
    fields: str = ""
    limit: int = 0
    continue_: str = ""
    revision: str = ""
    match: str = ""
    """resourceVersionMatch: "", "Exact" or "NotOlderThan"."""
    timeout_seconds: int | None = None
    bookmarks: bool = False
    initial_events: bool = False


def parse_list_options(query: Mapping[str, str]) -> ListOptions:
    """Raises `BadRequest` naming the parameter that cannot be read, `Invalid` for those that do not go together."""
    limit = _number(query, "limit") or 0
    options = ListOptions(
        labels=query.get("labelSelector", ""),
        fields=query.get("fieldSelector", ""),
        limit=max(0, limit),
        continue_=query.get("continue", ""),
        revision=_revision(query.get("resourceVersion", "")),
        match=query.get("resourceVersionMatch", ""),
        timeout_seconds=_number(query, "timeoutSeconds"),
        bookmarks=is_true(query.get("allowWatchBookmarks")),
        initial_events=is_true(query.get("sendInitialEvents")),
    )
    told = "sendInitialEvents" in query
    check = _check_watch if is_true(query.get("watch")) else _check_list
    if errors := list(check(options, initial_events=told)):
        raise wrong_options("ListOptions", *errors)
    if options.continue_ and options.revision not in ("", "0"):
        raise BadRequest("specifying resource version is not allowed when using continue")
    return options


def _check_list(options: ListOptions, *, initial_events: bool) -> Iterator[FieldError]:
    if initial_events:
        yield forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")
    if not options.match:
        return
    if not options.revision:
        yield forbidden(_MATCH, "resourceVersionMatch is forbidden unless resourceVersion is provided")
    if options.continue_:
        yield forbidden(_MATCH, _NOT_CONTINUED)
    if options.match not in (_EXACT, _NOT_OLDER):
        yield FieldError(_MATCH, "FieldValueNotSupported", _unsupported(options.match, _EXACT, _NOT_OLDER, ""))
    if options.match == _EXACT and options.revision == "0":
        yield forbidden(_MATCH, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')


def _check_watch(options: ListOptions, *, initial_events: bool) -> Iterator[FieldError]:
    if initial_events and options.match != _NOT_OLDER:
        yield forbidden(_MATCH, f"sendInitialEvents requires setting resourceVersionMatch to {_NOT_OLDER}")
    if not options.match:
        return
    if not initial_events:
        yield forbidden(_MATCH, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
    if options.match != _NOT_OLDER:
        yield FieldError(_MATCH, "FieldValueNotSupported", _unsupported(options.match, _NOT_OLDER))
    if options.continue_:
        yield forbidden(_MATCH, _NOT_CONTINUED)


def _unsupported(value: str, *known: str) -> str:
    """In the order of the reference, which is not that of the alphabet."""
    return f'Unsupported value: "{value}": supported values: {", ".join(json.dumps(name) for name in known)}'


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        raise BadRequest(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


def _revision(text: str) -> str:
    if text and not (text.isascii() and text.isdigit() and len(text) < 19):
        why = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise BadRequest(f"invalid resource version: {why}")
    return text
