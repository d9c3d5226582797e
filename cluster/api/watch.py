"""Watches as a stream of JSON lines: what is there, every change, bookmarks; an end rather than a lost change."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import orjson

from cluster.api.errors import status
from cluster.api.requests import ListOptions
from cluster.api.selection import Selection, seen, stored_as
from cluster.api.verbs import Verbs
from cluster.client import ApiError, Gone, Obj
from cluster.store import Change, Entry, Store, Subscription

BACKLOG_MAX = 4096
"""Changes that may wait for a reader before it is cut off."""
BATCH_MAX = 32
"""Changes that are written at once: what a reader who does not read keeps of our memory."""
STALLED_SECONDS = 10.0
"""How long one batch may take to be read while more is waiting."""
BOOKMARK_SECONDS = 60.0
BOOKMARK_BEFORE_END_SECONDS = 2.0
_INITIAL_END = "k8s.io/initial-events-end"

Render = Callable[[Entry], bytes]
"""An object as the watcher wants to see it: plain, as a Table, as metadata only."""


@dataclass(frozen=True, slots=True)
class Watch:
    """A watch that has begun: nothing after the moment of `begin` is missed."""

    selection: Selection
    options: ListOptions
    subscription: Subscription
    present: list[Entry]
    revision: int


def begin(verbs: Verbs, selection: Selection, options: ListOptions) -> Watch:
    """Raises `Gone` when the changes since options.revision are no longer known."""
    store = verbs.cluster.store
    since = min(int(options.revision or 0), store.revision)
    fresh = since == 0 or options.initial_events
    subscription = store.subscribe(stored_as(selection.resource), selection.namespace, None if fresh else since)
    return Watch(selection, options, subscription, verbs.select(selection) if fresh else [], store.revision)


def end(store: Store, watch: Watch) -> None:
    store.unsubscribe(stored_as(watch.selection.resource), watch.subscription)


async def lines(store: Store, watch: Watch, render: Render, seconds: float) -> AsyncIterator[bytes]:
    """JSON lines for `seconds`, as many at once as there are."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    # One a minute, and one shortly before the end.
    last = max(loop.time(), until - BOOKMARK_BEFORE_END_SECONDS)
    bookmark = min(loop.time() + BOOKMARK_SECONDS, last)
    if first := _initial(watch, render):
        yield first
    while (now := loop.time()) < until:
        if watch.options.bookmarks and now >= bookmark:
            bookmark = min(now + BOOKMARK_SECONDS, last) if now < last else until + BOOKMARK_SECONDS
            yield _bookmark(watch, store.revision)
        if changes := await _drain(watch.subscription, min(until, bookmark) - now):
            yield b"".join(_line(change, watch.selection, render) for change in changes)


def error_line(error: ApiError) -> bytes:
    return b'{"type":"ERROR","object":' + orjson.dumps(status(error)) + b"}\n"


def event_line(type: str, rendered: bytes) -> bytes:
    return b'{"type":"' + type.encode() + b'","object":' + rendered + b"}\n"


def check_backlog(subscription: Subscription, seconds: float) -> None:
    """Raise `Gone` for a reader that has fallen too far behind, or has not read for so long; it will list again."""
    waiting = len(subscription)
    if waiting > BACKLOG_MAX or (waiting and seconds > STALLED_SECONDS):
        raise Gone(f"too slow: {waiting} changes are waiting to be read")


async def _drain(subscription: Subscription, seconds: float) -> list[Change]:
    """A batch of the changes that wait, or the next one, or none within `seconds`."""
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            changes = [await subscription.next()]
    except TimeoutError:
        return []
    while len(subscription) and len(changes) < BATCH_MAX:
        changes.append(await subscription.next())
    return changes


def _initial(watch: Watch, render: Render) -> bytes:
    events = b"".join(event_line("ADDED", render(entry)) for entry in watch.present)
    if not watch.options.initial_events or not watch.options.bookmarks:
        return events
    return events + _bookmark(watch, watch.revision, {_INITIAL_END: "true"})


def _line(change: Change, selection: Selection, render: Render) -> bytes:
    event = seen(change, selection)
    return event_line(event[0], render(event[1])) if event else b""


def _bookmark(watch: Watch, revision: int, annotations: Obj | None = None) -> bytes:
    resource = watch.selection.resource
    metadata: Obj = {"resourceVersion": str(revision), "creationTimestamp": None}
    if annotations:
        metadata["annotations"] = annotations
    obj = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
    return event_line("BOOKMARK", orjson.dumps(obj))
