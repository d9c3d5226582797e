"""Events: what components tell about objects, with Kubernetes' own aggregation.

Two shapes, as recorded on a real cluster: most components write the core one (count, firstTimestamp, lastTimestamp,
source); the scheduler writes that of events.k8s.io (eventTime, action, series). In the core shape

- the same event again raises `count` and `lastTimestamp`;
- from the tenth different message of one reason about one object on, messages are combined into one event;
- one object gets 25 events at once and then one in five minutes; more are dropped.

Source: client-go's event correlator with its defaults, and the recording `quota-exceeded`.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from cluster.client import AlreadyExists, ApiError, Client, NotFound, Obj
from cluster.timestamps import format_micro_time, format_time

log = logging.getLogger(__name__)

COMBINE_FROM = 10
COMBINE_WITHIN_SECONDS = 600.0
COMBINED = "(combined from similar events): "
BURST = 25
REFILL_SECONDS = 300.0
SERIES_WITHIN_SECONDS = 360.0
REMEMBERED = 4096

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


@dataclass(slots=True)
class _Similar:
    """The messages told lately about one object for one reason."""

    last_seen: float
    messages: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Written:
    """An event that the API holds, as far as we know."""

    name: str
    last_seen: float
    count: int = 1


@dataclass(slots=True)
class _Tokens:
    left: float
    at: float


class _Memory(OrderedDict[_K, _V], Generic[_K, _V]):
    """A dict that forgets what was not used for longest."""

    def put(self, key: _K, value: _V) -> None:
        self[key] = value
        self.move_to_end(key)
        if len(self) > REMEMBERED:
            self.popitem(last=False)

    def obtain(self, key: _K, make: Callable[[], _V]) -> _V:
        self.put(key, self[key] if key in self else make())
        return self[key]


class EventRecorder:
    """Tells events in the name of `component`, running on `host` (kubelets) or nowhere in particular.

    Telling never fails: an event that the API refuses, in a namespace that is going away for one, is dropped.
    """

    def __init__(self, client: Client, component: str, host: str = "", clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._component = component
        self._host = host
        self._clock = clock
        self._last_nanoseconds = 0
        self._similar: _Memory[tuple[str, ...], _Similar] = _Memory()
        self._written: _Memory[tuple[str, ...], _Written] = _Memory()
        self._tokens: _Memory[str, _Tokens] = _Memory()

    def event(self, about: Obj, type: str, reason: str, message: str, field_path: str = "") -> None:
        """Tell one event. `type` is "Normal" or "Warning"; `field_path` names a part, as `spec.containers{app}`."""
        now = self._clock()
        involved = _reference(about, field_path)
        if self._is_spam(involved, now):
            return
        subject = (*_identity(involved), type, reason)
        message, key = self._combine(subject, message, now)
        self._write(key, involved, self._core(involved, type, reason, message, now), now)

    def scheduling_event(self, about: Obj, type: str, reason: str, message: str, action: str) -> None:
        """Tell one event in the shape of events.k8s.io; within six minutes the same again becomes a series."""
        now = self._clock()
        involved = _reference(about, "")
        key = (*_identity(involved), type, reason, message, action)
        before = self._written.get(key)
        if before is not None and now - before.last_seen < SERIES_WITHIN_SECONDS:
            series = {"count": before.count + 1, "lastObservedTime": format_micro_time(now)}
            self._repeat(before, involved, {"series": series}, now)
            return
        event = self._modern(involved, type, reason, message, now) | {"action": action}
        self._create(key, involved, event, now)

    def _is_spam(self, involved: Obj, now: float) -> bool:
        tokens = self._tokens.obtain(f"{involved.get('uid')}/{involved['name']}", lambda: _Tokens(BURST, now))
        tokens.left = min(BURST, tokens.left + (now - tokens.at) / REFILL_SECONDS)
        tokens.at = now
        if tokens.left < 1:
            return True
        tokens.left -= 1
        return False

    def _combine(self, subject: tuple[str, ...], message: str, now: float) -> tuple[str, tuple[str, ...]]:
        similar = self._similar.obtain(subject, lambda: _Similar(now))
        if now - similar.last_seen > COMBINE_WITHIN_SECONDS:
            similar.messages.clear()
        similar.last_seen = now
        similar.messages.add(message)
        if len(similar.messages) < COMBINE_FROM:
            return message, (*subject, message)
        return COMBINED + message, subject

    def _write(self, key: tuple[str, ...], involved: Obj, event: Obj, now: float) -> None:
        before = self._written.get(key)
        if before is None:
            self._create(key, involved, event, now)
            return
        again = {"count": before.count + 1, "lastTimestamp": format_time(now), "message": event["message"]}
        if not self._repeat(before, involved, again, now):
            self._create(key, involved, event, now)

    def _repeat(self, before: _Written, involved: Obj, again: Obj, now: float) -> bool:
        before.count, before.last_seen = before.count + 1, now
        try:
            self._client.patch("events", before.name, _namespace(involved), again)
        except NotFound:
            return False
        except ApiError as refused:
            log.debug("an event about %s was dropped: %s", involved["name"], refused)
        return True

    def _create(self, key: tuple[str, ...], involved: Obj, event: Obj, now: float) -> None:
        try:
            name = self._create_named(event, involved, now)
        except ApiError as refused:
            log.debug("an event about %s was dropped: %s", involved["name"], refused)
        else:
            self._written.put(key, _Written(name, now))

    def _create_named(self, event: Obj, involved: Obj, now: float) -> str:
        # The name's second part is the time in nanoseconds; whoever tells two things at once takes the next number.
        self._last_nanoseconds = max(self._last_nanoseconds + 1, int(now * 1e9))
        name = f"{involved['name']}.{self._last_nanoseconds:x}"
        try:
            self._client.create("events", {**event, "metadata": {"name": name}}, _namespace(involved))
        except AlreadyExists:
            return self._create_named(event, involved, now)
        return name

    def _core(self, involved: Obj, type: str, reason: str, message: str, now: float) -> Obj:
        moment = format_time(now)
        source = {"component": self._component} | ({"host": self._host} if self._host else {})
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "source": source,
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "count": 1,
            "type": type,
            "eventTime": None,
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }

    def _modern(self, involved: Obj, type: str, reason: str, message: str, now: float) -> Obj:
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "source": {},
            "firstTimestamp": None,
            "lastTimestamp": None,
            "type": type,
            "eventTime": format_micro_time(now),
            "reportingComponent": self._component,
            "reportingInstance": f"{self._component}-{self._host or 'seawall'}",
        }


def _reference(about: Obj, field_path: str) -> Obj:
    metadata = about["metadata"]
    reference = {
        "kind": about["kind"],
        "namespace": metadata.get("namespace"),
        "name": metadata["name"],
        "uid": metadata.get("uid"),
        "apiVersion": about["apiVersion"],
        "resourceVersion": metadata.get("resourceVersion"),
        "fieldPath": field_path,
    }
    return {key: value for key, value in reference.items() if value}


def _identity(involved: Obj) -> tuple[str, ...]:
    return tuple(str(value) for key, value in involved.items() if key != "resourceVersion")


def _namespace(involved: Obj) -> str:
    # Events about what has no namespace (nodes) are kept in "default".
    return str(involved.get("namespace") or "default")
