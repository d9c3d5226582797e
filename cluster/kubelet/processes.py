"""The process namespace that all containers of a pod share (`shareProcessNamespace`).

It is held by a sandbox of its own, as PID 1: a program that only waits. So it outlives every container, and what a
container leaves behind is buried by it rather than by the app.
"""

import asyncio
import secrets

from cluster.client import Obj
from cluster.kubelet import podspec
from cluster.kubelet.build import Sandbox, argv
from cluster.kubelet.errors import StartRefused
from cluster.runtime.spec import (
    SANDBOX_IMAGE,
    ContainerSpec,
    Exit,
    Image,
    Limits,
    Runtime,
    Security,
    StartFailed,
)

# As the public pause image has it.
USER = 65535
# As the kubelet has it: the last to be killed for memory.
OOM_SCORE = -998


class SharedProcesses:
    """Of one pod."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._starting = asyncio.Lock()
        self._id = ""
        self._exit: asyncio.Future[Exit] | None = None

    async def holder(self, pod: Obj, sandbox: Sandbox) -> str:
        """The id of the container that holds the namespace; begun when there is none. Raises `StartRefused`."""
        async with self._starting:
            if self._exit is None or self._exit.done():
                await self.end()
                await self._begin(_spec(pod, sandbox, self._runtime.image(SANDBOX_IMAGE)))
            return self._id

    async def _begin(self, spec: ContainerSpec) -> None:
        try:
            await self._runtime.start(spec)
        except StartFailed as failed:
            raise StartRefused("CreateContainerError", f"the pod's process namespace: {failed}") from failed
        self._id = spec.id
        self._exit = asyncio.ensure_future(self._runtime.wait(spec.id))

    async def end(self) -> None:
        """It goes, and with it every process in it."""
        ended, self._id = self._id, ""
        if ended:
            await self._runtime.remove(ended)


def _spec(pod: Obj, sandbox: Sandbox, image: Image) -> ContainerSpec:
    return ContainerSpec(
        id=secrets.token_hex(32),
        name="",
        pod_uid=pod["metadata"]["uid"],
        node=pod["spec"]["nodeName"],
        image=image.name,
        argv=argv({}, image, {}),
        env=image.env,
        cwd="/",
        hostname=podspec.hostname(pod),
        netns=sandbox.netns,
        cgroup=sandbox.cgroup,
        log_path=sandbox.memory / "sandbox.log",
        security=Security(
            uid=USER,
            gid=USER,
            read_only_root=True,
            no_new_privileges=True,
            drop_capabilities=("ALL",),
            seccomp="RuntimeDefault",
        ),
        limits=Limits(oom_score_adj=OOM_SCORE),
    )
