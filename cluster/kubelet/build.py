"""One container of a pod as the runtime wants it. Pure, but for what its arguments read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster.client import Obj
from cluster.kubelet import podspec, security
from cluster.kubelet.errors import StartRefused
from cluster.kubelet.expansion import expand
from cluster.kubelet.resources import container_limits
from cluster.runtime.spec import ContainerSpec, Image, Mount


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A pod's place on its node: network namespace, cgroup, and its folders in memory and on disk."""

    address: str
    netns: Path
    cgroup: str
    memory: Path
    disk: Path

    def log(self, container: str, attempt: int) -> Path:
        """The log of a container's run number `attempt` (from 0)."""
        return self.disk / f"{container}.{attempt}.log"

    def termination_log(self, container: str, attempt: int) -> Path:
        """What a container may write its last words to."""
        return self.memory / f"{container}.{attempt}.last-words"


def container_spec(
    pod: Obj,
    container: Obj,
    image: Image,
    *,
    id: str,
    attempt: int,
    sandbox: Sandbox,
    environment: Mapping[str, str],
    mounts: Sequence[Mount],
    capacity_bytes: int,
    pids_of: str = "",
) -> ContainerSpec:
    """`pids_of` is the id of the container whose processes it shares.

    Raises `StartRefused` when the container cannot be what it asks to be.
    """
    return ContainerSpec(
        id=id,
        name=container["name"],
        pod_uid=pod["metadata"]["uid"],
        node=pod["spec"]["nodeName"],
        image=image.name,
        argv=argv(container, image, environment),
        env=(*_terminal(container), *environment.items()),
        cwd=container.get("workingDir") or image.cwd or "/",
        hostname=podspec.hostname(pod),
        netns=sandbox.netns,
        cgroup=sandbox.cgroup,
        log_path=sandbox.log(container["name"], attempt),
        mounts=(*_own_mounts(container, sandbox, attempt), *mounts),
        pids_of=pids_of,
        node_pids=bool(pod["spec"].get("hostPID")),
        node_ipc=bool(pod["spec"].get("hostIPC")),
        stdin=bool(container.get("stdin")),
        stdin_once=bool(container.get("stdinOnce")),
        tty=bool(container.get("tty")),
        security=security.effective(pod, container, image),
        limits=container_limits(pod, container, capacity_bytes),
    )


def _terminal(container: Obj) -> list[tuple[str, str]]:
    return [("TERM", "xterm")] if container.get("tty") else []


def argv(container: Obj, image: Image, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The command line: `command` replaces the image's entrypoint and command, `args` its command."""
    command = [expand(word, environment) for word in container.get("command") or ()]
    arguments = [expand(word, environment) for word in container.get("args") or ()]
    words = [*(command or image.entrypoint), *(arguments or (() if command else image.command))]
    if not words:
        raise StartRefused("CreateContainerError", "no command specified")
    return tuple(words)


def _own_mounts(container: Obj, sandbox: Sandbox, attempt: int) -> list[Mount]:
    last_words = container.get("terminationMessagePath") or "/dev/termination-log"
    return [
        Mount(destination="/etc/hosts", source=sandbox.memory / "etc-hosts"),
        Mount(destination="/etc/resolv.conf", source=sandbox.memory / "resolv.conf"),
        Mount(destination="/etc/hostname", source=sandbox.memory / "hostname"),
        Mount(destination=last_words, source=sandbox.termination_log(container["name"], attempt)),
    ]
