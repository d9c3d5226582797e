"""rollout: the target is rolled out anew, with nothing changed, while records are written through whoever is Ready.

What `kubectl rollout restart` does, and every deploy with it. A rollout that starts the new pod before the old one has
ended has, for a while, two programs at work on whatever both have mounted.
"""

import time
from collections.abc import Iterator

from pydantic import Field

from chaos.faults.kind import Arena, Deed, FaultKind, FaultRefused, Injury, Params, Sighting
from chaos.faults.records import RECORDS, Written, is_serving, pods_of_target, read_back, write, write_one
from chaos.faults.restart import path_of_target, restart
from chaos.kube import KubeError, Obj
from chaos.needs import NEW_REVISION, PROXY, Needs
from loadgen.units import Duration

PACE = Duration(0.1)
BURST = 8


class Rollout(Params):
    """So many `records` are written to the app's `path` before the rollout, and eight a second until it is over."""

    records: int = Field(default=20, ge=1, le=200)
    path: str = Field(default="/orders", pattern="^/")


def inject(arena: Arena, params: Rollout) -> list[Injury]:
    path = path_of_target(arena)
    old = pods_of_target(arena)
    serving = [pod for pod in old if is_serving(pod)]
    if not serving:
        raise FaultRefused(f"{arena.target} has no Ready pod")
    written = write(arena, serving[0], params.path, params.records)
    restart(arena, path)
    # `go_on` adds to what was acknowledged, and the witness asks for all of it.
    data = {"old": [pod["metadata"]["uid"] for pod in old], "acknowledged": written}
    return [Injury(target=arena.target, detail=f"{arena.target} is rolled out anew", undo=None, data=data)]


def go_on(arena: Arena, params: Rollout, injury: Injury) -> Iterator[Deed]:
    """Write for most of a second, through each Ready pod in turn, as users do, until the rollout is over."""
    if _is_over(pods_of_target(arena), injury):
        return
    written = Written()
    for n in range(BURST):
        pods = [pod for pod in pods_of_target(arena) if is_serving(pod)]
        try:
            written += [write_one(arena, pods[n % len(pods)], params.path)] if pods else []
        except (KubeError, KeyError, TypeError, ValueError):
            continue  # what is not acknowledged is not missed
        finally:
            time.sleep(PACE.seconds)
    injury.data["acknowledged"] += written
    detail = f"{len(written)} of {BURST} records were acknowledged while {injury.target} was rolled out"
    yield Deed(target=injury.target, ok=bool(written), detail=detail, data={"acknowledged": written})


def _is_over(pods: list[Obj], injury: Injury) -> bool:
    return not any(p["metadata"]["uid"] in injury.data["old"] for p in pods) and any(is_serving(p) for p in pods)


def witness(arena: Arena, params: Rollout, injury: Injury) -> Sighting:
    """Are all old pods gone and is a new one Ready, and what does it give back?"""
    pods = pods_of_target(arena)
    if not _is_over(pods, injury):
        left = sum(p["metadata"]["uid"] in injury.data["old"] for p in pods)
        return Sighting(ok=False, detail=f"the rollout of {injury.target} is not over; {left} old pods are there")
    new = next(pod for pod in pods if is_serving(pod))
    before = f"{injury.target} was rolled out anew"
    told, figures = read_back(arena, new, params.path, injury.data["acknowledged"], before)
    return Sighting(ok=True, detail=told, data=figures)


ROLLOUT = FaultKind(
    name="rollout",
    summary="the target is rolled out anew while records are written, and what was acknowledged is asked for again",
    params=Rollout,
    exercises=("storage",),
    inject=inject,
    go_on=go_on,
    witness=witness,
    needs=RECORDS,
    asks=Needs(permissions=PROXY | NEW_REVISION),
)
