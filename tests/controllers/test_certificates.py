"""Certificates are signed once somebody approves, for clients only, and by nobody else's signer."""

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cluster.client import Invalid, Obj
from cluster.objects import CERTIFICATE_REQUESTS
from tests.controllers.world import World

CLIENTS = "kubernetes.io/kube-apiserver-client"


def request_text(user: str = "jane") -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user)])
    signed = x509.CertificateSigningRequestBuilder().subject_name(subject)
    pem = signed.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return base64.b64encode(pem.public_bytes(serialization.Encoding.PEM)).decode()


def ask(world: World, **spec: object) -> Obj:
    asked = {"request": request_text(), "signerName": CLIENTS, "usages": ["client auth"], **spec}
    return world.client.create(CERTIFICATE_REQUESTS, {"metadata": {"name": "jane"}, "spec": asked})


def decide(world: World, type: str = "Approved") -> None:
    conditions = [{"type": type, "status": "True", "reason": "KubectlApprove"}]
    change = {"status": {"conditions": conditions, "certificate": "bWluZQ=="}}
    world.client.patch(CERTIFICATE_REQUESTS, "jane", "", change, subresource="approval")


def status(world: World) -> Obj:
    found: Obj = world.client.get(CERTIFICATE_REQUESTS, "jane").get("status") or {}
    return found


async def test_an_approved_request_is_signed(world: World) -> None:
    made = ask(world, expirationSeconds=3600, username="somebody else")
    assert made["spec"]["username"] == "system:test"
    assert "certificate" not in status(world)
    decide(world)
    await world.until(lambda: "certificate" in status(world))
    assert base64.b64decode(status(world)["certificate"]).startswith(b"signed for 3600: -----BEGIN")


async def test_a_denied_request_is_not(world: World) -> None:
    ask(world)
    decide(world, "Denied")
    await world.settle()
    assert "certificate" not in status(world)


async def test_servers_get_none(world: World) -> None:
    ask(world, usages=["server auth"])
    decide(world)
    await world.until(lambda: len(status(world)["conditions"]) > 1)
    failed = status(world)["conditions"][1]
    assert (failed["type"], failed["reason"]) == ("Failed", "SignerValidationFailure")


async def test_other_signers_are_waited_for(world: World) -> None:
    ask(world, signerName="example.com/mine")
    decide(world)
    await world.settle()
    assert "certificate" not in status(world)


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"request": "bm90aGluZw=="}, "PEM block type must be CERTIFICATE REQUEST"),
        ({"usages": []}, "spec.usages: Required value"),
        ({"signerName": "mine"}, "must be a fully qualified domain and path"),
        ({"expirationSeconds": 60}, "may not specify a duration less than 600 seconds"),
    ],
)
async def test_requests_that_are_none(world: World, spec: Obj, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        ask(world, **spec)
