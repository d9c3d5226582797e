"""Lists: one page of the objects a list asks for, as bytes joined from what is already rendered."""

import base64
import binascii
from bisect import bisect_right
from dataclasses import dataclass

import orjson

from cluster.api.requests import ListOptions
from cluster.api.resource import Resource
from cluster.client import ApiError, BadRequest, Gone, Obj, StatusCause
from cluster.store import Entry

_WRONG_KEY = "invalid continue token: continue key is not valid: "


@dataclass(frozen=True, slots=True)
class Page:
    """`remaining` counts what follows this page; None where a selector makes that unknown, as in real Kubernetes."""

    entries: list[Entry]
    revision: int
    continue_: str = ""
    remaining: int | None = None


def page(entries: list[Entry], options: ListOptions, revision: int) -> Page:
    """Cut a page. A later page shows the objects as they are then, not as they were at the first."""
    check_revision(options, revision)
    start = 0
    if options.continue_:
        start = bisect_right(entries, _last_key(options.continue_), key=_key)
    # A list from any time comes from the cache there, and whole.
    end = len(entries) if options.revision == "0" or not options.limit else start + options.limit
    if end >= len(entries):
        return Page(entries[start:], revision)
    remaining = None if options.labels or options.fields else len(entries) - end
    return Page(entries[start:end], revision, _token(entries[end - 1]), remaining)


def check_revision(options: ListOptions, current: int) -> None:
    """Only the present can be listed: refuse a revision that is to come, and the exact past."""
    asked = int(options.revision or 0)
    if asked > current:
        message = f"Timeout: Too large resource version: {asked}, current: {current}"
        cause = StatusCause("ResourceVersionTooLarge", "Too large resource version", "")
        raise ApiError(message, code=504, reason="Timeout", causes=(cause,), retry_after_seconds=1)
    if options.match == "Exact" and asked != current:
        raise Gone(f"The resourceVersion for the provided list is too old: only the present ({current}) is kept here.")


def list_metadata(shown: Page) -> Obj:
    metadata: Obj = {"resourceVersion": str(shown.revision)}
    if shown.continue_:
        metadata["continue"] = shown.continue_
    if shown.remaining is not None:
        metadata["remainingItemCount"] = shown.remaining
    return metadata


def render_list(resource: Resource, shown: Page) -> bytes:
    head = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": list_metadata(shown)}
    return orjson.dumps(head)[:-1] + b',"items":[' + b",".join(entry.json for entry in shown.entries) + b"]}"


def _key(entry: Entry) -> tuple[str, str]:
    return entry.namespace, entry.name


def _why(token: str) -> str:
    try:
        orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, binascii.Error):
        return "it was not given out here"
    return "server does not recognize this encoded version "


def _token(entry: Entry) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(_key(entry))).decode()


def _last_key(token: str) -> tuple[str, str]:
    try:
        namespace, name = orjson.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError, binascii.Error) as error:
        raise BadRequest(f"{_WRONG_KEY}{_why(token)}") from error
    return str(namespace), str(name)
