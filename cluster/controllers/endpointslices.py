"""EndpointSlices: what the network and DNS route by. Up to 100 endpoints a slice, those with the same ports together.

Going pods stay listed as terminating: not ready, but serving while their readiness holds (KEP-1672). Endpoints keep
their place, new ones are appended, as recorded in `rolling-update-good`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cluster.client import NotFound, Obj, WatchEvent
from cluster.controllers.context import Context
from cluster.controllers.loop import Controller, own_key
from cluster.controllers.services import (
    HEADLESS_LABEL,
    SETTLE_SECONDS,
    TRIGGER_TIME,
    affected_services,
    backends,
    endpoint_ports,
    has_selector,
    hostname_of,
    is_headless,
    pod_address,
    pod_reference,
    publishes_not_ready,
)
from cluster.objects import (
    Key,
    annotations_of,
    controller_reference,
    is_going,
    is_pod_ready,
    key_of,
    labels_of,
    node_of,
)
from cluster.timestamps import format_time

RESOURCE = "endpointslices.discovery.k8s.io"
SERVICE_LABEL = "kubernetes.io/service-name"
MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslice-controller.k8s.io"
ZONE_LABEL = "topology.kubernetes.io/zone"
ENDPOINTS_PER_SLICE = 100


def controller(context: Context) -> Controller:
    return Controller(
        name="endpointslice",
        watches={"services": own_key, "pods": affected_services(context.client), RESOURCE: _service_of},
        reconcile=_Reconciler(context).reconcile,
        settle_seconds=SETTLE_SECONDS,
    )


@dataclass(frozen=True, slots=True)
class _Reconciler:
    context: Context

    async def reconcile(self, key: Key) -> None:
        client = self.context.client
        try:
            service = client.get("services", key.name, key.namespace)
        except NotFound:
            # The slices are owned by the Service: the garbage collector takes them.
            return
        if not has_selector(service) or is_going(service):
            return
        mine = f"{SERVICE_LABEL}={key.name},{MANAGED_BY_LABEL}={MANAGER}"
        present = client.list(RESOURCE, key.namespace, labels=mine)
        self._write(service, present, slices_for(service, list(backends(client, service)), present, self._zones()))

    def _write(self, service: Obj, present: Sequence[Obj], wanted: Sequence[Obj]) -> None:
        client, now = self.context.client, format_time(self.context.clock())
        by_name = {s["metadata"]["name"]: s for s in present}
        for slice in wanted:
            slice["metadata"].setdefault("annotations", {})[TRIGGER_TIME] = now
            old = by_name.pop(slice["metadata"].get("name"), None)
            if old is None:
                client.create(RESOURCE, slice, key_of(service).namespace)
            elif _content(old) != _content(slice):
                client.update(RESOURCE, slice)
        for name, old in by_name.items():
            client.delete(RESOURCE, name, key_of(service).namespace, uid=old["metadata"]["uid"])

    def _zones(self) -> dict[str, str]:
        nodes = self.context.client.list("nodes")
        return {n["metadata"]["name"]: z for n in nodes if (z := labels_of(n).get(ZONE_LABEL))}


def slices_for(service: Obj, pods: Sequence[Obj], present: Sequence[Obj], zones: dict[str, str]) -> list[Obj]:
    """The slices that a Service shall have; those of `present` that stay keep name and metadata. Pure.

    A Service without pods keeps one empty slice.
    """
    places = _places(present)
    ordered = sorted(pods, key=lambda pod: places.get(pod["metadata"]["uid"], len(places)))
    groups: dict[str, tuple[list[Obj], list[Obj]]] = {}
    for pod in ordered:
        ports = endpoint_ports(service, pod)
        groups.setdefault(repr(ports), (ports, []))[1].append(endpoint(service, pod, zones))
    chunks = [(ports, chunk) for ports, all in groups.values() for chunk in _chunks(all)] or [([], [])]
    reused = [*present, *([None] * len(chunks))]
    return [_slice(service, ports, chunk, old) for (ports, chunk), old in zip(chunks, reused, strict=False)]


def endpoint(service: Obj, pod: Obj, zones: dict[str, str]) -> Obj:
    """One endpoint: a pod's address with its three conditions. Pure."""
    serving, going, node = is_pod_ready(pod), is_going(pod), node_of(pod)
    ready = publishes_not_ready(service) or (serving and not going)
    hostname = hostname_of(pod, service)
    return {
        "addresses": [pod_address(pod)],
        "conditions": {"ready": ready, "serving": serving, "terminating": going},
        **({"hostname": hostname} if hostname else {}),
        "targetRef": pod_reference(pod),
        "nodeName": node,
        **({"zone": zones[node]} if node in zones else {}),
    }


def _service_of(event: WatchEvent) -> Iterable[Key]:
    """Somebody may have deleted a slice of ours."""
    name = labels_of(event.object).get(SERVICE_LABEL)
    if event.type == "DELETED" and name and labels_of(event.object).get(MANAGED_BY_LABEL) == MANAGER:
        yield Key(event.object["metadata"]["namespace"], name)


def _places(present: Iterable[Obj]) -> dict[str, int]:
    uids = [(e.get("targetRef") or {}).get("uid", "") for s in present for e in s.get("endpoints") or ()]
    return {uid: i for i, uid in enumerate(uids)}


def _chunks(endpoints: Sequence[Obj]) -> Iterable[Sequence[Obj]]:
    return (endpoints[i : i + ENDPOINTS_PER_SLICE] for i in range(0, len(endpoints), ENDPOINTS_PER_SLICE))


def _slice(service: Obj, ports: Sequence[Obj], endpoints: Sequence[Obj], old: Obj | None) -> Obj:
    labels = {**labels_of(service), SERVICE_LABEL: service["metadata"]["name"], MANAGED_BY_LABEL: MANAGER}
    if is_headless(service):
        labels[HEADLESS_LABEL] = ""
    metadata: Obj = {
        "generateName": f"{service['metadata']['name']}-",
        "ownerReferences": [controller_reference(service)],
    }
    if old is not None:
        metadata = {**old["metadata"], "annotations": {**annotations_of(old)}}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**metadata, "labels": labels},
        "addressType": "IPv4",
        "endpoints": list(endpoints),
        "ports": list(ports) or None,
    }


def _content(slice: Obj) -> object:
    return slice.get("endpoints") or [], slice.get("ports") or [], labels_of(slice)
