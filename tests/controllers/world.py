"""A control plane without nodes' machinery: the real API in-process, all controllers, the scheduler, and a plain
stand-in for the kubelets that makes bound pods Ready and ends deleted ones."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from cluster.api.core import Core
from cluster.api.local import LocalClient
from cluster.api.resources import stored
from cluster.client import NotFound, Obj
from cluster.config import ClusterConfig
from cluster.controllers.all import run_all
from cluster.controllers.context import Kind
from cluster.nodeservice import Meter
from cluster.objects import is_going, is_pod_finished, node_of, with_condition
from cluster.scheduler import run_scheduler
from cluster.timestamps import format_micro_time, format_time

NAMESPACE = "shop"
KINDS = [Kind(k.key, k.api_version, k.kind, k.namespaced) for k in stored]


class Kubelets:
    """Pods bound to any node become Ready at once while `heals` is set, and end at once when they are deleted."""

    def __init__(self, client: LocalClient) -> None:
        self.client = client
        self.heals = True
        self.ends = True
        self._addresses = 0

    async def run(self) -> None:
        async for event in self.client.watch("pods"):
            if event.type != "DELETED" and node_of(event.object):
                self.care(event.object["metadata"]["namespace"], event.object["metadata"]["name"])

    def care(self, namespace: str, name: str) -> None:
        with suppress(NotFound):
            pod = self.client.get("pods", name, namespace)
            if is_going(pod):
                if self.ends:
                    self.client.delete("pods", name, namespace, grace_seconds=0)
            elif self.heals and not pod["status"].get("podIP") and not is_pod_finished(pod):
                self.say(pod, ready=True)

    def say(self, pod: Obj, *, ready: bool, phase: str = "Running") -> None:
        """Post a status as a kubelet would."""
        status = {"startTime": format_time(time.time()), **pod["status"]}
        if not status.get("podIP"):
            self._addresses += 1
            status["podIP"] = f"198.18.0.{self._addresses}"
        conditions = status.get("conditions")
        for type in ("Ready", "ContainersReady"):
            conditions = with_condition(conditions, {"type": type, "status": str(ready)}, time.time())
        status |= {"phase": phase, "conditions": conditions}
        self.client.update("pods", {**pod, "status": status}, subresource="status")


class World:
    """What a test sees of the control plane; `now` is added to the real time."""

    def __init__(self, folder: Path) -> None:
        self.ahead = 0.0
        self.volumes = folder / "volumes"
        self.meters: dict[str, Meter] = {}
        core = Core(ClusterConfig(id="test", state_dir=folder), self.meters, clock=self.clock, chance=random.Random(7))
        self.metrics = core.metrics
        self.client = core.client("system:test")
        self.kubelets = Kubelets(self.client)
        self.client.create("namespaces", {"metadata": {"name": NAMESPACE}})

    def clock(self) -> float:
        return time.time() + self.ahead

    def node(self, name: str, zone: str = "zone-a", *, cpu: str = "2", memory: str = "1Gi", pods: str = "110") -> Obj:
        labels = {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone}
        allocatable = {"cpu": cpu, "memory": memory, "pods": pods}
        now = format_time(self.clock())
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "", "lastTransitionTime": now}
        status = {
            "allocatable": allocatable,
            "capacity": allocatable,
            "conditions": [ready | {"lastHeartbeatTime": now}],
        }
        self.beat(name)
        return self.client.create("nodes", {"metadata": {"name": name, "labels": labels}, "status": status})

    def beat(self, name: str) -> None:
        """A kubelet's heartbeat."""
        spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": format_micro_time(self.clock())}
        resource, namespace = "leases.coordination.k8s.io", "kube-node-lease"
        try:
            self.client.patch(resource, name, namespace, {"spec": spec})
        except NotFound:
            self.client.create(resource, {"metadata": {"name": name}, "spec": spec}, namespace)

    def deploy(self, name: str = "web", replicas: int = 3, **spec: Any) -> Obj:
        return self.client.create("deployments.apps", deployment(name, replicas, **spec), NAMESPACE)

    def pods(self, **labels: str) -> list[Obj]:
        selector = ",".join(f"{k}={v}" for k, v in labels.items())
        return self.client.list("pods", NAMESPACE, labels=selector)

    def events(self, reason: str = "") -> list[Obj]:
        return [e for e in self.client.list("events") if reason in ("", e["reason"])]

    def said(self, reason: str) -> list[str]:
        return [event["message"] for event in self.events(reason)]

    async def until(self, condition: Callable[[], object], within: float = 5.0) -> None:
        """Wait until the condition holds; fail after `within` seconds."""
        deadline = time.monotonic() + within
        while not condition():
            assert time.monotonic() < deadline, "the awaited state was not reached"
            await asyncio.sleep(0.005)

    async def settle(self) -> None:
        """Wait until nothing has been written for a moment."""
        revision = ""
        for _ in range(200):
            await asyncio.sleep(0.05)
            before, revision = revision, self._revision()
            if before == revision:
                return
        raise AssertionError("the control plane does not come to rest")

    def _revision(self) -> str:
        probe = self.client.create("configmaps", {"metadata": {"generateName": "probe-"}}, "kube-public")
        self.client.delete("configmaps", probe["metadata"]["name"], "kube-public")
        writes = int(probe["metadata"]["resourceVersion"]) - getattr(self, "_probes", 0) * 2
        self._probes = getattr(self, "_probes", 0) + 1
        return str(writes)


def pod_template(labels: dict[str, str], *, image: str = "python:3.12-slim", **spec: Any) -> Obj:
    container = {"name": "app", "image": image, "ports": [{"name": "http", "containerPort": 8080}]}
    return {"metadata": {"labels": labels}, "spec": {"containers": [container], **spec}}


def deployment(name: str = "web", replicas: int = 3, *, template: Obj | None = None, **spec: Any) -> Obj:
    labels = {"app": name}
    body = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template or pod_template(labels)}
    return {"metadata": {"name": name}, "spec": {**body, **spec}}


@asynccontextmanager
async def running(
    world: World, *, scheduler: bool = True, grace_seconds: float = 40.0, autoscaler_seconds: float = 15.0
) -> AsyncIterator[World]:
    """The controllers (and the scheduler) at work."""
    parts = [
        run_all(
            world.client,
            kinds=KINDS,
            ca_certificate="PEM",
            sign=lambda request, seconds: b"signed for %d: " % seconds + request,
            volumes=world.volumes,
            clock=world.clock,
            node_grace_seconds=grace_seconds,
            autoscaler_seconds=autoscaler_seconds,
        ),
        world.kubelets.run(),
    ]
    if scheduler:
        parts.append(run_scheduler(world.client, clock=world.clock, chance=random.Random(7)))
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        await world.until(lambda: world.client.list("serviceaccounts", NAMESPACE))
        yield world
        for task in tasks:
            assert not task.done(), task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
