"""Short ways to write the API objects that the network reads."""

from typing import Any

from cluster.client import Obj


def service(name: str, address: str, *ports: dict[str, Any], namespace: str = "default", **spec: Any) -> Obj:
    ports = ports or ({"port": 80, "protocol": "TCP"},)
    metadata = {"name": name, "namespace": namespace}
    return {"metadata": metadata, "spec": {"clusterIP": address, "ports": list(ports), **spec}}


def endpoint(address: str, node: str = "node1", **conditions: bool) -> dict[str, Any]:
    conditions = {"ready": True, "serving": True, "terminating": False, **conditions}
    return {"addresses": [address], "nodeName": node, "conditions": conditions}


def endpoint_slice(
    service: str, *endpoints: dict[str, Any], port: int = 8080, namespace: str = "default", **more: Any
) -> Obj:
    labels = {"kubernetes.io/service-name": service}
    return {
        "metadata": {"name": more.pop("name", service), "namespace": namespace, "labels": labels},
        "addressType": "IPv4",
        "ports": more.pop("ports", [{"name": "", "port": port, "protocol": "TCP"}]),
        "endpoints": list(endpoints),
    }


def pod(
    name: str, address: str = "", node: str = "node1", *, namespace: str = "default", uid: str = "", **labels: str
) -> Obj:
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": uid or name, "labels": labels},
        "spec": {"nodeName": node, "containers": [{"name": "main", "ports": [{"name": "web", "containerPort": 8080}]}]},
        "status": {"phase": "Running", **({"podIP": address} if address else {})},
    }


def namespace(name: str, **labels: str) -> Obj:
    return {"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name, **labels}}}


def policy(name: str, spec: dict[str, Any], namespace: str = "default") -> Obj:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec}
