"""What Endpoints and EndpointSlices have in common: which pods stand behind a Service, and under which ports. Pure,
but for the list of Services that may select a changed pod.
"""

from collections.abc import Callable, Iterable, Iterator

from cluster.client import Client, Obj, WatchEvent
from cluster.objects import Key, is_going, is_pod_finished, is_pod_ready, key_of, labels_of, node_of

TRIGGER_TIME = "endpoints.kubernetes.io/last-change-trigger-time"
SETTLE_SECONDS = 0.005
"""Pods of a Service change in groups; a moment's wait turns a group into one write. A real cluster needs about 15 ms
from the pod's status to the endpoint (recordings)."""

HEADLESS_LABEL = "service.kubernetes.io/headless"


def affected_services(client: Client) -> Callable[[WatchEvent], Iterable[Key]]:
    """The Services that select the changed pod, before or after, if anything that endpoints show has changed."""

    def keys(event: WatchEvent) -> Iterable[Key]:
        pod, old = event.object, event.old
        if event.type == "MODIFIED" and old is not None and _shown(old) == _shown(pod):
            return
        for service in client.list("services", pod["metadata"]["namespace"]):
            if selects(service, pod) or (old is not None and selects(service, old)):
                yield key_of(service)

    return keys


def selects(service: Obj, pod: Obj) -> bool:
    """A Service without selector selects nothing; somebody else keeps its endpoints."""
    selector: dict[str, str] = service["spec"].get("selector") or {}
    return bool(selector and selector.items() <= labels_of(pod).items())


def has_selector(service: Obj) -> bool:
    return bool(service["spec"].get("selector")) and service["spec"].get("type") != "ExternalName"


def is_headless(service: Obj) -> bool:
    return bool(service["spec"].get("clusterIP") == "None")


def publishes_not_ready(service: Obj) -> bool:
    return bool(service["spec"].get("publishNotReadyAddresses"))


def backends(client: Client, service: Obj) -> Iterator[Obj]:
    """The selected pods that have an address and have not ended; going ones included."""
    for pod in client.list("pods", service["metadata"]["namespace"]):
        if selects(service, pod) and pod_address(pod) and not is_pod_finished(pod):
            yield pod


def pod_address(pod: Obj) -> str:
    return str((pod.get("status") or {}).get("podIP") or "")


def endpoint_ports(service: Obj, pod: Obj) -> list[Obj]:
    """The Service's ports as this pod serves them; a named port that the pod does not have is left out."""
    ports = []
    for port in service["spec"].get("ports") or ():
        number = target_port(port, pod)
        if number is not None:
            optional = {k: port[k] for k in ("appProtocol",) if k in port}
            ports.append(
                {"name": port.get("name", ""), "protocol": port.get("protocol", "TCP"), "port": number, **optional}
            )
    return ports


def target_port(port: Obj, pod: Obj) -> int | None:
    """The number of a Service port's target in this pod, looked up among its container ports if it is a name."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    for container in [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())]:
        for offered in container.get("ports") or ():
            if offered.get("name") == target and offered.get("protocol", "TCP") == port.get("protocol", "TCP"):
                return int(offered["containerPort"])
    return None


def pod_reference(pod: Obj) -> Obj:
    metadata = pod["metadata"]
    return {"kind": "Pod", "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"]}


def hostname_of(pod: Obj, service: Obj) -> str:
    """The pod's own name below the Service's, for headless Services."""
    spec = pod["spec"]
    in_domain = spec.get("subdomain") == service["metadata"]["name"]
    return str(spec.get("hostname") or "") if in_domain else ""


def _shown(pod: Obj) -> tuple[object, ...]:
    return (
        pod_address(pod),
        is_pod_ready(pod),
        is_pod_finished(pod),
        is_going(pod),
        node_of(pod),
        labels_of(pod),
        pod["spec"].get("hostname"),
        pod["spec"].get("subdomain"),
    )
