"""Probes of every kind, answered and not; the deadlock that only a probe can see."""

import asyncio
from asyncio import sleep

from tests.replay.case import FAST, Obj, app, brief, case, http_get
from tests.replay.stage import Stage

NOWHERE = "/nothing-here"


@case("probe-exec-failing")
async def exec_failing(stage: Stage) -> None:
    probe = {"exec": {"command": ["sh", "-c", "echo not today; exit 4"]}, **FAST}
    await _watched(stage, {"livenessProbe": probe}, 10)


@case("probe-tcp-failing")
async def tcp_failing(stage: Stage) -> None:
    await _watched(stage, {"readinessProbe": {"tcpSocket": {"port": 9999}, **FAST}}, 6)


@case("probe-http-status")
async def http_status(stage: Stage) -> None:
    await _watched(stage, {"readinessProbe": http_get(NOWHERE, **FAST)}, 6)


@case("probe-startup-failing")
async def startup_failing(stage: Stage) -> None:
    probes = {"startupProbe": http_get(NOWHERE, **FAST), "livenessProbe": http_get("/readyz", **FAST)}
    await _watched(stage, probes, 10)


async def _watched(stage: Stage, probes: Obj, seconds: float) -> None:
    await stage.apply(*brief(container=probes))
    await sleep(seconds)
    await stage.show()


READINESS = {"readinessProbe": http_get("/readyz", periodSeconds=2, timeoutSeconds=1, failureThreshold=2)}
LIVENESS = {"livenessProbe": http_get("/healthz", periodSeconds=2, timeoutSeconds=1, failureThreshold=3)}


@case("deadlock-no-probes")
async def no_probes(stage: Stage) -> None:
    await _deadlock(stage, {})


@case("deadlock-readiness-only")
async def readiness_only(stage: Stage) -> None:
    await _deadlock(stage, READINESS)


@case("deadlock-liveness-and-readiness")
async def liveness_and_readiness(stage: Stage) -> None:
    await _deadlock(stage, READINESS | LIVENESS)


async def _deadlock(stage: Stage, probes: Obj) -> None:
    await stage.apply(*app(replicas=2, container=probes, pod={"terminationGracePeriodSeconds": 5}))
    await stage.until_ready(2)
    await sleep(2)
    stage.note("hang one pod")
    name = (await stage.ready_pods())[0]["metadata"]["name"]
    await stage.http(f"pods/{name}:8080", "/hang?s=3600", seconds=0.5)
    # At the pace that it had when recorded, however many of the requests find the pod that hangs.
    for _ in range(12):
        pause = asyncio.create_task(sleep(1.5))
        await stage.http("services/app:80", "/", seconds=1)
        await pause
    await stage.show()
    await sleep(10)
    await stage.show()
