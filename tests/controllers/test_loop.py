"""The engine of the controllers: what a queue promises, and that nothing kills a loop."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest

from cluster.client import Client, Conflict, Obj, WatchEvent
from cluster.controllers.loop import BACKOFF_SECONDS_MIN, Controller, WorkQueue, own_key, run
from cluster.objects import Key

A, B = Key("ns", "a"), Key("ns", "b")


class Source:
    """A client of which only `watch` is asked: it gives what is fed."""

    def __init__(self) -> None:
        self.feed: asyncio.Queue[WatchEvent | None] = asyncio.Queue()
        self.opened = 0

    async def watch(self, resource: str, **_: str) -> AsyncIterator[WatchEvent]:
        self.opened += 1
        while (event := await self.feed.get()) is not None:
            assert resource == "pods"
            yield event

    def say(self, key: Key) -> None:
        obj: Obj = {"kind": "Pod", "metadata": {"namespace": key.namespace, "name": key.name}}
        self.feed.put_nowait(WatchEvent("MODIFIED", obj))


async def drive(source: Source, controller: Controller, seconds: float) -> None:
    task = asyncio.ensure_future(run(as_client(source), [controller]))
    await asyncio.sleep(seconds)
    assert not task.done(), task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def as_client(source: Source) -> Client:
    return source  # type: ignore[return-value]  # the loop asks a client for nothing else


async def test_a_key_waits_in_the_queue_once() -> None:
    queue = WorkQueue()
    for key in (A, B, A):
        queue.add(key)
    assert [await queue.take(), await queue.take()] == [A, B]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.take(), 0.02)


async def test_of_several_times_the_earliest_counts() -> None:
    queue, now = WorkQueue(), asyncio.get_running_loop().time
    start = now()
    queue.add_after(A, 5)
    queue.add_after(A, 0.02)
    queue.add_after(A, 5)
    assert await asyncio.wait_for(queue.take(), 1) == A
    assert now() - start >= 0.015


async def test_failures_in_a_row_wait_twice_as_long_each() -> None:
    queue = WorkQueue()
    waits = [queue.add_failed(A) for _ in range(4)]
    assert waits == [BACKOFF_SECONDS_MIN * factor for factor in (1, 2, 4, 8)]
    queue.forget_failures(A)
    assert queue.add_failed(A) == BACKOFF_SECONDS_MIN
    queue.close()


async def test_a_crash_is_tried_again_and_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    async def reconcile(key: Key) -> None:
        done.append(key.name)
        if done.count("a") < 3 and key == A:
            raise ZeroDivisionError

    source = Source()
    source.say(A)
    source.say(B)
    await drive(source, Controller(name="test", watches={"pods": own_key}, reconcile=reconcile), 0.1)
    assert sorted(done) == ["a", "a", "a", "b"]
    assert "failed; again in" in caplog.text


async def test_a_refusal_by_the_api_is_tried_again_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    asked: list[Key] = []

    async def reconcile(key: Key) -> None:
        asked.append(key)
        if len(asked) == 1:
            raise Conflict("somebody was faster")

    source = Source()
    source.say(A)
    await drive(source, Controller(name="test", watches={"pods": own_key}, reconcile=reconcile), 0.05)
    assert asked == [A, A]
    assert "Traceback" not in caplog.text


async def test_a_change_that_cannot_be_read_does_not_end_the_watch() -> None:
    seen: list[Key] = []

    def keys(event: WatchEvent) -> Iterable[Key]:
        if event.object["metadata"]["name"] == "a":
            raise KeyError("spec")
        return own_key(event)

    async def reconcile(key: Key) -> None:
        seen.append(key)

    source = Source()
    source.say(A)
    source.say(B)
    await drive(source, Controller(name="test", watches={"pods": keys}, reconcile=reconcile), 0.05)
    assert seen == [B]


async def test_a_watch_that_ends_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster.controllers.loop.REOPEN_SECONDS", 0.01)
    seen: list[Key] = []

    async def reconcile(key: Key) -> None:
        seen.append(key)

    source = Source()
    source.feed.put_nowait(None)
    source.say(B)
    await drive(source, Controller(name="test", watches={"pods": own_key}, reconcile=reconcile), 0.1)
    assert (source.opened, seen) == (2, [B])


async def test_a_settling_key_is_reconciled_once_for_many_changes() -> None:
    seen: list[Key] = []

    async def reconcile(key: Key) -> None:
        seen.append(key)

    source = Source()

    async def chatter() -> None:
        for _ in range(5):
            source.say(A)
            await asyncio.sleep(0.001)

    controller = Controller(name="test", watches={"pods": own_key}, reconcile=reconcile, settle_seconds=0.03)
    await asyncio.gather(drive(source, controller, 0.1), chatter())
    assert seen == [A]
