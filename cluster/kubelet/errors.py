"""Why a container or a pod cannot start yet."""

from dataclasses import dataclass

# What the runtime says reaches the kubelet through a call that names the kind of its error.
RPC_UNKNOWN = "rpc error: code = Unknown desc = "


@dataclass(eq=False)
class StartRefused(Exception):
    """A container cannot be started now; `reason` and `message` become its waiting state."""

    reason: str
    message: str

    def __str__(self) -> str:
        return self.message


@dataclass(eq=False)
class MountFailed(Exception):
    """A volume cannot be set up now; told as a FailedMount event and tried again."""

    volume: str
    message: str

    def __str__(self) -> str:
        return f'MountVolume.SetUp failed for volume "{self.volume}" : {self.message}'


class NotAttached(Exception):
    """A network volume is not attached to the node (yet): waited for in silence, like by a kubelet."""


def config_error(message: str) -> StartRefused:
    """What the container asks for is missing or contradicts itself."""
    return StartRefused("CreateContainerConfigError", message)
