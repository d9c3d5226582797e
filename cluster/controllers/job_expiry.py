"""Jobs that ended are deleted ttlSecondsAfterFinished later, with their pods."""

from dataclasses import dataclass

from cluster.client import NotFound, Obj
from cluster.controllers.context import Context
from cluster.controllers.job import RESOURCE
from cluster.controllers.loop import Controller, own_key
from cluster.objects import Key, is_going
from cluster.timestamps import parse_time


def controller(context: Context) -> Controller:
    return Controller(name="job-expiry", watches={RESOURCE: own_key}, reconcile=_Reconciler(context).reconcile)


@dataclass(frozen=True, slots=True)
class _Reconciler:
    context: Context

    async def reconcile(self, key: Key) -> float | None:
        client = self.context.client
        try:
            job = client.get(RESOURCE, key.name, key.namespace)
        except NotFound:
            return None
        end = expires_at(job)
        if end is None or is_going(job):
            return None
        left = end - self.context.clock()
        if left <= 0:
            client.delete(RESOURCE, *reversed(key), uid=job["metadata"]["uid"], propagation="Foreground")
        return left if left > 0 else None


def expires_at(job: Obj) -> float | None:
    """Seconds since 1970; None for a Job that goes on or stays for ever. Pure."""
    ttl = job["spec"].get("ttlSecondsAfterFinished")
    conditions = (job.get("status") or {}).get("conditions") or ()
    ends = [c for c in conditions if c["type"] in ("Complete", "Failed") and c["status"] == "True"]
    return None if ttl is None or not ends else parse_time(ends[0]["lastTransitionTime"]) + ttl
