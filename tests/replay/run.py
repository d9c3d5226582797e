"""Cases on embedded clusters, several at a time.

The clusters look like the recorded one, so that messages that count nodes say the same: two nodes with two
processors and 5.4 GiB for pods each. A case that changes nodes has a cluster to itself.
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

from cluster import boot
from cluster.config import MIB, NodeConfig
from tests.replay.case import CASES, Case
from tests.replay.cases import (
    access,
    applying,
    batch,
    claims,
    commands,
    containers,
    crowding,
    custom,
    gaps,
    grants,
    hosts,
    kinds,
    lifetimes,
    limits,
    lists,
    living,
    mounted,
    network,
    nodes,
    placing,
    pressure,
    probes,
    refusals,
    rights,
    rollouts,
    rules,
    scaling,
    scheduling,
    sets,
    starting,
    surroundings,
    workloads,
)
from tests.replay.stage import Row, on

__all__ = [
    "CASES",
    "access",
    "applying",
    "batch",
    "claims",
    "commands",
    "containers",
    "crowding",
    "custom",
    "gaps",
    "grants",
    "hosts",
    "kinds",
    "lifetimes",
    "limits",
    "lists",
    "living",
    "mounted",
    "network",
    "nodes",
    "placing",
    "pressure",
    "probes",
    "record_all",
    "record_on",
    "refusals",
    "rights",
    "rollouts",
    "rules",
    "scaling",
    "scheduling",
    "sets",
    "starting",
    "surroundings",
    "workloads",
]

AT_A_TIME = 5
GRACE_SECONDS = 20.0
"""The recorded cluster's node-monitor-grace-period."""
RECORDED_BYTES = 24683656 * 1024
"""What the recorded nodes had, with all that ran beside them."""
NODES = tuple(NodeConfig(name=f"node{index}", index=index, zone="", memory_bytes=5573 * MIB) for index in (1, 2))


def plan(short: Mapping[str, int] | None = None) -> boot.ClusterConfig:
    nodes = tuple(_short(node, room) if (room := (short or {}).get(node.name)) else node for node in NODES)
    return replace(boot.plan(nodes=nodes), node_grace_seconds=GRACE_SECONDS)


def _short(node: NodeConfig, room: int) -> NodeConfig:
    return replace(node, memory_bytes=RECORDED_BYTES, eviction_bytes=RECORDED_BYTES - room)


def record_all(cases: Iterable[Case]) -> dict[str, list[Row]]:
    """The rows of each case by name."""
    return asyncio.run(_record_all([*cases]))


async def _record_all(cases: list[Case]) -> dict[str, list[Row]]:
    turns = asyncio.Semaphore(AT_A_TIME)
    shared = await asyncio.to_thread(boot.start, plan())
    try:
        recordings = await asyncio.gather(*(_record(case, shared.kubeconfig, turns) for case in cases))
    finally:
        await asyncio.to_thread(shared.stop)
    return {case.name: rows for case, rows in zip(cases, recordings, strict=True)}


def record_on(kubeconfig: Path, cases: Iterable[Case]) -> dict[str, list[Row]]:
    """The rows of each case by name, on a cluster that runs already: a real one, to learn from it."""
    return asyncio.run(_record_on(kubeconfig, [*cases]))


async def _record_on(kubeconfig: Path, cases: list[Case]) -> dict[str, list[Row]]:
    turns = asyncio.Semaphore(AT_A_TIME)

    async def take_turns(case: Case) -> list[Row]:
        async with turns:
            return await play(case, kubeconfig)

    together, alone = [case for case in cases if not case.alone], [case for case in cases if case.alone]
    rows = dict(zip((case.name for case in together), await asyncio.gather(*map(take_turns, together)), strict=True))
    return rows | {case.name: await play(case, kubeconfig) for case in alone}


async def _record(case: Case, shared: Path, turns: AbstractAsyncContextManager[None]) -> list[Row]:
    async with turns:
        if not case.alone:
            return await play(case, shared)
        own = await asyncio.to_thread(boot.start, plan(case.short))
        try:
            return await play(case, own.kubeconfig)
        finally:
            await asyncio.to_thread(own.stop)


async def play(case: Case, kubeconfig: Path) -> list[Row]:
    async with on(kubeconfig, case.namespace, case.labels, nodes=case.nodes) as stage:
        await case.script(stage)
    return stage.rows
