"""Getting a container's image: it is there, or it is waited for in the kubelet's words and pace."""

import asyncio
from collections.abc import Callable

from cluster.client import Obj
from cluster.image_names import fault_in
from cluster.kubelet.backoff import doubling, jittered
from cluster.kubelet.errors import StartRefused
from cluster.kubelet.machine import Machine
from cluster.runtime.spec import Image, ImageMissing

_FIRST_SECONDS = 10.0
_LONGEST_SECONDS = 300.0
_LOOK_AGAIN_SECONDS = 1.0
_RESYNC_SECONDS = 60.0

Tell = Callable[[str, str, str], None]
WaitAs = Callable[[str, str], None]


async def obtain(machine: Machine, container: Obj, tell: Tell, wait_as: WaitAs) -> Image:
    """The image, as soon as it is there. Raises `StartRefused` when it is not and must not be pulled.

    `tell` takes an event (type, reason, message), `wait_as` the container's waiting state (reason, message).
    """
    name, pulls = container["image"], 0
    if fault := fault_in(name):
        text = f'Failed to apply default image tag "{name}": couldn\'t parse image name "{name}": {fault}'
        tell("Warning", "InspectFailed", text)
        raise StartRefused("InvalidImageName", text)
    while True:
        try:
            image = machine.runtime.image(name)
        except ImageMissing as missing:
            if container.get("imagePullPolicy") == "Never":
                text = f'Container image "{name}" is not present with pull policy of Never'
                tell("Warning", "ErrImageNeverPull", text)
                raise StartRefused("ErrImageNeverPull", text) from missing
            await _fail_to_pull(machine, name, str(missing), pulls, tell, wait_as)
            pulls += 1
        else:
            text = f'Container image "{name}" already present on machine and can be accessed by the pod'
            tell("Normal", "Pulled", text)
            return image


async def _fail_to_pull(machine: Machine, name: str, why: str, pulls: int, tell: Tell, wait_as: WaitAs) -> None:
    """What came of one look at a pod is shown from the next look on (recording: image-pull-backoff)."""
    tell("Normal", "Pulling", f'Pulling image "{name}"')
    tell("Warning", "Failed", f'Failed to pull image "{name}": {why}')
    tell("Warning", "Failed", "Error: ErrImagePull")
    looks_after = jittered(_FIRST_SECONDS, machine.random()) if pulls else _LOOK_AGAIN_SECONDS
    if not pulls:
        wait_as("ErrImagePull", why)
    await asyncio.sleep(looks_after)
    wait_as("ErrImagePull", why)
    tell("Normal", "BackOff", f'Back-off pulling image "{name}"')
    tell("Warning", "Failed", "Error: ImagePullBackOff")
    rest = max(0.0, doubling(pulls, _FIRST_SECONDS, _LONGEST_SECONDS) - looks_after)
    shown_after = min(jittered(rest, machine.random()), _RESYNC_SECONDS)
    await asyncio.sleep(shown_after)
    wait_as("ImagePullBackOff", f'Back-off pulling image "{name}": ErrImagePull: {why}')
    await asyncio.sleep(max(0.0, rest - shown_after))
