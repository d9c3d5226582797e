"""Pods that share what is their node's: its network, its processes, its memory."""

from asyncio import sleep
from typing import Any

from tests.replay.case import DEPLOYMENT, Obj, bare, case, shell
from tests.replay.stage import Stage

FOREVER = shell("main", "trap exit TERM; sleep 600 & wait")
HERE = {"nodeSelector": {"kubernetes.io/hostname": "node1"}}


def _listening(port: int, **more: Any) -> Obj:
    return shell("main", f"exec python3 -m http.server {port}", ports=[{"containerPort": port, **more}])


@case("pods-of-the-host")
async def of_the_host(stage: Stage) -> None:
    ready = {"readinessProbe": {"httpGet": {"path": "/", "port": 18080}, "periodSeconds": 1, "initialDelaySeconds": 2}}
    first = {**_listening(18080), **ready}
    await stage.apply(bare("net", first, hostNetwork=True, **HERE), bare("pids", FOREVER, hostPID=True, hostIPC=True))
    await stage.until_ready(2)
    await stage.apply(bare("too", _listening(18080), hostNetwork=True, **HERE))
    await sleep(2)
    same = "jsonpath={.status.podIP}={.status.hostIP}"
    for pod in ("net", "too"):
        await stage.kubectl("get", "pod", pod, "-o", "jsonpath={.spec.containers[0].ports}")
    await stage.kubectl("get", "pod", "net", "-o", same)
    await stage.kubectl("get", "pods", "--field-selector", "spec.hostNetwork=true", "-o", "name")
    for command in ("hostname", "head -1 /etc/hosts", "echo $HOSTNAME"):
        await stage.kubectl("exec", "net", "--", "sh", "-c", command)
    await stage.kubectl("exec", "pids", "--", "sh", "-c", "test $(ls /proc | grep -c ^[0-9]) -gt 3; test $$ -gt 2")
    for pod in ("net", "pids", "too"):
        await stage.kubectl("describe", "pod", pod)
    for note, spec in _odd().items():
        await stage.create(bare("odd", spec.pop("main"), **spec), note=note)
    template = {**DEPLOYMENT["spec"]["template"]["spec"], "hostNetwork": True}
    whole = {**DEPLOYMENT["spec"], "replicas": 0, "template": {**DEPLOYMENT["spec"]["template"], "spec": template}}
    await stage.create({**DEPLOYMENT, "spec": whole}, note="template")
    await stage.kubectl("get", "deployment", "app", "-o", "jsonpath={.spec.template.spec.containers[0].ports}")
    await stage.kubectl("delete", "pod", "net", "--wait=false")
    await sleep(4)
    await stage.kubectl("get", "pods")


def _odd() -> dict[str, Obj]:
    return {
        "another port": {"main": _listening(80, hostPort=81), "hostNetwork": True},
        "shared processes": {"main": FOREVER, "hostPID": True, "shareProcessNamespace": True},
    }


@case("nodes-looked-into", alone=True)
async def looked_into(stage: Stage) -> None:
    look = ("--", "sh", "-c", "test -d /host && hostname && exit 3")
    for profile in ("legacy", "general", "baseline", "restricted", "netadmin"):
        await stage.kubectl("debug", "node/node1", "--image", shell("x", "")["image"], "--profile", profile, *look)
    await stage.kubectl("debug", "node/node9", "--image", shell("x", "")["image"], *look)
    await stage.until_over(4)
    await stage.kubectl("get", "pods")
    await stage.kubectl(
        "get", "pods", "-o", "jsonpath={range .items[*]}{.spec.hostPID}{.spec.hostNetwork}{.spec.hostIPC} {end}"
    )
