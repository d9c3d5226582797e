"""Getting a container's image: it is there, or it is waited for in the kubelet's words and pace."""

import asyncio
from collections.abc import Callable

from cluster.client import Obj
from cluster.kubelet.backoff import doubling
from cluster.kubelet.errors import StartRefused
from cluster.runtime.spec import Image, ImageMissing, Runtime

_FIRST_SECONDS = 10.0
_LONGEST_SECONDS = 300.0
_LOOK_AGAIN_SECONDS = 1.0

Tell = Callable[[str, str, str], None]
WaitAs = Callable[[str, str], None]


async def obtain(runtime: Runtime, container: Obj, tell: Tell, wait_as: WaitAs) -> Image:
    """The image, as soon as it is there. Raises `StartRefused` when it is not and must not be pulled.

    `tell` takes an event (type, reason, message), `wait_as` the container's waiting state (reason, message).
    """
    name, pulls = container["image"], 0
    while True:
        try:
            image = runtime.image(name)
        except ImageMissing as missing:
            if container.get("imagePullPolicy") == "Never":
                text = f'Container image "{name}" is not present with pull policy of Never'
                tell("Warning", "ErrImageNeverPull", text)
                raise StartRefused("ErrImageNeverPull", text) from missing
            await _fail_to_pull(name, str(missing), pulls, tell, wait_as)
            pulls += 1
        else:
            text = f'Container image "{name}" already present on machine and can be accessed by the pod'
            tell("Normal", "Pulled", text)
            return image


async def _fail_to_pull(name: str, why: str, pulls: int, tell: Tell, wait_as: WaitAs) -> None:
    tell("Normal", "Pulling", f'Pulling image "{name}"')
    tell("Warning", "Failed", f'Failed to pull image "{name}": {why}')
    tell("Warning", "Failed", "Error: ErrImagePull")
    wait_as("ErrImagePull", why)
    await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    tell("Normal", "BackOff", f'Back-off pulling image "{name}"')
    tell("Warning", "Failed", "Error: ImagePullBackOff")
    wait_as("ImagePullBackOff", f'Back-off pulling image "{name}": ErrImagePull: {why}')
    await asyncio.sleep(doubling(pulls, _FIRST_SECONDS, _LONGEST_SECONDS))
