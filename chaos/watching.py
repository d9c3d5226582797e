"""Watches that outlive their connections: what there is, then every change, until somebody says stop."""

import json
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from chaos.kube import Kube, Obj, Unreachable
from loadgen.units import Duration

# The API server ends a watch after this long and we begin the next: no watch can hang unnoticed for longer.
WATCH_TIMEOUT = Duration(60)


@dataclass(frozen=True, slots=True)
class WatchEvent:
    type: str
    object: Obj


def watch(kube: Kube, path: str, stopped: Callable[[], bool], **query: Any) -> Iterator[WatchEvent]:
    """What exists as ADDED, then every change until `stopped()`. Lists again when the server forgot where we were.

    Raises `Unreachable` when the cluster stays away for longer than the retries of `get` allow.
    """
    known: dict[str, Obj] = {}
    while not stopped():
        answer = kube.get(path, **query)
        yield from _relist(answer, known)
        version = answer["metadata"]["resourceVersion"]
        while version and not stopped():
            version = yield from _watch_once(kube, path, version, known, query)


def _watch_once(
    kube: Kube, path: str, version: str, known: dict[str, Obj], query: dict[str, Any]
) -> Generator[WatchEvent, None, str]:
    """One watch request; returns the version to go on from, or "" to list again."""
    seconds = int(WATCH_TIMEOUT.seconds)
    asked = {**query, "watch": "true", "resourceVersion": version, "timeoutSeconds": seconds}
    asked["allowWatchBookmarks"] = "true"
    try:
        for line in kube.lines(path, asked, read_timeout=Duration(seconds + 10)):
            event = WatchEvent(**json.loads(line))
            if event.type == "ERROR":
                return ""
            version = event.object["metadata"]["resourceVersion"]
            if event.type != "BOOKMARK":
                _remember(known, event)
                yield event
    except Unreachable:
        return ""
    return version


def _relist(answer: Obj, known: dict[str, Obj]) -> Iterator[WatchEvent]:
    kind = {"kind": answer["kind"].removesuffix("List"), "apiVersion": answer["apiVersion"]}
    now = {item["metadata"]["uid"]: {**kind, **item} for item in answer["items"]}
    for uid in known.keys() - now.keys():
        yield WatchEvent("DELETED", known.pop(uid))
    for uid, obj in now.items():
        before = known.get(uid)
        if before is None or before["metadata"]["resourceVersion"] != obj["metadata"]["resourceVersion"]:
            yield WatchEvent("MODIFIED" if before else "ADDED", obj)
        known[uid] = obj


def _remember(known: dict[str, Obj], event: WatchEvent) -> None:
    uid = event.object["metadata"]["uid"]
    if event.type == "DELETED":
        known.pop(uid, None)
    else:
        known[uid] = event.object
