"""What the tests of real containers work at."""

import secrets
from pathlib import Path
from typing import Any

from cluster.config import ClusterConfig
from cluster.runtime.runc import Runc
from cluster.runtime.spec import ContainerSpec, Exit, Security


class Bench:
    """Makes, runs and forgets containers."""

    def __init__(self, config: ClusterConfig, runtime: Runc, netns: Path) -> None:
        self.runtime = runtime
        self.pod = f"{config.cgroup}/node1/pod"
        self._config = config
        self._netns = netns
        self.started: list[str] = []

    def spec(self, *argv: str, image: str = "python:3.12-slim", **changes: Any) -> ContainerSpec:
        id = secrets.token_hex(32)
        known = self.runtime.image(image)
        values: dict[str, Any] = {
            "id": id,
            "name": "main",
            "pod_uid": "pod",
            "node": "node1",
            "image": image,
            "argv": argv,
            "env": known.env,
            "cwd": known.cwd,
            "hostname": "the-pod",
            "netns": self._netns,
            "cgroup": self.pod,
            "log_path": self._config.state_dir / "logs" / f"{id}.log",
            "security": Security(uid=0, gid=0),
        }
        return ContainerSpec(**values | changes)

    async def start(self, *argv: str, **changes: Any) -> ContainerSpec:
        spec = self.spec(*argv, **changes)
        await self.runtime.start(spec)
        self.started.append(spec.id)
        return spec

    async def run(self, *argv: str, **changes: Any) -> tuple[Exit, str]:
        """To the end: how it ended, and what it said."""
        spec = await self.start(*argv, **changes)
        return await self.runtime.wait(spec.id), said(spec)


def said(spec: ContainerSpec) -> str:
    """The text of a container's log, whatever the stream."""
    lines = [line.split(" ", 3) for line in spec.log_path.read_text().splitlines()]
    return "".join(text + ("\n" if tag == "F" else "") for _, _, tag, text in lines)
