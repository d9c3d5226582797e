"""Endpoints that people keep by hand, for Services without a selector, as the EndpointSlices that traffic follows.

Source: the page "Services", "Services without selectors", and the EndpointSlice mirroring it describes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from cluster.client import NotFound, Obj, WatchEvent
from cluster.controllers.context import Context
from cluster.controllers.endpointslices import MANAGED_BY_LABEL, RESOURCE, SERVICE_LABEL
from cluster.controllers.loop import Controller, own_key
from cluster.objects import Key, annotations_of, controller_reference, is_going, labels_of

MANAGER = "endpointslicemirroring-controller.k8s.io"
SKIP_LABEL = "endpointslice.kubernetes.io/skip-mirror"


def controller(context: Context) -> Controller:
    watches = {"endpoints": own_key, "services": own_key, RESOURCE: _endpoints_of}
    return Controller(name="endpointslicemirroring", watches=watches, reconcile=_Reconciler(context).reconcile)


@dataclass(frozen=True, slots=True)
class _Reconciler:
    context: Context

    async def reconcile(self, key: Key) -> None:
        mine = f"{SERVICE_LABEL}={key.name},{MANAGED_BY_LABEL}={MANAGER}"
        present = self.context.client.list(RESOURCE, key.namespace, labels=mine)
        wanted = mirrored(endpoints) if (endpoints := self._mirrored(key)) else []
        for i, slice in enumerate(wanted):
            self._write(key, slice, present[i] if i < len(present) else None)
        for old in present[len(wanted) :]:
            self.context.client.delete(RESOURCE, old["metadata"]["name"], key.namespace)

    def _mirrored(self, key: Key) -> Obj | None:
        """The Endpoints, if there is a Service that leaves them to people."""
        try:
            service = self.context.client.get("services", key.name, key.namespace)
            endpoints = self.context.client.get("endpoints", key.name, key.namespace)
        except NotFound:
            return None
        selected = bool(service["spec"].get("selector"))
        skipped = selected or is_going(endpoints) or labels_of(endpoints).get(SKIP_LABEL) == "true"
        return None if skipped else endpoints

    def _write(self, key: Key, slice: Obj, old: Obj | None) -> None:
        if old is None:
            self.context.client.create(RESOURCE, slice, key.namespace)
        elif _content(old) != _content(slice):
            metadata = {**old["metadata"], "labels": labels_of(slice), "annotations": annotations_of(slice)}
            self.context.client.update(RESOURCE, {**slice, "metadata": metadata})


def mirrored(endpoints: Obj) -> list[Obj]:
    """One slice for each subset. Pure."""
    return [_slice(endpoints, subset) for subset in endpoints.get("subsets") or ()]


def _slice(endpoints: Obj, subset: Obj) -> Obj:
    name = endpoints["metadata"]["name"]
    ready = [_endpoint(address, ready=True) for address in subset.get("addresses") or ()]
    metadata: Obj = {
        "generateName": f"{name}-",
        "labels": {**labels_of(endpoints), SERVICE_LABEL: name, MANAGED_BY_LABEL: MANAGER},
        "annotations": {
            k: v for k, v in annotations_of(endpoints).items() if not k.startswith("kubectl.kubernetes.io/")
        },
        "ownerReferences": [controller_reference(endpoints)],
    }
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": "IPv4",
        "endpoints": ready + [_endpoint(address, ready=False) for address in subset.get("notReadyAddresses") or ()],
        "ports": [{"name": "", "protocol": "TCP", **port} for port in subset.get("ports") or ()],
    }


def _endpoint(address: Obj, *, ready: bool) -> Obj:
    kept = {key: address[key] for key in ("hostname", "nodeName", "targetRef") if address.get(key)}
    return {"addresses": [address["ip"]], "conditions": {"ready": ready}, **kept}


def _endpoints_of(event: WatchEvent) -> Iterable[Key]:
    """Somebody may have deleted a slice of ours."""
    labels = labels_of(event.object)
    if event.type == "DELETED" and labels.get(MANAGED_BY_LABEL) == MANAGER and SERVICE_LABEL in labels:
        yield Key(event.object["metadata"]["namespace"], labels[SERVICE_LABEL])


def _content(slice: Obj) -> object:
    return slice.get("endpoints") or [], slice.get("ports") or [], labels_of(slice), annotations_of(slice)
