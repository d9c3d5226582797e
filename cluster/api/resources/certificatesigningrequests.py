"""CertificateSigningRequests: what is asked for, by whom, and what became of it (the page "Certificates and CSRs")."""

import base64
from collections.abc import Iterator

from cryptography import x509

from cluster.api.field_errors import FieldError, invalid, not_supported, required
from cluster.api.resource import Resource
from cluster.api.resources.checks import check_enum
from cluster.api.tables.certificates import REQUESTS
from cluster.client import Obj

SECONDS_MIN = 600
USAGES = frozenset(
    {
        *("any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment"),
        *("decipher only", "digital signature", "email protection", "encipher only", "ipsec end system"),
        *("ipsec tunnel", "ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc"),
        *("ocsp signing", "s/mime", "server auth", "signing", "timestamping"),
    }
)
_NO_REQUEST = "PEM block type must be CERTIFICATE REQUEST"
_SHORT = f"may not specify a duration less than {SECONDS_MIN} seconds (10 minutes)"
_SIGNER = "must be a fully qualified domain and path of the form 'example.com/signer-name'"


def rules(request: Obj, old: Obj | None) -> Iterator[FieldError]:
    if old is not None:
        yield from _check_conditions(request)
        return
    spec = request.get("spec") or {}
    if not _is_request(spec.get("request", "")):
        yield invalid("spec.request", spec.get("request", ""), _NO_REQUEST)
    if not spec.get("usages"):
        yield required("spec.usages")
    for i, usage in enumerate(spec.get("usages") or ()):
        if usage not in USAGES:
            yield not_supported(f"spec.usages[{i}]", usage, USAGES)
    signer = spec.get("signerName", "")
    if not signer:
        yield required("spec.signerName")
    elif signer.count("/") != 1 or "." not in signer.partition("/")[0]:
        yield invalid("spec.signerName", signer, _SIGNER)
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < SECONDS_MIN:
        yield invalid(
            "spec.expirationSeconds", seconds, "may not specify a duration less than 600 seconds (10 minutes)"
        )


def _check_conditions(request: Obj) -> Iterator[FieldError]:
    conditions = (request.get("status") or {}).get("conditions") or []
    for i, condition in enumerate(conditions):
        yield from check_enum(condition, f"status.conditions[{i}]", "status", ("True", "False", "Unknown"))
    if {"Approved", "Denied"} <= {condition.get("type") for condition in conditions}:
        yield invalid("status.conditions", "", "Approved and Denied conditions are mutually exclusive")


def _is_request(text: str) -> bool:
    try:
        x509.load_pem_x509_csr(base64.b64decode(text))
    except ValueError:
        return False
    return True


def keep_spec(new: Obj, old: Obj) -> None:
    """What was asked for stays as it was asked."""
    new["spec"] = old["spec"]


def selectable(request: Obj) -> dict[str, str]:
    return {"spec.signerName": (request.get("spec") or {}).get("signerName", "")}


RESOURCE = Resource(
    group="certificates.k8s.io",
    plural="certificatesigningrequests",
    kind="CertificateSigningRequest",
    namespaced=False,
    short_names=("csr",),
    subresources=("approval", "status"),
    table=REQUESTS,
    rules=rules,
    on_update=keep_spec,
    fields=selectable,
)
