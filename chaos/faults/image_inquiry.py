"""image-inquiry: an auditor asks of each running container which bytes these are, and who has looked at them.

Nothing is changed and nothing is read off a manifest: which bytes run is for the runtime to say (`imageID` in the pod's
status), and who looked at them for the scan reports in the workload's namespace (see `chaos.scans`).
"""

from datetime import date

from chaos.faults.kind import Arena, FaultKind, FaultRefused, Injury, Params, Sighting
from chaos.kube import Obj
from chaos.needs import Needs
from chaos.promise import Time
from chaos.scans import LABEL, Scan, Unreadable, carried, digest_of
from loadgen.units import Duration

STATUSES = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")


class ImageInquiry(Params):
    """`max_age`: how old a report may be. `day`: the day of the inquiry, if it is not to be the run's own."""

    max_age: Time = Duration(30 * 24 * 3600)
    day: date | None = None


def inject(arena: Arena, params: ImageInquiry) -> list[Injury]:
    running = _running(arena)
    if not running:
        raise FaultRefused(f"no container of {arena.target} runs, so there is nothing to ask about")
    day = params.day.isoformat() if params.day else ""
    data = {"day": day, "max_age_seconds": params.max_age.seconds}
    detail = f"an auditor asks about {len(running)} containers of {arena.target}"
    return [Injury(target=arena.target, detail=detail, undo=None, data=data)]


def _running(arena: Arena) -> list[Obj]:
    names = arena.view.pods(arena.target)
    pods = arena.kube.list(f"/api/v1/namespaces/{arena.namespace}/pods")
    return [container for pod in pods if pod["metadata"]["name"] in names for container in _containers(pod)]


def _containers(pod: Obj) -> list[Obj]:
    """What runs in a pod: what it was asked for as, and what the runtime says it is."""
    kinds = ("initContainers", "containers", "ephemeralContainers")
    asked = {c["name"]: c.get("image", "") for kind in kinds for c in pod["spec"].get(kind) or ()}
    return [
        {
            "pod": pod["metadata"]["name"],
            "container": status["name"],
            "asked": asked.get(status["name"], ""),
            "told": status.get("imageID", ""),
        }
        for kind in STATUSES
        for status in (pod.get("status") or {}).get(kind) or ()
        if "running" in (status.get("state") or {})
    ]


def _reports(arena: Arena) -> list[Obj]:
    carriers = arena.kube.list(f"/api/v1/namespaces/{arena.namespace}/configmaps", labelSelector=f"{LABEL}=true")
    return [
        {"name": f"{carrier['metadata']['name']}/{key}", **_report(found)}
        for carrier in carriers
        for key, found in carried(carrier).items()
    ]


def _report(found: Scan | Unreadable) -> Obj:
    if isinstance(found, Unreadable):
        return {"problem": str(found)}
    day = found.day.isoformat() if found.day else ""
    return {"digests": list(found.digests), "day": day, "fixable": list(found.fixable)}


def witness(arena: Arena, params: ImageInquiry, injury: Injury) -> Sighting:  # noqa: ARG001  # every fault is called alike
    """What runs and what is reported of it; it bites once the runtime names the bytes of every running container."""
    running, reports = _running(arena), _reports(arena)
    named = sum(bool(digest_of(container["told"])) for container in running)
    detail = (
        f"the runtime names the digest of {named} of {len(running)} running containers; {len(reports)} scan reports"
    )
    return Sighting(
        ok=bool(running) and named == len(running), detail=detail, data={"running": running, "reports": reports}
    )


IMAGE_INQUIRY = FaultKind(
    name="image-inquiry",
    summary="an auditor asks which bytes run, and who has looked at them, when, and what they found",
    params=ImageInquiry,
    exercises=("security",),
    inject=inject,
    witness=witness,
    asks=Needs(permissions=frozenset({"list configmaps"})),
)
