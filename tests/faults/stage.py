"""A namespace with a small workload on an embedded cluster, as a fault finds it: observed, Ready, with a journal."""

import random
import secrets
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from chaos import recover
from chaos.faults.kind import Arena
from chaos.guard import RUN_LABEL, VARIANT_LABEL
from chaos.journal import Undo
from chaos.kube import Kube, Obj, connect
from chaos.observe import observe
from chaos.recording import Recorder
from cluster import boot

PATIENCE_SECONDS = 20.0


@contextmanager
def embedded() -> Iterator[Kube]:
    """A cluster that goes with the block."""
    with tempfile.TemporaryDirectory(prefix="seawall-test-") as folder:
        with boot.start(boot.plan(root=Path(folder))) as handle:
            yield connect(kubeconfig=str(handle.kubeconfig))
        boot.sweep(Path(folder))


@dataclass
class Stage:
    """One variant. `undos` is what the fault wrote down; `heal()` carries it out."""

    arena: Arena
    run: str
    undos: list[Undo] = field(default_factory=list)

    @property
    def kube(self) -> Kube:
        return self.arena.kube

    def heal_pods(self) -> None:
        """The undo of what was done to pods, as at the end of a fault phase."""
        for undo in self.undos:
            if undo.action == "delete-pod":
                recover.carry_out(self.kube, undo, self.run)

    def heal(self) -> None:
        for undo in reversed(self.undos):
            recover.carry_out(self.kube, undo, self.run)
        gone = [u.path.rpartition("/")[2] for u in self.undos if u.action == "delete-namespace"]
        recover.wait_gone(self.kube, gone)


@contextmanager
def stage(kube: Kube, objects: list[Obj], target: str = "deployment/web", pods: int = 1) -> Iterator[Stage]:
    """The objects in a namespace of their own, with `pods` Ready pods of the target."""
    run, before = secrets.token_hex(3), recover.snapshot(kube)
    namespace, over, undos = f"seawall-{run}-defended", threading.Event(), list[Undo]()

    def will_undo(undo: Undo) -> int:
        undos.append(undo)
        return len(undos) - 1

    labels = {RUN_LABEL: run, VARIANT_LABEL: "defended"}
    will_undo(Undo(action="delete-namespace", path=f"/api/v1/namespaces/{namespace}"))
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}})
    recorder = Recorder(StringIO(), monotonic=time.monotonic, wall=time.time)
    view, _ = observe(kube, namespace, "defended", recorder, over.is_set)
    arena = Arena(
        kube=kube, namespace=namespace, target=target, view=view, random=random.Random(1), will_undo=will_undo
    )
    found = Stage(arena, run, undos)
    try:
        for obj in objects:
            kube.create(obj, namespace)
        ready = view.wait(lambda: sum(p["ready"] for p in view.pods(target).values()) >= pods, PATIENCE_SECONDS)
        assert ready, f"never ready: {view.of('Pod')}"
        yield found
    finally:
        over.set()
        found.heal()
    assert recover.snapshot(kube)["namespaces"] == before["namespaces"]


def deployment(name: str = "web", replicas: int = 1, **pod: Any) -> Obj:
    """A Deployment of the standard image's Python; `pod` overrides its pod spec."""
    labels = {"app": name}
    container = {"name": name, "image": "python:3.12-slim", "command": ["sleep", "600"]}
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container], **pod}
    template = {"metadata": {"labels": labels}, "spec": spec}
    body = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": body}
