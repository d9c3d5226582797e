"""The engine of every controller: changes become keys, keys wait in a queue, a worker reconciles one at a time.

A key says *what* to look at, never what happened: the worker reads the state when its turn comes, so ten changes
waiting make one reconciliation. State is read from the API itself, which is in this process: there is no cache that
could be stale, and so no bookkeeping of expectations.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from cluster.client import ApiError, Client, WatchEvent
from cluster.objects import Key, key_of

log = logging.getLogger(__name__)

BACKOFF_SECONDS_MIN = 0.005
BACKOFF_SECONDS_MAX = 1000.0
"""The first and the longest wait after a failure, doubling in between; client-go's defaults."""

REOPEN_SECONDS = 1.0

KeysOf = Callable[[WatchEvent], Iterable[Key]]
Reconcile = Callable[[Key], Awaitable[float | None]]
"""Brings the world of one key in order. Answers after how many seconds to look again, or None. Raising means: again,
with back-off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """One control loop. `watches` says which keys a change of each resource concerns.

    `settle_seconds` is how long a changed key waits for more changes before it is reconciled.
    """

    name: str
    watches: Mapping[str, KeysOf]
    reconcile: Reconcile
    settle_seconds: float = 0.0


def own_key(event: WatchEvent) -> Iterable[Key]:
    """The changed object itself is what is reconciled."""
    return (key_of(event.object),)


def lost_key(event: WatchEvent) -> Iterable[Key]:
    """The object itself, once it is deleted: for what the controller would create anew."""
    return (key_of(event.object),) if event.type == "DELETED" else ()


class WorkQueue:
    """Keys in the order they came, each at most once. Times are the event loop's."""

    def __init__(self) -> None:
        self._ready: dict[Key, None] = {}
        self._later: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}
        self._arrived = asyncio.Event()

    def add(self, key: Key) -> None:
        self._cancel_later(key)
        self._ready[key] = None
        self._arrived.set()

    def add_after(self, key: Key, seconds: float) -> None:
        """Add later; of several times for one key the earliest counts."""
        if seconds <= 0:
            self.add(key)
            return
        loop = asyncio.get_running_loop()
        planned = self._later.get(key)
        if key in self._ready or (planned is not None and planned.when() <= loop.time() + seconds):
            return
        self._cancel_later(key)
        self._later[key] = loop.call_later(seconds, self.add, key)

    def add_failed(self, key: Key) -> float:
        """Add after a back-off that doubles with each failure in a row; returns it in seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        seconds = min(BACKOFF_SECONDS_MIN * 2.0 ** min(failures, 30), BACKOFF_SECONDS_MAX)
        self.add_after(key, seconds)
        return seconds

    def forget_failures(self, key: Key) -> None:
        self._failures.pop(key, None)

    async def take(self) -> Key:
        while not self._ready:
            self._arrived.clear()
            await self._arrived.wait()
        key = next(iter(self._ready))
        del self._ready[key]
        return key

    def close(self) -> None:
        """Let go of the event loop's timers."""
        for key in list(self._later):
            self._cancel_later(key)

    def _cancel_later(self, key: Key) -> None:
        if handle := self._later.pop(key, None):
            handle.cancel()


async def run(client: Client, controllers: Sequence[Controller]) -> None:
    """Run controllers until cancelled, with one watch for each resource that any of them follows."""
    queues = [(controller, WorkQueue()) for controller in controllers]
    resources = {resource for controller in controllers for resource in controller.watches}
    try:
        async with asyncio.TaskGroup() as tasks:
            for resource in sorted(resources):
                followers = [(c, c.watches[resource], q) for c, q in queues if resource in c.watches]
                tasks.create_task(_follow(client, resource, followers), name=f"watch {resource}")
            for controller, queue in queues:
                tasks.create_task(_work(controller, queue), name=controller.name)
    finally:
        for _, queue in queues:
            queue.close()


_Follower = tuple[Controller, KeysOf, WorkQueue]


async def _follow(client: Client, resource: str, followers: Sequence[_Follower]) -> None:
    while True:
        with suppress(ApiError):
            async for event in client.watch(resource):
                for follower in followers:
                    _enqueue(event, *follower)
        log.warning("the watch of %s ended; it is opened again", resource)
        await asyncio.sleep(REOPEN_SECONDS)


def _enqueue(event: WatchEvent, controller: Controller, keys_of: KeysOf, queue: WorkQueue) -> None:
    try:
        for key in keys_of(event):
            queue.add_after(key, controller.settle_seconds)
    except Exception:  # one event that a controller cannot read must not end the watch for all
        log.exception("%s could not read a change of %s", controller.name, event.object.get("kind"))


async def _work(controller: Controller, queue: WorkQueue) -> None:
    while True:
        key = await queue.take()
        await _reconcile(controller, queue, key)
        # Reconciling often awaits nothing; others must get their turn between two keys.
        await asyncio.sleep(0)


async def _reconcile(controller: Controller, queue: WorkQueue, key: Key) -> None:
    try:
        again = await controller.reconcile(key)
    except ApiError as refused:
        seconds = queue.add_failed(key)
        log.info("%s: %s/%s: %s; again in %.3f s", controller.name, *key, refused, seconds)
    except Exception:  # a fault in one reconciliation must not end the control loop
        seconds = queue.add_failed(key)
        log.exception("%s: %s/%s failed; again in %.3f s", controller.name, *key, seconds)
    else:
        queue.forget_failures(key)
        if again is not None:
            queue.add_after(key, again)
