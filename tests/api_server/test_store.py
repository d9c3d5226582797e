"""The store keeps one order of things and forgets only what it says it forgets."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster import store as store_module
from cluster.client import Gone, Obj
from cluster.store import Store


def obj(name: str, namespace: str = "ns", **data: object) -> Obj:
    return {"metadata": {"name": name, "namespace": namespace}, "data": data}


def test_every_write_gets_a_higher_revision() -> None:
    store = Store()
    revisions = [store.put("things", obj("a", n=n)).revision for n in range(5)]
    assert revisions == sorted(set(revisions))


def test_a_write_that_changes_nothing_is_no_write() -> None:
    """As in real Kubernetes: no new revision, nobody is woken."""
    store = Store()
    first = store.put("things", obj("a", n=1))
    subscription = store.subscribe("things")
    assert store.put("things", obj("a", n=1)) is first
    assert len(subscription) == 0


def test_lists_come_in_order_of_namespace_and_name() -> None:
    store = Store()
    for namespace, name in [("b", "x"), ("a", "z"), ("a", "y")]:
        store.put("things", obj(name, namespace))
    assert [(e.namespace, e.name) for e in store.list("things")] == [("a", "y"), ("a", "z"), ("b", "x")]
    assert [e.name for e in store.list("things", "a")] == ["y", "z"]


async def test_a_subscriber_sees_every_change_since_its_revision() -> None:
    store = Store()
    store.put("things", obj("before"))
    since = store.revision
    store.put("things", obj("a"))
    subscription = store.subscribe("things", since=since)
    entry = store.put("things", obj("a", n=1))
    store.remove("things", entry)
    types = [(await subscription.next()).type for _ in range(3)]
    assert types == ["ADDED", "MODIFIED", "DELETED"]


async def test_a_subscriber_waits_for_what_is_to_come() -> None:
    store = Store()
    subscription = store.subscribe("things", "ns")
    waiting = asyncio.create_task(subscription.next())
    await asyncio.sleep(0)
    store.put("things", obj("elsewhere", "other"))
    store.put("things", obj("here"))
    assert (await asyncio.wait_for(waiting, 1)).entry.name == "here"


def test_an_end_has_a_revision_of_its_own() -> None:
    store = Store()
    entry = store.put("things", obj("a"))
    last = store.remove("things", entry)
    assert last.revision > entry.revision
    assert entry.object["metadata"]["resourceVersion"] == str(entry.revision)
    assert store.get("things", "ns", "a") is None


def test_a_revision_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "HISTORY", 3)
    store = Store()
    first = store.put("things", obj("a", n=0)).revision
    for n in range(1, 6):
        store.put("things", obj("a", n=n))
    with pytest.raises(Gone, match="too old resource version"):
        store.subscribe("things", since=first)
    assert len(store.subscribe("things", since=store.revision - 3)) == 3


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2) | st.none()), max_size=30))
def test_replaying_the_changes_gives_the_state(steps: list[tuple[str, int | None]]) -> None:
    """Whoever follows a watch from the start knows what a list would say."""
    store = Store()
    subscription = store.subscribe("things", since=0)
    for name, value in steps:
        entry = store.get("things", "ns", name)
        if value is not None:
            store.put("things", obj(name, n=value))
        elif entry:
            store.remove("things", entry)
    assert asyncio.run(_replay(subscription)) == {e.name: e.object for e in store.list("things")}


async def _replay(subscription: store_module.Subscription) -> dict[str, Obj]:
    state: dict[str, Obj] = {}
    while len(subscription):
        change = await subscription.next()
        if change.type == "DELETED":
            del state[change.entry.name]
        else:
            state[change.entry.name] = change.entry.object
    return state
