"""TCP checks: a connection that opens is a success."""

import asyncio
import socket

from cluster.kubelet.probes.http import SocketFactory, dial_error
from cluster.kubelet.probes.table import Outcome


async def connect(new_socket: SocketFactory, host: str, port: int, timeout_seconds: float) -> Outcome:
    where = f"{host}:{port}"
    with new_socket(socket.AF_INET) as connection:
        try:
            async with asyncio.timeout(timeout_seconds):
                await asyncio.get_running_loop().sock_connect(connection, (host, port))
        except TimeoutError:
            return Outcome(False, f"dial tcp {where}: i/o timeout")
        except OSError as error:
            return Outcome(False, dial_error(error, where))
    return Outcome(True)
