"""memory-leak: from now on some pods of the target keep more and more memory.

An app that offers the /chaos/ endpoints keeps some of every request, so traffic grows it. In any other a tracer has the
first process map memory, and fills it page by page: `per_second`, whatever is asked of the app.

That memory is the app's own, and so the kernel deals with it as with any leak of it: who holds most is killed first. A
program run beside the app, be it by exec, would only seem to do the same. Under cgroup v1 the kernel kills that program
alone, the app runs on, and nobody calls its container OOMKilled; many small ones would leave the app the largest at its
own limit, but on a full node they would let every neighbour that is larger than one of them be killed before.
"""

from typing import Annotated, Any

from pydantic import Field, PlainSerializer, PlainValidator

from chaos.faults.app import ask, by_endpoint, restarted, silent
from chaos.faults.kind import Arena, FaultKind, Injury, Params, Sighting, pick_pods
from chaos.faults.tracer import NEEDS, by_tracer, last_told
from chaos.kube import KubeError
from chaos.needs import PROXY, TRACE, Needs
from loadgen.units import Size

# Less growth than this could be the app's ordinary breathing.
GROWTH_THAT_COUNTS = Size.parse("16Mi")

Amount = Annotated[
    Size, PlainValidator(lambda v: v if isinstance(v, Size) else Size.parse(str(v))), PlainSerializer(str)
]


class MemoryLeak(Params):
    """`pods` of the target leak `per_request` with every request they serve; without endpoints, `per_second`."""

    pods: int = Field(default=1, ge=1)
    per_request: Amount = Size.parse("1Mi")
    per_second: Amount = Size.parse("16Mi")


def inject(arena: Arena, params: MemoryLeak) -> list[Injury]:
    return [_injure(arena, pod, params) for pod in pick_pods(arena, params.pods)]


def _injure(arena: Arena, pod: str, params: MemoryLeak) -> Injury:
    each, endpoint = params.per_request, f"/chaos/leak?per_request={params.per_request.bytes}"
    if injury := by_endpoint(arena, pod, endpoint, f"a leak of {each} per request"):
        return injury
    return by_tracer(arena, pod, "leak", f"a leak of {params.per_second} per second", params.per_second.bytes)


def witness(arena: Arena, params: MemoryLeak, injury: Injury) -> Sighting:  # noqa: ARG001  # every witness is called alike
    """Resident memory as the kernel counts it, or the OOM kill itself."""
    ended = restarted(arena, injury)
    if ended is not None:
        return _end(injury, ended)
    try:
        now = _told(arena, injury)
    except KubeError as error:
        return Sighting(ok=False, detail=f"pod {injury.target} did not tell its memory: {silent(error)}")
    held = int(now["rss_bytes"])
    grown = held - int(injury.data["before"]["rss_bytes"])
    detail = f"pod {injury.target} holds {Size(held)}, {Size(max(0, grown))} more than before"
    return Sighting(ok=grown >= GROWTH_THAT_COUNTS.bytes, detail=detail, data={"rss_bytes": held})


def _told(arena: Arena, injury: Injury) -> Any:
    """What the app tells of its memory, or the tracer. Raises KubeError."""
    if "tracer" not in injury.data:
        return ask(arena, "GET", injury.target, injury.data["port"], "/chaos/status")
    told = last_told(arena, injury.target)
    if told is None or "rss_bytes" not in told:
        raise KubeError(f"its tracer said: {(told or {}).get('refused', 'nothing of late')}")
    return told


def _end(injury: Injury, container: dict[str, object]) -> Sighting:
    for key in ("state", "last"):
        ended = container.get(key)
        terminated = ended.get("terminated") if isinstance(ended, dict) else None
        if terminated and terminated.get("reason") == "OOMKilled":
            who = f"container {injury.data['container']} of pod {injury.target}"
            return Sighting(ok=True, detail=f"{who} was OOMKilled, exit code {terminated.get('exitCode')}")
    return Sighting(ok=False, detail=f"pod {injury.target} no longer runs what was leaking, and was not OOMKilled")


MEMORY_LEAK = FaultKind(
    name="memory-leak",
    summary="some pods of the target keep more and more memory",
    params=MemoryLeak,
    exercises=("resources",),
    inject=inject,
    witness=witness,
    needs=NEEDS,
    node_wide=True,
    asks=Needs(permissions=PROXY, without_endpoints=TRACE),
)
