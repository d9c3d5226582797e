"""The bystanders no scenario names: whatever else runs on the cluster. A run that hurts one is ended and healed."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from chaos.guard import RUN_LABEL
from chaos.kube import Kube, KubeError, Obj
from chaos.observe import reduce_pod
from chaos.recording import Recorder, Trouble
from chaos.watching import watch


@contextmanager
def watch_outsiders(kube: Kube, run: str, recorder: Recorder, stop: Callable[[str], None]) -> Iterator[None]:
    """For as long as the block runs: ask to stop when a container outside every Seawall run is killed or evicted."""
    over = threading.Event()
    thread = threading.Thread(target=_watch, args=(kube, recorder, stop, over), daemon=True, name=f"outsiders-{run}")
    thread.start()
    try:
        yield
    finally:
        over.set()


def _watch(kube: Kube, recorder: Recorder, stop: Callable[[str], None], over: threading.Event) -> None:
    before: dict[str, int] = {}
    try:
        ours = {n["metadata"]["name"] for n in kube.list("/api/v1/namespaces", labelSelector=RUN_LABEL)}
        for event in watch(kube, "/api/v1/pods", over.is_set):
            if over.is_set():
                return
            hurt = _hurt(event.object, before)
            if hurt and not _belongs_to_a_run(kube, event.object["metadata"]["namespace"], ours):
                stop(f"{hurt}, outside the scenario")
    except KubeError as error:
        if not over.is_set():
            recorder.write(Trouble, what="nobody watched over the cluster's other workloads", detail=str(error))


def _hurt(pod: Obj, before: dict[str, int]) -> str:
    """What happened to the pod since it was last seen, if it was hurt: first sight of a pod is no harm."""
    reduced = reduce_pod(pod)
    uid = reduced["uid"]
    killed = sum(c["restarts"] for c in reduced["containers"]) + (reduced["reason"] == "Evicted")
    known = before.get(uid)
    before[uid] = killed
    if known is None or killed <= known:
        return ""
    return f"pod {pod['metadata']['namespace']}/{pod['metadata']['name']} was killed"


def _belongs_to_a_run(kube: Kube, namespace: str, ours: set[str]) -> bool:
    if namespace not in ours:
        labels = kube.get(f"/api/v1/namespaces/{namespace}")["metadata"].get("labels") or {}
        if RUN_LABEL in labels:
            ours.add(namespace)
    return namespace in ours
