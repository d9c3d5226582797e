"""Pods that find no node, for each reason there is."""

from asyncio import sleep

from tests.replay.case import app, brief, case
from tests.replay.stage import Stage

NODES = ("node1", "node2")


@case("unschedulable-requests")
async def unschedulable(stage: Stage) -> None:
    await stage.apply(*app(container={"resources": {"requests": {"cpu": "64", "memory": "900Gi"}}}))
    await sleep(4)
    await stage.show()


@case("schedule-taint", nodes=True)
async def tainted(stage: Stage) -> None:
    await stage.kubectl("taint", "nodes", "--all", "only=us:NoSchedule", anywhere=True)
    await stage.apply(*brief())
    await sleep(3)
    await stage.show()
    await stage.kubectl("taint", "nodes", "--all", "only:NoSchedule-", anywhere=True)
    await sleep(4)
    await stage.show()


@case("schedule-cordoned", nodes=True)
async def cordoned(stage: Stage) -> None:
    for node in NODES:
        await stage.kubectl("cordon", node, anywhere=True)
    await stage.apply(*brief())
    await sleep(3)
    await stage.show()
    for node in NODES:
        await stage.kubectl("uncordon", node, anywhere=True)
    await sleep(4)
    await stage.show()


@case("schedule-spread")
async def spread(stage: Stage) -> None:
    constraint = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchLabels": {"app": "app"}},
        "whenUnsatisfiable": "DoNotSchedule",
    }
    await stage.apply(*brief(replicas=4, pod={"topologySpreadConstraints": [constraint]}))
    await sleep(5)
    await stage.show()


@case("schedule-host-port")
async def host_port(stage: Stage) -> None:
    ports = [{"containerPort": 8080, "hostPort": 18099, "name": "http"}]
    await stage.apply(*brief(replicas=3, container={"ports": ports}))
    await sleep(5)
    await stage.show()
