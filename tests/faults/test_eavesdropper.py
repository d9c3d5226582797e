"""Somebody listens on the way to an Ingress: reads what is sent in plain text, and nothing of what is not."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from chaos.faults.eavesdropper import EAVESDROPPER, Eavesdropper
from chaos.faults.kind import FaultRefused, Sighting
from chaos.kube import Kube, Obj
from tests.faults.stage import Stage, deployment, embedded, stage

pytestmark = pytest.mark.root
PATIENCE_SECONDS = 15.0
SHOP = Path(__file__).parents[2] / "scenarios" / "workloads" / "shop-ingress.yaml"
HOST = "web.shop.example"
WEB: Obj = {
    "name": "web",
    "image": "python:3.12-slim",
    "command": ["python3", "-m", "http.server", "8000"],
    "ports": [{"containerPort": 8000}],
    "readinessProbe": {"tcpSocket": {"port": 8000}, "periodSeconds": 1},
}
SERVICE: Obj = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"ports": [{"port": 80, "targetPort": 8000}], "selector": {"app": "web"}},
}


@pytest.fixture(scope="module")
def kube() -> Iterator[Kube]:
    with embedded() as found:
        yield found


def secret() -> Obj:
    found: Obj = next(o for o in yaml.safe_load_all(SHOP.read_text()) if o["kind"] == "Secret")
    return found


def ingress(class_name: str = "nginx", **spec: object) -> Obj:
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}
    rules = [{"host": HOST, "http": {"paths": [path]}}]
    whole = {"ingressClassName": class_name, "rules": rules, **spec}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web"}, "spec": whole}


def looks(web: Stage, wanted: int = 2) -> list[Sighting]:
    """What the witness sees, once the visitor is served, so many times."""
    (injury,) = EAVESDROPPER.inject(web.arena, Eavesdropper())
    seen: list[Sighting] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(seen) < wanted and time.monotonic() < deadline:
        look = EAVESDROPPER.witness(web.arena, Eavesdropper(), injury)
        seen += [look] if look.ok else []
        time.sleep(1)
    return seen


def test_in_plain_text_the_password_is_read(kube: Kube) -> None:
    with stage(kube, [SERVICE, ingress(), deployment(containers=[WEB])]) as web:
        *_, last = looks(web)
        assert (last.data["way"], last.data["answer"], last.data["read"]) == ("http", "200", "yes")


def test_with_a_certificate_the_visitor_is_sent_on_and_nothing_is_read(kube: Kube) -> None:
    tls = [{"hosts": [HOST], "secretName": "shop-tls"}]
    with stage(kube, [secret(), SERVICE, ingress(tls=tls), deployment(containers=[WEB])]) as web:
        *_, last = looks(web)
        assert (last.data["way"], last.data["answer"], last.data["read"]) == ("https", "200", "no")
        assert int(last.data["passed"]) > 0


def test_a_certificate_that_nobody_trusts_proves_nothing(kube: Kube) -> None:
    """The ingress shows one of its own where the Secret is missing; a visitor who knows better says nothing."""
    tls = [{"hosts": [HOST]}]
    with stage(kube, [SERVICE, ingress(tls=tls), deployment(containers=[WEB])]) as web:
        (injury,) = EAVESDROPPER.inject(web.arena, Eavesdropper())
        time.sleep(3)
        look = EAVESDROPPER.witness(web.arena, Eavesdropper(), injury)
        assert not look.ok
        assert "certificate" in look.detail


@pytest.mark.parametrize(
    ("objects", "why"), [([], "no Ingress with a host"), ([ingress("somebody-else")], "no ingress controller took")]
)
def test_without_a_door_that_somebody_serves_it_is_refused(kube: Kube, objects: list[Obj], why: str) -> None:
    with stage(kube, [SERVICE, *objects, deployment(containers=[WEB])]) as web:
        with pytest.raises(FaultRefused, match=why):
            EAVESDROPPER.inject(web.arena, Eavesdropper())
        assert len(web.undos) == 1
