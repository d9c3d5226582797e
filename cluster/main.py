"""The parts of a cluster put together, in one process and one event loop."""

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

from cluster.api.resources import stored
from cluster.api.server import ApiServer
from cluster.boot import READY, Doors
from cluster.client import Client, Obj
from cluster.config import API_ADDRESS, API_PORT, ClusterConfig, NodeConfig
from cluster.controllers.all import run_all
from cluster.controllers.context import Kind
from cluster.inside import take_weight
from cluster.kubelet.kubelet import Kubelet
from cluster.network.dns import DnsServer
from cluster.network.ingress import IngressProxy
from cluster.network.links import LinuxNetwork
from cluster.network.policing import Policing
from cluster.network.proxy import ServiceProxy
from cluster.power import MachineRoom
from cluster.runtime.first import First
from cluster.runtime.runc import Runc
from cluster.runtime.spec import Limits
from cluster.scheduler import run_scheduler
from cluster.state import Files

log = logging.getLogger(__name__)

# Beside the rest of the machine the cluster weighs as much as two busy sessions. A weight as large as its nodes' would
# keep processor time from whoever asks it: `seawall run` slept for two seconds where it wanted to sleep for 20 ms.
CLUSTER_SHARES = 2048


def serve(config: ClusterConfig, doors: Doors, firsts: Mapping[str, First]) -> None:
    """Run the cluster until its lifeline is cut or a part of it fails, which is raised.

    `firsts` are the first processes of its nodes, by name.

    The event loop is left as it stands: what was running in it dies with the process, in `cluster.inside.leave`.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    asyncio.new_event_loop().run_until_complete(_until_the_end(config, doors, firsts))


async def _until_the_end(config: ClusterConfig, doors: Doors, firsts: Mapping[str, First]) -> None:
    ending = _ending(doors.lifeline)
    running = asyncio.create_task(_run(config, doors, firsts))
    await asyncio.wait([ending, running], return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        await running


def _ending(lifeline: int) -> "asyncio.Future[None]":
    loop = asyncio.get_running_loop()
    ending: asyncio.Future[None] = loop.create_future()

    def end() -> None:
        loop.remove_reader(lifeline)
        if not ending.done():
            ending.set_result(None)

    loop.add_reader(lifeline, end)
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, end)
    return ending


async def _run(config: ClusterConfig, doors: Doors, firsts: Mapping[str, First]) -> None:
    """For ever; raises what a part raises."""
    network, runtime = LinuxNetwork(), Runc(config, firsts)
    kubelets: dict[str, Kubelet] = {}
    api = ApiServer(config, kubelets)
    await network.start()
    runtime.create_pod_cgroup(config.cgroup, Limits(cpu_shares=CLUSTER_SHARES))
    take_weight(config, (first.pid for first in firsts.values()))
    async with asyncio.TaskGroup() as parts:
        for part in await _parts(config, api, network):
            parts.create_task(part)
        room = MachineRoom(
            network=network,
            kubelets=kubelets,
            new_kubelet=lambda node: _kubelet(node, api, runtime, network, config),
            spawn=parts.create_task,
        )
        for node in config.nodes:
            runtime.create_pod_cgroup(f"{config.cgroup}/{node.name}", _capacity(node))
            await room.switch_on(node)
        parts.create_task(room.run(api.client("system:admin"), config.nodes))
        host = socket.socket(fileno=doors.api)
        await api.serve([host, socket.create_server((API_ADDRESS, API_PORT))])
        await _nodes_ready(api.client("system:admin"), len(config.nodes))
        _announce(config, doors, api.kubeconfig(f"https://127.0.0.1:{host.getsockname()[1]}"))


async def _parts(config: ClusterConfig, api: ApiServer, network: LinuxNetwork) -> list[Coroutine[Any, Any, None]]:
    """All that lives beside the nodes, each to be run for ever. The network's must exist before there are nodes."""
    dns = DnsServer(api.client("system:dns"))
    await dns.start()
    proxy = ServiceProxy(api.client("system:kube-proxy"), network)
    policing = Policing(api.client("system:cni"), network)
    ingress = IngressProxy(api.client("system:ingress"))
    kinds = [Kind(kind.key, kind.api_version, kind.kind, kind.namespaced) for kind in stored]
    manager = api.client("system:kube-controller-manager")
    controllers = run_all(
        manager,
        kinds=kinds,
        ca_certificate=api.authority,
        sign=api.sign,
        volumes=config.state_dir / "volumes",
        node_grace_seconds=config.node_grace_seconds,
    )
    scheduler = run_scheduler(api.client("system:kube-scheduler"))
    return [dns.run(), proxy.run(), policing.run(), ingress.run(), controllers, scheduler, api.measure()]


def _kubelet(node: NodeConfig, api: ApiServer, runtime: Runc, network: LinuxNetwork, config: ClusterConfig) -> Kubelet:
    return Kubelet(node, api.client(f"system:node:{node.name}"), runtime, network, config)


def _capacity(node: NodeConfig) -> Limits:
    """What all pods of a node have together; memory is a wall, processor time a share when others want it too."""
    return Limits(memory_bytes=node.memory_bytes, cpu_shares=node.cpu_millis * 1024 // 1000)


async def _nodes_ready(client: Client, wanted: int) -> None:
    """The launcher bounds how long this may take."""
    ready = set()
    async for event in client.watch("nodes"):
        if _ready(event.object):
            ready.add(event.object["metadata"]["name"])
        if len(ready) == wanted:
            return


def _ready(node: Obj) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _announce(config: ClusterConfig, doors: Doors, kubeconfig: str) -> None:
    """The kubeconfig appears whole and private, or not at all."""
    file = Files(config.state_dir).kubeconfig
    draft = Path(f"{file}.new")
    draft.touch(0o600)
    draft.write_text(kubeconfig)
    draft.rename(file)
    os.write(doors.ready, READY)
    log.info("up: %d nodes", len(config.nodes))
    gc.freeze()
    gc.enable()
