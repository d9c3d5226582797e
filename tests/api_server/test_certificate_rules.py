"""What the API refuses of CertificateSigningRequests."""

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cluster.api.core import Core
from cluster.api.local import LocalClient
from cluster.client import Invalid, Obj
from cluster.objects import CERTIFICATE_REQUESTS
from tests.api_server.refusals import NO_LABEL, made, named, wrong

BOTH = "Approved and Denied conditions are mutually exclusive"


def asked(**spec: object) -> Obj:
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    text = base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode()
    return named(spec={"request": text, "signerName": "a.b/c", "usages": ["client auth"], **spec})


def decide(client: LocalClient, *conditions: Obj) -> Obj:
    change = {"status": {"conditions": list(conditions), "certificate": "bWluZQ=="}}
    return client.patch(CERTIFICATE_REQUESTS, "x", "", change, subresource="approval")


@pytest.mark.parametrize(
    ("spec", "errors"),
    [
        (
            {"request": "YQ==", "usages": [], "signerName": "", "expirationSeconds": 1},
            [
                'spec.request: Invalid value: "YQ==": PEM block type must be CERTIFICATE REQUEST',
                "spec.usages: Required value",
                "spec.signerName: Required value",
                "spec.expirationSeconds: Invalid value: 1: may not specify a duration less than 600 seconds "
                "(10 minutes)",
            ],
        ),
        (
            {"usages": ["client auth", "client auth"], "signerName": "A/b"},
            [
                'spec.usages[1]: Duplicate value: "client auth"',
                f'spec.signerName: Invalid value: "A": validating label "A": {NO_LABEL}',
                'spec.signerName: Invalid value: "A": should be a domain with at least two segments separated by dots',
            ],
        ),
        (
            {"signerName": "kubernetes.io/legacy-unknown"},
            [
                'spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed '
                "via this API version"
            ],
        ),
        (
            {"signerName": "a.b"},
            [
                'spec.signerName: Invalid value: "a.b": must be a fully qualified domain and path of the form '
                "'example.com/signer-name'"
            ],
        ),
    ],
)
def test_each_mistake_of_a_request_is_told(core: Core, spec: Obj, errors: list[str]) -> None:
    assert wrong(core, CERTIFICATE_REQUESTS, asked(**spec)) == errors


@pytest.mark.parametrize(
    ("conditions", "errors"),
    [
        (
            [{"type": "Approved", "status": "True"}, {"type": "Denied", "status": "True"}],
            [f'status.conditions: Invalid value: "Denied": {BOTH}'],
        ),
        ([], ['status.conditions: Forbidden: updates may not remove a condition of type "Approved"']),
        (
            [{"type": "Approved", "status": "False"}, {"type": "Odd", "status": "Maybe"}],
            [
                'status.conditions[0].status: Unsupported value: "False": supported values: "True"',
                'status.conditions[1].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
            ],
        ),
    ],
)
def test_a_decision_is_one_and_stays(core: Core, client: LocalClient, conditions: list[Obj], errors: list[str]) -> None:
    made(core, CERTIFICATE_REQUESTS, asked())
    decide(client, {"type": "Approved", "status": "True"})
    with pytest.raises(Invalid) as refused:
        decide(client, *conditions)
    assert [f"{cause.field}: {cause.message}" for cause in refused.value.causes] == errors


def test_a_decision_says_since_when_and_brings_no_certificate(core: Core, client: LocalClient) -> None:
    made(core, CERTIFICATE_REQUESTS, asked())
    now = "2027-01-15T08:00:00Z"
    condition = {"type": "Approved", "status": "True", "lastUpdateTime": now, "lastTransitionTime": now}
    assert decide(client, {"type": "Approved", "status": "True"})["status"] == {"conditions": [condition]}
