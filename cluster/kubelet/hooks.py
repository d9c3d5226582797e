"""Lifecycle hooks: postStart and preStop by exec, httpGet or sleep."""

import asyncio

from cluster.client import Obj
from cluster.kubelet.errors import RPC_UNKNOWN, StartRefused
from cluster.kubelet.machine import Machine
from cluster.kubelet.names import full_name
from cluster.kubelet.probes.target import headers, url
from cluster.runtime.spec import StartFailed

_OUTPUT_BYTES = 4096


class HookFailed(Exception):
    """A hook did not succeed; the message is the kubelet's."""


async def run_hook(
    machine: Machine, hook: Obj, *, pod: Obj, container: Obj, container_id: str, address: str, timeout_seconds: float
) -> None:
    """Run it to its end, within the time-out. Raises `HookFailed`."""
    where = f'for Container "{container["name"]}" in Pod "{full_name(pod)}" failed - error'
    if "sleep" in hook:
        await asyncio.sleep(min(float(hook["sleep"]["seconds"]), timeout_seconds))
    elif "exec" in hook:
        command = tuple(hook["exec"].get("command") or ())
        await _exec(machine, command, container_id, timeout_seconds, where)
    elif "httpGet" in hook:
        await _http(machine, hook["httpGet"], container, address, timeout_seconds, where)
    else:
        raise HookFailed(f"lifecycle hook {', '.join(hook)} {where}: not supported here")


async def _exec(machine: Machine, command: tuple[str, ...], container_id: str, timeout: float, where: str) -> None:
    words = " ".join(command)
    try:
        result = await machine.runtime.exec(container_id, command, timeout)
    except StartFailed as failed:
        raise HookFailed(f'Exec lifecycle hook ([{words}]) {where}: {RPC_UNKNOWN}{failed}, message: ""') from failed
    if result.timed_out:
        raise HookFailed(f"Exec lifecycle hook ([{words}]) {where}: command '{words}' timed out")
    if result.code:
        output = result.output[:_OUTPUT_BYTES].decode(errors="replace")
        quoted = output.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        text = f"command '{words}' exited with {result.code}: , message: \"{quoted}\""
        raise HookFailed(f"Exec lifecycle hook ([{words}]) {where}: {text}")


async def _http(machine: Machine, action: Obj, container: Obj, address: str, timeout: float, where: str) -> None:
    path = action.get("path") or "/"
    try:
        outcome = await machine.checker.http.get(url(container, action, address), headers(action), timeout)
    except StartRefused as refused:
        raise HookFailed(f"HTTP lifecycle hook ({path}) {where}: {refused.message}") from refused
    if not outcome.success:
        raise HookFailed(f"HTTP lifecycle hook ({path}) {where}: {outcome.message}")
