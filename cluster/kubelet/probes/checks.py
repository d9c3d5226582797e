"""From a probe in a manifest to the check that it asks for."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cluster.client import Obj
from cluster.kubelet.errors import RPC_UNKNOWN, StartRefused
from cluster.kubelet.probes import grpc, tcp
from cluster.kubelet.probes.http import HttpClient, SocketFactory
from cluster.kubelet.probes.table import CheckErrored, Outcome
from cluster.kubelet.probes.target import headers, port_number, url
from cluster.runtime.spec import Runtime, StartFailed

_OUTPUT_BYTES = 10 * 1024

Check = Callable[[], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checker:
    """What the checks of one node need."""

    runtime: Runtime
    http: HttpClient
    new_socket: SocketFactory

    async def check(self, probe: Obj, container: Obj, container_id: str, address: str) -> Outcome:
        """Run the probe's check once, within its timeout. Raises `CheckErrored`."""
        timeout = probe.get("timeoutSeconds") or 1
        try:
            return await self._check(probe, container, container_id, address, timeout)
        except StartFailed as failed:
            raise CheckErrored(f"{RPC_UNKNOWN}{failed}") from failed
        except StartRefused as refused:
            raise CheckErrored(str(refused)) from refused

    async def _check(self, probe: Obj, container: Obj, container_id: str, address: str, timeout: float) -> Outcome:
        if "exec" in probe:
            return await self._exec(tuple(probe["exec"].get("command") or ()), container_id, timeout)
        if "httpGet" in probe:
            action = probe["httpGet"]
            return await self.http.get(url(container, action, address), headers(action), timeout)
        if "tcpSocket" in probe:
            action = probe["tcpSocket"]
            host, port = action.get("host") or address, port_number(container, action["port"])
            return await tcp.connect(self.new_socket, host, port, timeout)
        if "grpc" in probe:
            service = probe["grpc"].get("service") or ""
            return await grpc.check(self.new_socket, address, int(probe["grpc"]["port"]), service, timeout)
        raise CheckErrored("missing probe handler")

    async def _exec(self, command: tuple[str, ...], container_id: str, timeout: float) -> Outcome:
        result = await self.runtime.exec(container_id, command, timeout)
        if result.timed_out:
            return Outcome(False, f'command timed out: "{" ".join(command)}" timed out after {timeout:g}s')
        output = result.output[:_OUTPUT_BYTES].decode(errors="replace")
        return Outcome(result.code == 0, output)
