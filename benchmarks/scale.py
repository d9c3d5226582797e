"""What a node, a pod and a watch cost as there are more of them: `python -m benchmarks.scale`."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes import client, watch
from kubernetes.config import new_client_from_config

from benchmarks.cluster import NAMESPACE, cpu_seconds, deployment, memory_mb, processes, seconds, show
from cluster import boot
from cluster.boot import Handle
from cluster.config import NodeConfig
from tests.api_server.serving import client_tls

NODES = (3, 10, 50)
STEPS = (100, 250, 500)
SINGLES = 15
WATCHES = (1, 50, 200)
WRITES = 100
PATIENCE_SECONDS = 180.0
PODS_PATH = f"/api/v1/namespaces/{NAMESPACE}/pods"


def nodes(count: int) -> tuple[NodeConfig, ...]:
    return tuple(NodeConfig(name=f"node{n}", index=n, zone=f"zone-{'ab'[n % 2]}") for n in range(1, count + 1))


def plain(what: str, figure: float, unit: str) -> None:
    print(f"{what:46} {figure:8.2f} {unit}")


def boots() -> None:
    for count in NODES:
        before = time.monotonic()
        with boot.start(boot.plan(nodes=nodes(count))) as handle:
            plain(f"{count} nodes Ready", time.monotonic() - before, "s")
            plain("  memory", memory_mb(processes(handle)), "MB")


def single_pods(core: Any) -> float:
    """From asking for a pod to its container running, by the API's own watch."""
    return statistics.median(_single(core, f"single-{n}") for n in range(SINGLES))


def _single(core: Any, name: str) -> float:
    pod = {"metadata": {"name": name}, "spec": deployment(name, 1)["spec"]["template"]["spec"]}
    spent = seconds(lambda: _run(core, pod, name))
    core.delete_namespaced_pod(name, NAMESPACE, grace_period_seconds=0)
    return spent


def _run(core: Any, pod: dict[str, Any], name: str) -> None:
    core.create_namespaced_pod(NAMESPACE, pod)
    fields = f"metadata.name={name}"
    for event in watch.Watch().stream(core.list_namespaced_pod, NAMESPACE, field_selector=fields, timeout_seconds=10):
        if event["object"].status.phase == "Running":
            return
    raise TimeoutError(f"pod {name} did not run within 10 s")


def grow(apps: Any, core: Any, own: list[int]) -> None:
    apps.create_namespaced_deployment(NAMESPACE, deployment("many", 0))
    there, memory, spent_cpu = 0, memory_mb(own), cpu_seconds(own)
    for count in STEPS:
        more = count - there
        spent = seconds(lambda count=count: _scale(apps, count))  # type: ignore[misc]  # mypy cannot infer it
        now_memory, now_cpu = memory_mb(own), cpu_seconds(own)
        plain(f"{there} -> {count} pods Ready", spent, "s")
        plain("  a pod, in time", 1000 * spent / more, "ms")
        plain("  a pod, in the cluster's own processor time", 1000 * (now_cpu - spent_cpu) / more, "ms")
        plain("  a pod, in the cluster's own memory", 1000 * (now_memory - memory) / more, "kB")
        there, memory, spent_cpu = count, now_memory, now_cpu
    plain(f"{there} pods deleted", seconds(lambda: _empty(apps, core)), "s")


def _scale(apps: Any, count: int) -> None:
    apps.patch_namespaced_deployment("many", NAMESPACE, {"spec": {"replicas": count}})
    _until(lambda: apps.read_namespaced_deployment("many", NAMESPACE).status.ready_replicas == count)


def _empty(apps: Any, core: Any) -> None:
    apps.delete_namespaced_deployment("many", NAMESPACE)
    _until(lambda: not core.list_namespaced_pod(NAMESPACE, limit=1).items)


def _until(true: Any) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not done within {PATIENCE_SECONDS:g} s")
        time.sleep(0.1)


async def watched(handle: Handle, own: list[int]) -> None:
    """Writes to one object, seen by more and more watches."""
    tls = client_tls(handle.kubeconfig, handle.config.state_dir, certificate=True)
    [server] = [line.split()[1] for line in Path(handle.kubeconfig).read_text().splitlines() if "server:" in line]
    connector = aiohttp.TCPConnector(ssl=tls, limit=0)
    async with aiohttp.ClientSession(server, connector=connector, timeout=aiohttp.ClientTimeout()) as session:
        await session.post("/api/v1/namespaces/default/configmaps", json={"metadata": {"name": "watched"}})
        for count in WATCHES:
            await _with_watches(session, own, count)


async def _with_watches(session: aiohttp.ClientSession, own: list[int], count: int) -> None:
    memory = memory_mb(own)
    async with AsyncExitStack() as stack:
        seen = [await stack.enter_async_context(_watch(session)) for _ in range(count)]
        plain(f"{count} watches: a watch, in memory", 1000 * (memory_mb(own) - memory) / count, "kB")
        before, cpu = time.monotonic(), cpu_seconds(own)
        for number in range(WRITES):
            patch = {"data": {"number": str(number)}}
            media = {"Content-Type": "application/merge-patch+json"}
            await session.patch("/api/v1/namespaces/default/configmaps/watched", json=patch, headers=media)
        written = time.monotonic() - before
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*(reader.wait() for reader in seen))
        plain("  a write", 1000 * written / WRITES, "ms")
        plain("  a write, seen by all", 1000 * (time.monotonic() - before) / WRITES, "ms")
        plain("  an event, in processor time", 1e6 * (cpu_seconds(own) - cpu) / WRITES / count, "µs")


@asynccontextmanager
async def _watch(session: aiohttp.ClientSession) -> AsyncIterator[asyncio.Event]:
    """A watch, and what is set when it has seen the last write."""
    done = asyncio.Event()
    params = {"watch": "true", "fieldSelector": "metadata.name=watched"}
    async with session.get("/api/v1/namespaces/default/configmaps", params=params) as answer:
        reading = asyncio.ensure_future(_read(answer, done))
        try:
            yield done
        finally:
            reading.cancel()


async def _read(answer: aiohttp.ClientResponse, done: asyncio.Event) -> None:
    events = 0
    async for chunk in answer.content.iter_any():
        events += chunk.count(b"\n")
        if events > WRITES:
            done.set()


def main() -> None:
    boots()
    with boot.start(boot.plan(nodes=nodes(NODES[-1]))) as handle:
        own = processes(handle)
        api = new_client_from_config(str(handle.kubeconfig))
        apps, core = client.AppsV1Api(api), client.CoreV1Api(api)
        show("a pod asked for -> its container runs", single_pods(core), 0.15, "s")
        grow(apps, core, own)
        asyncio.run(watched(handle, own))


if __name__ == "__main__":
    main()
