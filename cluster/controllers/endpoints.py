"""Endpoints: the older list of a Service's addresses, ready and not ready; going pods are in neither.

Shape and order (addresses sorted) follow the recordings; the capacity rule is Kubernetes' (1000 addresses).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cluster.client import Client, NotFound, Obj
from cluster.controllers.context import Context
from cluster.controllers.loop import Controller, lost_key, own_key
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
from cluster.objects import Key, annotations_of, is_going, is_pod_ready, labels_of, node_of
from cluster.timestamps import format_time

MANAGED_BY = {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}
CAPACITY = 1000
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"


def controller(context: Context) -> Controller:
    return Controller(
        name="endpoints",
        watches={"services": own_key, "pods": affected_services(context.client), "endpoints": lost_key},
        reconcile=_Reconciler(context.client, context.clock).reconcile,
        settle_seconds=SETTLE_SECONDS,
    )


@dataclass(frozen=True, slots=True)
class _Reconciler:
    client: Client
    clock: Callable[[], float]

    async def reconcile(self, key: Key) -> None:
        present = self._present(key)
        try:
            service = self.client.get("services", key.name, key.namespace)
        except NotFound:
            self._forget(key, present)
            return
        if not has_selector(service) or is_going(service):
            return
        wanted = endpoints_for(service, list(backends(self.client, service)))
        wanted["metadata"].setdefault("annotations", {})[TRIGGER_TIME] = format_time(self.clock())
        if present is None:
            self.client.create("endpoints", wanted, key.namespace)
        elif _content(present) != _content(wanted):
            metadata = {**present["metadata"], "labels": wanted["metadata"]["labels"]}
            metadata["annotations"] = {**annotations_of(present), **wanted["metadata"].get("annotations", {})}
            self.client.update("endpoints", {**wanted, "metadata": metadata})

    def _present(self, key: Key) -> Obj | None:
        try:
            return self.client.get("endpoints", key.name, key.namespace)
        except NotFound:
            return None

    def _forget(self, key: Key, present: Obj | None) -> None:
        """The Service is gone: so are its Endpoints, if they were ours."""
        if present is not None and labels_of(present).items() >= MANAGED_BY.items():
            self.client.delete("endpoints", key.name, key.namespace, uid=present["metadata"]["uid"])


def endpoints_for(service: Obj, pods: Sequence[Obj]) -> Obj:
    """The Endpoints of a Service with these backends. Pure."""
    shown = sorted((p for p in pods if publishes_not_ready(service) or not is_going(p)), key=pod_address)
    metadata: Obj = {"name": service["metadata"]["name"], "labels": {**labels_of(service), **MANAGED_BY}}
    if is_headless(service):
        metadata["labels"][HEADLESS_LABEL] = ""
    if len(shown) > CAPACITY:
        metadata["annotations"] = {OVER_CAPACITY: "truncated"}
    subsets = _subsets(service, shown[:CAPACITY])
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata} | ({"subsets": subsets} if subsets else {})


def _subsets(service: Obj, pods: Sequence[Obj]) -> list[Obj]:
    """Ports that are served by the same pods share a subset."""
    served: dict[str, tuple[Obj | None, list[Obj]]] = {}
    for pod in pods:
        ports: list[Obj | None] = [_without_empty_name(port) for port in endpoint_ports(service, pod)]
        for port in ports or ([None] if is_headless(service) else []):
            served.setdefault(repr(port), (port, []))[1].append(pod)
    subsets: dict[tuple[str, ...], Obj] = {}
    for port, serving in served.values():
        who = tuple(pod["metadata"]["uid"] for pod in serving)
        subset = subsets.setdefault(who, {**_addresses(service, serving), "ports": []})
        subset["ports"].extend([port] if port else [])
    return [{key: value for key, value in subset.items() if value} for subset in subsets.values()]


def _addresses(service: Obj, pods: Iterable[Obj]) -> Obj:
    found: Obj = {"addresses": [], "notReadyAddresses": []}
    for pod in pods:
        ready = publishes_not_ready(service) or is_pod_ready(pod)
        found["addresses" if ready else "notReadyAddresses"].append(_address(service, pod))
    return found


def _address(service: Obj, pod: Obj) -> Obj:
    hostname = hostname_of(pod, service)
    return {
        "ip": pod_address(pod),
        **({"hostname": hostname} if hostname else {}),
        "nodeName": node_of(pod),
        "targetRef": pod_reference(pod),
    }


def _without_empty_name(port: Obj) -> Obj:
    return {key: port[key] for key in ("name", "port", "protocol", "appProtocol") if port.get(key)}


def _content(endpoints: Obj) -> object:
    return endpoints.get("subsets") or [], labels_of(endpoints)
