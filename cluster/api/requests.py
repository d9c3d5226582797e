"""What a URL and its query ask for. Pure.

Source: the API concepts page ("Resource URIs", "API verbs") and request info as RBAC sees it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cluster.client import BadRequest

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "GET": "get", "HEAD": "get", "DELETE": "delete"}
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
        raise BadRequest(f"the server does not allow the method {method} on resources")
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
    """Raises `BadRequest` naming the parameter that cannot be read."""
    match = query.get("resourceVersionMatch", "")
    if match not in ("", "Exact", "NotOlderThan"):
        raise BadRequest(
            f'resourceVersionMatch: Unsupported value: "{match}": supported values: "Exact", "NotOlderThan"'
        )
    return ListOptions(
        labels=query.get("labelSelector", ""),
        fields=query.get("fieldSelector", ""),
        limit=_number(query, "limit") or 0,
        continue_=query.get("continue", ""),
        revision=_revision(query.get("resourceVersion", "")),
        match=match,
        timeout_seconds=_number(query, "timeoutSeconds"),
        bookmarks=is_true(query.get("allowWatchBookmarks")),
        initial_events=is_true(query.get("sendInitialEvents")),
    )


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise BadRequest(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


def _revision(text: str) -> str:
    if text and not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadRequest(
            f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        )
    return text
