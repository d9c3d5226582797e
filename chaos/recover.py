"""Healing: works off a journal, at the end of a run or after a dead one, and compares the cluster with its snapshot."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from chaos import guard
from chaos.classes import CLASSES, is_default
from chaos.exec import run_in
from chaos.journal import Journal, Undo
from chaos.kube import Kube, KubeError, Obj, Refused
from loadgen.units import Duration

NAMESPACES = "/api/v1/namespaces"
NODES = "/api/v1/nodes"
GONE_WITHIN = Duration(60)
ASK_TIMEOUT = Duration(3)


def snapshot(kube: Kube) -> dict[str, Any]:
    """What a run could disturb beyond its own namespaces: which namespaces there are, how the nodes are set up, and
    which storage classes are the default.
    """
    return {
        "namespaces": sorted(n["metadata"]["name"] for n in kube.list(NAMESPACES)),
        "nodes": {n["metadata"]["name"]: _node_settings(n) for n in kube.list(NODES)},
        "classes": _classes(kube),
    }


def _classes(kube: Kube) -> dict[str, bool]:
    """Name -> is it the default; empty for somebody who may not see them, who cannot have changed them either."""
    try:
        return {c["metadata"]["name"]: is_default(c) for c in kube.list(CLASSES)}
    except Refused as refusal:
        if refusal.code in {403, 404}:
            return {}
        raise


def _node_settings(node: Obj) -> dict[str, Any]:
    spec = node.get("spec", {})
    # Taints that the node controller sets by itself come and go with the node's health.
    taints = [t for t in spec.get("taints", ()) if not t["key"].startswith("node.kubernetes.io/")]
    return {"unschedulable": spec.get("unschedulable", False), "taints": taints}


def differences(before: dict[str, Any], after: dict[str, Any], own: Iterable[str]) -> list[str]:
    """What is not as it was, of the things a run may have touched: its `own` namespaces, nodes, storage classes."""
    left = [f"namespace {name} is still there" for name in sorted(set(own) & set(after["namespaces"]))]
    for name, settings in before["nodes"].items():
        now = after["nodes"].get(name)
        if now is None:
            left.append(f"node {name} is gone")
        elif now != settings:
            left.append(f"node {name} was {_as_set_up(settings)} and is {_as_set_up(now)}")
    return left + _classes_changed(before.get("classes", {}), after.get("classes", {}))


def _as_set_up(settings: dict[str, Any]) -> str:
    """As `kubectl drain` and `kubectl taint` would leave it, in words."""
    taints = ", ".join(f"{t['key']}={t.get('value', '')}:{t['effect']}" for t in settings["taints"])
    return ("cordoned" if settings["unschedulable"] else "open to pods") + (f" with taints {taints}" if taints else "")


def _classes_changed(before: dict[str, bool], after: dict[str, bool]) -> list[str]:
    """A journal of an older version tells of no classes, and a class that is gone was deleted by somebody else."""
    said = {True: "the default", False: "not the default"}
    return [
        f"storage class {name} was {said[was]} and is {said[after[name]]}"
        for name, was in before.items()
        if after.get(name, was) != was
    ]


def heal(
    kube: Kube, journal: Journal, undos: Iterable[tuple[int, Undo]], *, told: Callable[[str], None] = lambda _: None
) -> list[str]:
    """Undo everything, newest first; returns what still differs from the snapshot (empty: healed, and written down).

    An undo that is refused keeps no other from being made, and is told unless its namespace is gone all the same.
    Namespaces of a cluster that ends with the run are asked to go and not waited for: its end takes them along.
    """
    undos = list(undos)
    refused = dict(_undo_all(kube, journal, undos, told))
    made = [undo for _, undo in undos if undo.path not in refused]
    own = [] if journal.header.ephemeral else _namespaces(made)
    wait_gone(kube, own)
    after = snapshot(kube)
    left = [why for path, why in refused.items() if not _went(path, after["namespaces"])]
    left += differences(journal.header.snapshot, after, own) + _objects_left(kube, made, journal.header.run)
    if not left:
        journal.healed()
    return left


def _went(path: str, namespaces: Iterable[str]) -> bool:
    """Whether what has this path went with its namespace."""
    _, _, inside = path.partition("/namespaces/")
    namespace, slash, _ = inside.partition("/")
    return bool(slash) and namespace not in namespaces


def _undo_all(
    kube: Kube, journal: Journal, undos: Iterable[tuple[int, Undo]], told: Callable[[str], None]
) -> Iterator[tuple[str, str]]:
    """The refused ones: what they were to change, and why it was not."""
    for number, undo in undos:
        what = undo.why or f"{undo.action} {undo.path}"
        try:
            carry_out(kube, undo, journal.header.run)
        except Refused as refusal:
            yield undo.path, f"{what}: {refusal}"
        else:
            told(what)
            journal.undone(number)


def _namespaces(undos: Iterable[Undo]) -> list[str]:
    return [u.path.rsplit("/", 1)[-1] for u in undos if u.action == "delete-namespace"]


def carry_out(kube: Kube, undo: Undo, run: str) -> None:
    """One undo. Does nothing when the change was never made or is undone already."""
    if undo.action == "delete-pod":
        _delete_pod(kube, undo)
    elif undo.action == "ask-pod":
        _ask_pod(kube, undo)
    elif undo.action == "run-in-pod":
        _run_in_pod(kube, undo)
    elif undo.action == "delete-namespace":
        _delete_namespace(kube, undo.path, run)
    elif undo.action == "delete-object":
        _delete_object(kube, undo.path, run)
    elif undo.action == "merge":
        _merge(kube, undo)


def _delete_pod(kube: Kube, undo: Undo) -> None:
    pod = _find(kube, undo.path)
    if pod is not None and _restarts(pod, undo.container) <= undo.restarts:
        kube.delete(undo.path, uid=undo.uid, grace=Duration(0))


def _run_in_pod(kube: Kube, undo: Undo) -> None:
    pod = _find(kube, undo.path)
    if pod is not None and pod["metadata"]["uid"] == undo.uid:
        # What does not run any more has nothing left to undo.
        with suppress(KubeError):
            run_in(kube, undo.path, undo.container, ["sh", "-c", undo.endpoint])


def _ask_pod(kube: Kube, undo: Undo) -> None:
    pod = _find(kube, undo.path)
    if pod is None or pod["metadata"]["uid"] != undo.uid:
        return
    port, _, rest = undo.endpoint.partition("/")
    try:
        kube.request("POST", f"{undo.path}:{port}/proxy/{rest}", accept="*/*", timeout=ASK_TIMEOUT)
    except KubeError:
        kube.delete(undo.path, uid=undo.uid, grace=Duration(0))


def _restarts(pod: Obj, container: str) -> int:
    seen = (pod.get("status") or {}).get("containerStatuses") or ()
    return next((int(s.get("restartCount", 0)) for s in seen if s["name"] == container), 0)


def _delete_namespace(kube: Kube, path: str, run: str) -> None:
    namespace = _find(kube, path)
    if namespace is not None and guard.is_ours(namespace, run):
        kube.delete(path, uid=namespace["metadata"]["uid"])


def _delete_object(kube: Kube, path: str, run: str) -> None:
    """What belongs to no namespace goes with none."""
    obj = _find(kube, path)
    if obj is not None and guard.carries(obj, run):
        kube.delete(path, uid=obj["metadata"]["uid"])


def _objects_left(kube: Kube, undos: Iterable[Undo], run: str) -> list[str]:
    paths = [u.path for u in undos if u.action == "delete-object"]
    return [f"{path} is still there" for path in paths if guard.carries(_find(kube, path) or {}, run)]


def _merge(kube: Kube, undo: Undo) -> None:
    obj = _find(kube, undo.path)
    if obj is not None and obj["metadata"]["uid"] == undo.uid:
        kube.merge(undo.path, undo.patch)


def _find(kube: Kube, path: str) -> Obj | None:
    try:
        return kube.get(path)
    except Refused as refusal:
        if refusal.code == 404:
            return None
        raise


def wait_gone(kube: Kube, namespaces: Iterable[str], within: Duration = GONE_WITHIN) -> None:
    """Until the namespaces no longer exist, or the time is up; who calls compares afterwards."""
    deadline = time.monotonic() + within.seconds
    waiting = set(namespaces)
    while waiting and time.monotonic() < deadline:
        waiting &= {n["metadata"]["name"] for n in kube.list(NAMESPACES)}
        if waiting:
            time.sleep(0.1)
