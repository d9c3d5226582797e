"""What an Ingress may say: the real server's checks, and what this cluster's ingress does not do."""

from typing import Any

import pytest

from cluster.api.local import LocalClient
from cluster.client import Invalid, NotImplementedHere

INGRESSES = "ingresses.networking.k8s.io"
SERVICE = {"service": {"name": "web", "port": {"number": 80}}}


def create(client: LocalClient, spec: dict[str, Any], **annotations: str) -> None:
    metadata = {"name": "web", "annotations": {f"nginx.ingress.kubernetes.io/{k}": v for k, v in annotations.items()}}
    client.create(INGRESSES, {"metadata": metadata, "spec": spec}, "default")


def rule(path: str = "/", type: str = "Prefix", host: str = "shop.test", **backend: Any) -> dict[str, Any]:
    paths = [{"path": path, "pathType": type, "backend": backend or SERVICE}]
    return {"rules": [{"host": host, "http": {"paths": paths}}]}


PATH = "spec.rules[0].http.paths[0]"


@pytest.mark.parametrize(
    ("spec", "cause"),
    [
        ({"ingressClassName": "x"}, "either `defaultBackend` or `rules` must be specified"),
        (rule(path="shop"), f'{PATH}.path: Invalid value: "shop": must be an absolute path'),
        (rule(path="/a//b"), f"{PATH}.path: Invalid value: \"/a//b\": must not contain '//'"),
        (rule(path="/.."), f"{PATH}.path: Invalid value: \"/..\": cannot end with '/..'"),
        (rule(type="Regex"), f'{PATH}.pathType: Unsupported value: "Regex"'),
        (rule(host="10.0.0.1"), 'spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address'),
        (rule(host="a.*"), 'spec.rules[0].host: Invalid value: "a.*": a wildcard DNS-1123 subdomain must start'),
        (rule(service={"name": "web"}), f"{PATH}.backend: Required value: port name or number is required"),
        (
            rule(service={"name": "web", "port": {"name": "http", "number": 80}}),
            f'{PATH}.backend: Invalid value: "": cannot set both port name & port number',
        ),
    ],
)
def test_what_cannot_be_routed_is_refused_with_the_field(client: LocalClient, spec: dict[str, Any], cause: str) -> None:
    with pytest.raises(Invalid) as refused:
        create(client, spec)
    assert cause in refused.value.message


def test_annotations_that_would_change_how_it_is_served_are_refused_by_name(client: LocalClient) -> None:
    with pytest.raises(NotImplementedHere, match="rewrite-target"):
        create(client, rule(), **{"rewrite-target": "/$1"})
    create(client, rule(), **{"ssl-redirect": "false"})
