"""No field of a pod or a Service that changes behaviour is accepted and ignored: what is not done is refused."""

from typing import Any

import pytest

from cluster.api.resources import registry
from cluster.client import NotImplementedHere, Obj


def refusals(key: str, obj: Obj) -> list[str]:
    resource = registry[key]
    resource.defaults(obj)
    return [refusal.message for refusal in resource.unsupported(obj)]


def pod(container: dict[str, Any], **spec: Any) -> Obj:
    return {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i", **container}], **spec}}


@pytest.mark.parametrize(
    ("container", "named"),
    [
        ({"ports": [{"containerPort": 1, "hostPort": 1, "protocol": "SCTP"}]}, "ports[0].protocol: SCTP"),
        ({"ports": [{"containerPort": 1, "hostPort": 1, "hostIP": "10.0.0.1"}]}, "ports[0].hostIP"),
        ({"volumeMounts": [{"name": "v", "mountPath": "/v", "mountPropagation": "Bidirectional"}]}, "mountPropagation"),
        ({"volumeMounts": [{"name": "v", "mountPath": "/v", "recursiveReadOnly": "Enabled"}]}, "recursiveReadOnly"),
        ({"env": [{"name": "A", "valueFrom": {"fileKeyRef": {"volumeName": "v"}}}]}, "valueFrom.fileKeyRef"),
        ({"resources": {"claims": [{"name": "gpu"}]}}, "resources.claims"),
    ],
)
def test_of_a_container(container: dict[str, Any], named: str) -> None:
    (refusal,) = refusals("pods", pod(container))
    assert refusal.startswith("spec.containers[0].")
    assert named in refusal


def test_of_a_pod() -> None:
    (refusal,) = refusals("pods", pod({}, securityContext={"supplementalGroupsPolicy": "Strict"}))
    assert "spec.securityContext.supplementalGroupsPolicy: Strict" in refusal


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("trafficDistribution", "PreferClose"),
        ("healthCheckNodePort", 31000),
        ("externalIPs", ["192.0.2.1"]),
        ("ports", [{"port": 80, "protocol": "SCTP"}]),
    ],
)
def test_of_a_service(field: str, value: object) -> None:
    ports: list[Obj] = [{"port": 80}]
    (refusal,) = refusals("services", {"metadata": {"name": "s"}, "spec": {"ports": ports, field: value}})
    assert refusal.startswith(f"spec.{field}")


def test_what_is_done_anyway_is_not_refused() -> None:
    port = {"containerPort": 80, "hostPort": 80}
    mount = {"name": "v", "mountPath": "/v", "mountPropagation": "None", "recursiveReadOnly": "Disabled"}
    assert refusals("pods", pod({"ports": [port], "volumeMounts": [mount]})) == []
    assert NotImplementedHere("x").code == 501
