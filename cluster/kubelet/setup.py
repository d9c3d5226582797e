"""What a pod needs before its containers: its volumes, then a sandbox. Both are tried until they are there."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from cluster.client import ApiError, Obj
from cluster.kubelet import etcfiles, podspec
from cluster.kubelet.backoff import doubling
from cluster.kubelet.build import Sandbox
from cluster.kubelet.classes import group_of
from cluster.kubelet.errors import MountFailed, NotAttached
from cluster.kubelet.machine import Machine
from cluster.kubelet.payloads import Reader
from cluster.kubelet.resources import pod_limits
from cluster.kubelet.volumes import PodVolumes
from cluster.network.spec import PodLink

_MOUNT_FIRST_SECONDS = 0.5
_MOUNT_LONGEST_SECONDS = 122.0
_ATTACH_LOOK_SECONDS = 0.02
_ATTACH_TOLD_SECONDS = 123.0
_SANDBOX_RETRY_SECONDS = 1.0


async def mounted(machine: Machine, volumes: PodVolumes, reader: Callable[[], Reader]) -> None:
    """Until every volume is set up. `reader` is asked anew each time: what was missing may be there by now."""
    for folder in (volumes.memory, volumes.disk):
        folder.mkdir(parents=True, exist_ok=True)
    attempt, asked = 0, machine.clock()
    while True:
        now = reader()
        try:
            volumes.set_up(now)
        except NotAttached:
            asked = _wait_for_volumes(machine, now.pod, asked)
            await asyncio.sleep(_ATTACH_LOOK_SECONDS)
        except (MountFailed, ApiError, OSError) as failed:
            machine.tell(now.pod, "Warning", "FailedMount", str(failed))
            await asyncio.sleep(doubling(attempt, _MOUNT_FIRST_SECONDS, _MOUNT_LONGEST_SECONDS))
            attempt += 1
        else:
            return


def _wait_for_volumes(machine: Machine, pod: Obj, since: float) -> float:
    """Say now and then that the pod waits; returns since when it is silent about that."""
    if machine.clock() - since < _ATTACH_TOLD_SECONDS:
        return since
    claimed = [v["name"] for v in pod["spec"].get("volumes") or () if "persistentVolumeClaim" in v]
    listed = f"unmounted volumes=[{' '.join(claimed)}], unattached volumes=[], failed to process volumes=[]"
    said = f"Unable to attach or mount volumes: {listed}: timed out waiting for the condition"
    machine.tell(pod, "Warning", "FailedMount", said)
    return machine.clock()


async def sandbox(machine: Machine, pod: Callable[[], Obj], *, memory: Path, disk: Path) -> Sandbox:
    """The pod's network and control group. `pod` is asked anew each time: it may have been resized."""
    while True:
        now = pod()
        cgroup = group_of(now, f"{machine.config.cgroup}/{machine.node.name}")
        try:
            link = await _link(machine, now)
            machine.runtime.create_pod_cgroup(cgroup, pod_limits(now))
        except OSError as failed:
            text = f"Failed to create pod sandbox: {failed}"
            machine.tell(now, "Warning", "FailedCreatePodSandBox", text)
            await asyncio.sleep(_SANDBOX_RETRY_SECONDS)
        else:
            return Sandbox(address=link.address, netns=link.netns, cgroup=cgroup, memory=memory, disk=disk)


async def _link(machine: Machine, pod: Obj) -> PodLink:
    node = machine.node
    if podspec.on_host_network(pod):
        return PodLink(address=node.address, netns=machine.network.node_netns(node.name))
    return await machine.network.attach(node.name, pod["metadata"]["uid"])


def write_etc(folder: Path, pod: Obj, address: str) -> None:
    """What its containers find in /etc."""
    for name, text in (
        ("etc-hosts", etcfiles.hosts(pod, address)),
        ("resolv.conf", etcfiles.resolv_conf(pod)),
        ("hostname", f"{podspec.hostname(pod)}\n"),
    ):
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)
