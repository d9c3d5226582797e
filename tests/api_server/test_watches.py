"""Watches: nothing is missed, what is too old is told, and who does not read is cut off."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster import store as store_module
from cluster.api import watch
from cluster.api.core import Core
from cluster.api.local import LocalClient
from cluster.api.resources import registry
from cluster.api.selection import seen, select
from cluster.client import Obj
from cluster.store import Change, Entry, Store
from tests.api_server.objects import configmap
from tests.api_server.serving import Served, serving

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path) as served:
        yield served


async def events(served: Served, query: str, count: int, **headers: str) -> list[dict[str, Any]]:
    """The first `count` events of a watch."""
    found: list[dict[str, Any]] = []
    async with (
        asyncio.timeout(10),
        served.session.get(f"{served.url}{CONFIGMAPS}?watch=true&{query}", headers=headers) as answer,
    ):
        assert answer.status == 200
        while len(found) < count and (line := await answer.content.readline()):
            found.append(orjson.loads(line))
    return found


def summary(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in found]


async def settle() -> None:
    await asyncio.sleep(0.1)


class TestOverHttps:
    async def test_from_nowhere_what_is_there_comes_first(self, served: Served) -> None:
        client = served.api.client("system:test")
        client.create("configmaps", configmap("a"), "default")
        watching = asyncio.create_task(events(served, "", 3))
        await settle()
        client.patch("configmaps", "a", "default", {"data": {"x": "y"}})
        client.delete("configmaps", "a", "default")
        assert summary(await watching) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]

    async def test_from_a_revision_only_what_came_after(self, served: Served) -> None:
        client = served.api.client("system:test")
        client.create("configmaps", configmap("a"), "default")
        _, found = await served.call("GET", CONFIGMAPS)
        client.create("configmaps", configmap("b"), "default")
        after = f"resourceVersion={found['metadata']['resourceVersion']}"
        assert summary(await events(served, after, 1)) == [("ADDED", "b")]

    async def test_too_old_a_revision_is_told(self, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(store_module, "HISTORY", 2)
        client = served.api.client("system:test")
        for n in range(5):
            client.create("configmaps", configmap(f"c{n}"), "default")
        (event,) = await events(served, "resourceVersion=5", 9)
        assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")

    async def test_a_watch_ends_in_time(self, served: Served) -> None:
        async with asyncio.timeout(5):
            assert await events(served, "timeoutSeconds=1", 99) == []

    async def test_a_selector_makes_objects_come_and_go(self, served: Served) -> None:
        client = served.api.client("system:test")
        client.create("configmaps", configmap("a"), "default")
        watching = asyncio.create_task(events(served, "labelSelector=on%3Dyes", 2))
        await settle()
        client.patch("configmaps", "a", "default", {"metadata": {"labels": {"on": "yes"}}})
        client.patch("configmaps", "a", "default", {"metadata": {"labels": {"on": "no"}}})
        came, went = await watching
        assert (came["type"], went["type"]) == ("ADDED", "DELETED")
        assert went["object"]["metadata"]["labels"] == {"on": "yes"}

    async def test_each_event_can_be_a_table(self, served: Served) -> None:
        served.api.client("system:test").create("configmaps", configmap("a"), "default")
        (event,) = await events(served, "", 1, Accept="application/json;as=Table;v=v1;g=meta.k8s.io")
        assert event["object"]["kind"] == "Table"
        assert event["object"]["rows"][0]["cells"][0] == "a"

    async def test_a_streaming_list_says_where_it_ends(self, served: Served) -> None:
        """KEP-3157: initial events, then a bookmark that says so."""
        served.api.client("system:test").create("configmaps", configmap("a"), "default")
        query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
        added, bookmark = await events(served, query, 2)
        assert (added["type"], bookmark["type"]) == ("ADDED", "BOOKMARK")
        assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}

    async def test_bookmarks_come_to_those_who_asked(self, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watch, "BOOKMARK_SECONDS", 0.05)
        found = await events(served, "allowWatchBookmarks=true&timeoutSeconds=1", 2)
        assert {event["type"] for event in found} == {"BOOKMARK"}
        assert await events(served, "timeoutSeconds=1", 1) == []

    async def test_a_watcher_that_goes_is_forgotten(self, served: Served) -> None:
        store = served.api._core.cluster.store
        await events(served, "timeoutSeconds=1", 99)
        assert not store._subscriptions["configmaps"]
        watching = asyncio.create_task(events(served, "", 1))
        await settle()
        assert len(store._subscriptions["configmaps"]) == 1
        watching.cancel()
        await settle()
        assert not store._subscriptions["configmaps"]

    async def test_who_does_not_read_is_cut_off(self, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watch, "BACKLOG_MAX", 50)
        monkeypatch.setattr("cluster.api.http._SLOW_SECONDS", 0.05)
        client = served.api.client("system:test")
        client.create("configmaps", configmap("a"), "default")
        store = served.api._core.cluster.store
        async with served.session.get(f"{served.url}{CONFIGMAPS}?watch=true") as answer:
            for n in range(400):
                client.patch("configmaps", "a", "default", {"data": {"x": f"{n}" + "x" * 50_000}})
                if n % 20 == 0:
                    await asyncio.sleep(0.01)
            async with asyncio.timeout(10):
                while store._subscriptions["configmaps"]:
                    await asyncio.sleep(0.05)
            with pytest.raises(aiohttp.ClientError):
                await answer.read()


class TestInProcess:
    async def test_a_client_sees_what_is_and_what_comes(self, client: LocalClient) -> None:
        client.create("configmaps", configmap("a"), "default")
        stream = client.watch("configmaps", "default")
        first = await anext(stream)
        client.patch("configmaps", "a", "default", {"data": {"x": "y"}})
        second = await anext(stream)
        assert (first.type, second.type) == ("ADDED", "MODIFIED")
        assert second.old == first.object
        await stream.aclose()  # type: ignore[attr-defined]  # the protocol promises an iterator only

    async def test_a_cancelled_watcher_is_forgotten(self, core: Core, client: LocalClient) -> None:
        async def follow() -> None:
            async for _ in client.watch("configmaps"):
                pass

        following = asyncio.create_task(follow())
        await asyncio.sleep(0)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        assert not core.cluster.store._subscriptions["configmaps"]


LABELS = st.sampled_from([{"on": "yes"}, {"on": "no"}, {}])


@given(st.lists(st.tuples(st.sampled_from("ab"), LABELS | st.none()), max_size=20))
def test_a_filtered_watch_replays_to_the_filtered_list(steps: list[tuple[str, dict[str, str] | None]]) -> None:
    store, selection = Store(), select(registry["configmaps"], None, "on=yes")
    state: dict[str, Obj] = {}
    subscription = store.subscribe("configmaps")
    for name, labels in steps:
        _step(store, name, labels)
    while len(subscription):
        if event := seen(subscription._changes.popleft(), selection):
            _follow(state, *event)
    wanted = [entry for entry in store.list("configmaps") if selection.matches(entry.object)]
    assert state == {entry.name: entry.object for entry in wanted}


def _step(store: Store, name: str, labels: dict[str, str] | None) -> None:
    entry = store.get("configmaps", "", name)
    if labels is not None:
        store.put("configmaps", {"metadata": {"name": name, "labels": labels}})
    elif entry:
        store.remove("configmaps", entry)


def _follow(state: dict[str, Obj], type: str, entry: Entry) -> None:
    """As an informer does: an ADDED is new, the rest is known."""
    assert (entry.name in state) == (type != "ADDED")
    if type == "DELETED":
        del state[entry.name]
    else:
        state[entry.name] = entry.object


def test_a_change_nobody_selected_is_not_seen() -> None:
    selection = select(registry["configmaps"], None, "on=yes")
    entry = Entry({"metadata": {"name": "a"}}, 2)
    assert seen(Change("MODIFIED", entry, entry), selection) is None
