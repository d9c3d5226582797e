"""The node agent: registers its node, keeps it alive, and gives each pod bound to it a worker."""

import asyncio
import logging
import random
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from cluster.client import AlreadyExists, ApiError, Client, NotFound, NotImplementedHere, Obj, WatchEvent
from cluster.config import ClusterConfig, NodeConfig
from cluster.events import EventRecorder
from cluster.kubelet import node as nodes
from cluster.kubelet import service, stats
from cluster.kubelet.admission import pressed, refusal
from cluster.kubelet.classes import weigh
from cluster.kubelet.disks import watch_disks
from cluster.kubelet.machine import Machine
from cluster.kubelet.measuring import measure
from cluster.kubelet.pressure import MemoryPressure
from cluster.kubelet.probes.checks import Checker
from cluster.kubelet.probes.http import HttpClient
from cluster.kubelet.references import mentions
from cluster.kubelet.resizing import Resizes
from cluster.kubelet.status import Failure
from cluster.kubelet.worker import PodWorker
from cluster.network.spec import Network
from cluster.nodeservice import ExecSession, LogOptions, NodeUsage
from cluster.objects import is_going, is_pod_finished
from cluster.runtime.spec import Runtime
from cluster.timestamps import format_time

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 10.0
STATUS_SECONDS = 300.0


class Kubelet:
    """One node. Implements `cluster.nodeservice.NodeService`.

    `run` serves until it is cancelled or `stop` is called; `die` is what happens when the node loses its power.
    """

    def __init__(
        self,
        node: NodeConfig,
        client: Client,
        runtime: Runtime,
        network: Network,
        config: ClusterConfig,
        clock: Callable[[], float] = time.time,
        run_dir: Path = Path("/run/seawall"),
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`chance` is from 0 to 1. `run_dir` should be in memory: volumes made of Secrets and tokens are there.

        Pods' disks are in the state.
        """
        self.node = node
        self._config = config
        self._client = client
        self._clock = clock
        self._http = HttpClient(self._socket)
        self._network = network
        self._machine = Machine(
            node=node,
            client=client,
            runtime=runtime,
            network=network,
            config=config,
            run_dir=run_dir,
            clock=clock,
            tell=EventRecorder(client, "kubelet", node.name, clock).event,
            checker=Checker(runtime=runtime, http=self._http, new_socket=self._socket),
            random=chance,
        )
        self.workers: dict[str, PodWorker] = {}
        self.pressure = MemoryPressure(self._machine, self.workers.values, self.report)
        self.resizes = Resizes(self._machine, self.workers.values, self._weigh)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._loops: list[asyncio.Task[Any]] = []
        self._reported = 0.0
        self._began = clock()
        self._silent = False

    async def run(self) -> None:
        """Register the node, then serve its pods until `stop` or `die`."""
        self.register()
        loops = (
            self._heartbeats(),
            self._watch_pods(),
            self._watch_sources("configmaps"),
            self._watch_sources("secrets"),
            self.pressure.run(),
            watch_disks(self._machine, self.workers.values),
        )
        self._loops = [asyncio.ensure_future(loop) for loop in loops]
        try:
            await asyncio.gather(*self._loops)
        except asyncio.CancelledError:
            if all(not loop.cancelled() for loop in self._loops):
                raise
        finally:
            await self.die()

    async def stop(self) -> None:
        """The cluster ends: everything on the node goes, without a word to the API."""
        await self.die()

    def fall_silent(self) -> None:
        """The node is cut off: what runs runs on for now, and nothing else happens."""
        self._silent = True
        for uid, worker in self.workers.items():
            self._tasks[uid].cancel()
            worker.fall_silent()

    async def die(self) -> None:
        """The node is lost: heartbeats stop, containers are killed and removed, and the API is not told."""
        for loop in self._loops:
            loop.cancel()
        workers, tasks = list(self.workers.values()), list(self._tasks.values())
        self.workers.clear()
        self._tasks.clear()
        await asyncio.gather(*(w.die(t) for w, t in zip(workers, tasks, strict=True)), return_exceptions=True)
        await self._http.close()

    # --- NodeService ---

    def logs(self, namespace: str, pod: str, options: LogOptions) -> AsyncIterator[bytes]:
        """The log of a container of a pod on this node."""
        try:
            worker = self._worker_of(namespace, pod)
        except NotFound:
            raise service.unavailable(self._client.get("pods", pod, namespace), options.container) from None
        return service.logs(worker, options, self._clock())

    async def exec(
        self, namespace: str, pod: str, container: str, command: list[str], *, stdin: bool, tty: bool
    ) -> ExecSession:
        """Run a command in a container of a pod on this node."""
        worker = self._worker_of(namespace, pod)
        return await service.execute(self._machine.runtime, worker, container, command, stdin=stdin, tty=tty)

    async def attach(self, namespace: str, pod: str, container: str) -> ExecSession:
        """Join the streams of a container of a pod on this node."""
        return await service.attach(self._machine.runtime, self._worker_of(namespace, pod), container)

    async def dial(self, namespace: str, pod: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a port of a pod on this node, on its own loopback."""
        return await service.dial(self._network, self._worker_of(namespace, pod), port)

    def usage(self) -> NodeUsage:
        """What the node and its running containers have used so far."""
        return measure(self._machine, self.workers.values(), self._began)

    def ask(self, path: str) -> Obj:
        """What the kubelet's own HTTP API answers at a path."""
        if path == "stats/summary":
            return stats.summary(self.node, self.usage())
        if path == "configz":
            return stats.configz(self.node)
        raise NotImplementedHere(f"of a kubelet's own API, stats/summary and configz are served here, and not {path!r}")

    def _worker_of(self, namespace: str, pod: str) -> PodWorker:
        return service.find(self.workers.values(), namespace, pod)

    # --- the node ---

    def register(self) -> None:
        """Create the Node, Ready at once, and its Lease."""
        with suppress(AlreadyExists):
            self._client.create("nodes", nodes.node_object(self.node, self._config))
        self.report()
        self._renew_lease()

    def report(self) -> None:
        """Write the node's status."""
        self._post(self._status(self._known()))

    def _known(self) -> Obj:
        """The status that the API has."""
        return self._client.get("nodes", self.node.name).get("status") or {}

    def _status(self, known: Obj) -> Obj:
        before = known.get("conditions") or []
        return nodes.node_status(self.node, self._config, pressure=self.pressure.on, before=before, now=self._clock())

    def _post(self, status: Obj) -> None:
        self._client.patch("nodes", self.node.name, "", {"status": status}, subresource="status")
        self._reported = self._clock()

    async def _heartbeats(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            with suppress(ApiError):
                self._renew_lease()
                self._correct()
            for worker in list(self.workers.values()):
                worker.renew_tokens()
            self.resizes.again()

    def _correct(self) -> None:
        """Write the status if the API has another one (Unknown, after a silence), and now and then in any case."""
        known = self._known()
        status = self._status(known)
        if nodes.says_other(known, status) or self._clock() - self._reported >= STATUS_SECONDS:
            self._post(status)

    def _renew_lease(self) -> None:
        uid = self._client.get("nodes", self.node.name)["metadata"]["uid"]
        lease = nodes.lease(self.node, uid, self._clock())
        try:
            self._client.create("leases.coordination.k8s.io", lease, nodes.LEASE_NAMESPACE)
        except AlreadyExists:
            patch = {"spec": lease["spec"]}
            self._client.patch("leases.coordination.k8s.io", self.node.name, nodes.LEASE_NAMESPACE, patch)

    # --- pods ---

    async def _watch_pods(self) -> None:
        async for event in self._client.watch("pods", fields=f"spec.nodeName={self.node.name}"):
            try:
                self._take(event)
            except Exception:
                # One pod that nobody thought of must not take the node down.
                log.exception("pod %s on %s", event.object["metadata"]["name"], self.node.name)

    def _take(self, event: WatchEvent) -> None:
        uid = event.object["metadata"]["uid"]
        worker = self.workers.get(uid)
        if self._silent:
            return
        if event.type == "DELETED":
            self._forget(uid)
        elif worker is not None:
            worker.update(event.object)
            self.resizes.look(worker)
        elif _never_ran(event.object) and is_pod_finished(event.object):
            self._bury(event.object)
        elif event.type in ("ADDED", "MODIFIED") and not _is_over(event.object):
            self._admit(event.object)

    def _admit(self, pod: Obj) -> None:
        """Begin it, unless the node cannot take it; what ran here before was taken then."""
        present = [worker.pod for worker in self.workers.values() if not worker.over]
        refused = self._refusal(present, pod) if _never_ran(pod) else None
        if refused is None or is_going(pod):
            self._begin(pod)
            return
        self._machine.tell(pod, "Warning", refused.reason, refused.message)
        status = {
            "observedGeneration": pod["metadata"].get("generation", 1),
            "phase": "Failed",
            "message": f"Pod was rejected: {refused.message}",
            "reason": refused.reason,
            "startTime": format_time(self._clock()),
        }
        self._patch(pod, status)

    def _refusal(self, present: list[Obj], pod: Obj) -> Failure | None:
        low = pressed(pod) if self.pressure.on else None
        return low or refusal(self._client.get("nodes", self.node.name), present, pod)

    def _patch(self, pod: Obj, status: Obj) -> None:
        meta = pod["metadata"]
        with suppress(NotFound):
            self._client.patch("pods", meta["name"], meta["namespace"], {"status": status}, subresource="status")

    def _bury(self, pod: Obj) -> None:
        """A pod that was not taken has nothing to be stopped."""
        meta = pod["metadata"]
        if is_going(pod):
            with suppress(NotFound):
                self._client.delete("pods", meta["name"], meta["namespace"], uid=meta["uid"], grace_seconds=0)

    def _begin(self, pod: Obj) -> None:
        uid = pod["metadata"]["uid"]
        worker = self.workers[uid] = PodWorker(self._machine, pod)
        task = self._tasks[uid] = asyncio.ensure_future(worker.run())
        task.add_done_callback(lambda done: self._ended(uid, done))
        self._weigh()

    def _forget(self, uid: str) -> None:
        # A worker is kept as long as its object: a finalizer may outlive the pod, and it must not start again.
        if uid in self.workers:
            self.workers[uid].gone()
            if self._tasks[uid].done():
                del self.workers[uid], self._tasks[uid]
            self._weigh()
            self.resizes.again()

    def _weigh(self) -> None:
        pods = [worker.pod for worker in self.workers.values() if not worker.finished]
        weigh(self._machine.runtime, f"{self._config.cgroup}/{self.node.name}", pods)

    def _ended(self, uid: str, task: "asyncio.Task[None]") -> None:
        if uid in self.workers and self.workers[uid].absent:
            del self.workers[uid], self._tasks[uid]
        if not task.cancelled() and task.exception() is not None:
            log.error("the worker of pod %s on %s failed", uid, self.node.name, exc_info=task.exception())

    async def _watch_sources(self, resource: str) -> None:
        async for event in self._client.watch(resource):
            meta = event.object["metadata"]
            for worker in list(self.workers.values()):
                if mentions(worker.pod, resource, meta["namespace"], meta["name"]):
                    worker.refresh()

    def _socket(self, family: int) -> socket.socket:
        return self._network.socket(self.node.name, family, socket.SOCK_STREAM)


def _never_ran(pod: Obj) -> bool:
    return not (pod.get("status") or {}).get("containerStatuses")


def _is_over(pod: Obj) -> bool:
    """A pod that ended in an earlier life of this node must not run again."""
    return is_pod_finished(pod) and not is_going(pod)
