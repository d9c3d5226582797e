"""A command run in a container, as `kubectl exec` runs it: over a web socket, bounded, its output read to the end."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import websocket

from chaos.kube import Kube, KubeError, TimedOut, Unreachable
from loadgen.units import Duration

EXEC_WITHIN = Duration(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended: its exit code, standard output and standard error."""

    code: int
    out: str
    err: str


def run_in(kube: Kube, pod: str, container: str, command: list[str], within: Duration = EXEC_WITHIN) -> Ended:
    """Run `command` in a container of the pod at API path `pod`. Raises `KubeError` when how it ended is not known."""
    from kubernetes.stream.ws_client import WSClient

    query = {"container": container, "command": command, "stdout": "true", "stderr": "true"}
    url = f"{kube.server}{pod}/exec?{urlencode(query, doseq=True)}".replace("http", "ws", 1)
    # The client takes no time-out for the handshake but this one, which is for the whole process; only execs use it.
    websocket.setdefaulttimeout(within.seconds)
    try:
        socket: Any = WSClient(kube.configuration, url, kube.credentials(), capture_all=False)
    except (websocket.WebSocketException, OSError) as error:
        raise Unreachable(f"no command could be run in {pod}: {error}") from error
    try:
        return _outcome(socket, pod, within)
    finally:
        socket.close()


def _outcome(socket: Any, pod: str, within: Duration) -> Ended:
    from kubernetes.stream.ws_client import ERROR_CHANNEL

    try:
        socket.run_forever(timeout=within.seconds)
        if socket.is_open():
            raise TimedOut(f"a command in {pod} did not end within {within}")
        out, err = socket.read_stdout(), socket.read_stderr()
        if not socket.peek_channel(ERROR_CHANNEL):
            raise Unreachable(f"the connection to {pod} ended before the command did")
        return Ended(code=socket.returncode, out=out, err=err)
    except (websocket.WebSocketException, OSError, ValueError, KeyError, IndexError) as error:
        raise KubeError(f"how a command in {pod} ended is not known: {error}") from error
