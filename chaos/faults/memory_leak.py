"""memory-leak: from now on every request leaves memory behind in some pods of the target. Traffic grows it."""

from typing import Annotated

from pydantic import Field, PlainSerializer, PlainValidator

from chaos.faults.app import ENDPOINTS, ask, injure, restarted, silent
from chaos.faults.kind import Arena, FaultKind, Injury, Params, Sighting
from chaos.kube import KubeError
from chaos.needs import PROXY, Needs
from loadgen.units import Size

# Less growth than this could be the app's ordinary breathing.
GROWTH_THAT_COUNTS = Size.parse("16Mi")


class MemoryLeak(Params):
    """`pods` of the target leak `per_request` with every request they serve."""

    pods: int = Field(default=1, ge=1)
    per_request: Annotated[
        Size, PlainValidator(lambda v: v if isinstance(v, Size) else Size.parse(str(v))), PlainSerializer(str)
    ] = Size.parse("1Mi")


def inject(arena: Arena, params: MemoryLeak) -> list[Injury]:
    return injure(
        arena,
        params.pods,
        f"/chaos/leak?per_request={params.per_request.bytes}",
        f"a leak of {params.per_request} per request",
    )


def witness(arena: Arena, params: MemoryLeak, injury: Injury) -> Sighting:  # noqa: ARG001  # every witness is called alike
    """Resident memory as the kernel counts it, or the OOM kill itself."""
    ended = restarted(arena, injury)
    if ended is not None:
        return _end(injury, ended)
    try:
        now = ask(arena, "GET", injury.target, injury.data["port"], "/chaos/status")
    except KubeError as error:
        return Sighting(ok=False, detail=f"pod {injury.target} did not tell its memory: {silent(error)}")
    grown = now["rss_bytes"] - injury.data["before"]["rss_bytes"]
    detail = f"pod {injury.target} holds {Size(now['rss_bytes'])}, {Size(max(0, grown))} more than before"
    return Sighting(ok=grown >= GROWTH_THAT_COUNTS.bytes, detail=detail, data={"rss_bytes": now["rss_bytes"]})


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
    summary="every request leaves memory behind in some pods of the target",
    params=MemoryLeak,
    exercises=("resources",),
    inject=inject,
    witness=witness,
    needs=ENDPOINTS,
    node_wide=True,
    asks=Needs(permissions=PROXY),
)
