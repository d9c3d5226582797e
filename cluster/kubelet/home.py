"""What a container needs of its pod."""

from typing import Protocol

from cluster.client import Obj
from cluster.kubelet.build import Sandbox
from cluster.kubelet.fields import Place
from cluster.kubelet.sources import Lookup
from cluster.kubelet.volumes import PodVolumes
from cluster.runtime.spec import Image


class Home(Protocol):
    """A pod on its node, as its containers see it."""

    @property
    def pod(self) -> Obj: ...

    @property
    def sandbox(self) -> Sandbox: ...

    @property
    def volumes(self) -> PodVolumes: ...

    @property
    def place(self) -> Place: ...

    @property
    def lookup(self) -> Lookup: ...

    @property
    def origin(self) -> float:
        """When the pod came, in the loop's time: probes tick from there."""
        ...

    def base_environment(self, image: Image) -> dict[str, str]:
        """What every container of the pod knows before its own variables."""
        ...

    def running_ids(self) -> dict[str, str]:
        """The ids of the pod's containers that run, by name."""
        ...

    async def shared_processes(self) -> str:
        """The id of what holds the pod's one process namespace; "" where each container has its own.

        Raises `StartRefused`.
        """
        ...

    def publish(self) -> None:
        """Tell the API what changed."""
        ...
