"""Endpoints that somebody wrote by hand, mirrored into EndpointSlices: nothing routes by Endpoints.

For Services without a selector only; those with one get their slices from the pods. One slice a subset, owned by the
Endpoints and named after them.
"""

from dataclasses import dataclass

from cluster.client import Client, NotFound, Obj
from cluster.controllers.context import Context
from cluster.controllers.endpointslices import MANAGED_BY_LABEL, RESOURCE, SERVICE_LABEL
from cluster.controllers.loop import Controller, own_key
from cluster.controllers.services import SETTLE_SECONDS
from cluster.objects import Key, controller_reference, is_going, labels_of

MANAGER = "endpointslicemirroring-controller.k8s.io"
SKIP_LABEL = "endpointslice.kubernetes.io/skip-mirror"


def controller(context: Context) -> Controller:
    return Controller(
        name="endpointslice-mirroring",
        watches={"endpoints": own_key, "services": own_key},
        reconcile=_Reconciler(context.client).reconcile,
        settle_seconds=SETTLE_SECONDS,
    )


@dataclass(frozen=True, slots=True)
class _Reconciler:
    client: Client

    async def reconcile(self, key: Key) -> None:
        mine = f"{SERVICE_LABEL}={key.name},{MANAGED_BY_LABEL}={MANAGER}"
        present = self.client.list(RESOURCE, key.namespace, labels=mine)
        wanted = self._wanted(key)
        for slice, old in zip(wanted, present, strict=False):
            if (slice["endpoints"], slice["ports"]) != (old.get("endpoints") or [], old.get("ports") or []):
                self.client.update(RESOURCE, {**old, "endpoints": slice["endpoints"], "ports": slice["ports"]})
        for slice in wanted[len(present) :]:
            self.client.create(RESOURCE, slice, key.namespace)
        for old in present[len(wanted) :]:
            self.client.delete(RESOURCE, old["metadata"]["name"], key.namespace, uid=old["metadata"]["uid"])

    def _wanted(self, key: Key) -> list[Obj]:
        try:
            service = self.client.get("services", key.name, key.namespace)
            endpoints = self.client.get("endpoints", key.name, key.namespace)
        except NotFound:
            return []
        skipped = labels_of(endpoints).get(SKIP_LABEL) == "true"
        selected = bool(service["spec"].get("selector"))
        return [] if selected or is_going(endpoints) or skipped else slices_of(endpoints)


def slices_of(endpoints: Obj) -> list[Obj]:
    """The slices that show the same addresses. Pure."""
    name = endpoints["metadata"]["name"]
    metadata = {
        "generateName": f"{name}-",
        "labels": {**labels_of(endpoints), SERVICE_LABEL: name, MANAGED_BY_LABEL: MANAGER},
        "ownerReferences": [controller_reference(endpoints)],
    }
    return [
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": metadata,
            "addressType": "IPv4",
            "endpoints": [*_endpoints(subset, ready=True), *_endpoints(subset, ready=False)],
            "ports": [{"name": "", **port} for port in subset.get("ports") or ()],
        }
        for subset in endpoints.get("subsets") or ()
    ]


def _endpoints(subset: Obj, *, ready: bool) -> list[Obj]:
    listed = subset.get("addresses" if ready else "notReadyAddresses") or ()
    kept = ("hostname", "nodeName", "targetRef")
    return [
        {
            "addresses": [address["ip"]],
            "conditions": {"ready": ready},
            **{key: address[key] for key in kept if address.get(key)},
        }
        for address in listed
    ]
