"""CertificateSigningRequests: what is asked for, by whom, and what became of it (the page "Certificates and CSRs")."""

import base64
from collections.abc import Iterator

from cryptography import x509

from cluster.api.field_errors import FieldError, duplicate, forbidden, invalid, not_supported, required
from cluster.api.go import go_quoted
from cluster.api.metadata import NameRule, label, path_segment, subdomain
from cluster.api.resource import Resource
from cluster.api.resources.checks import check_enum, check_required
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
_NO_DOMAIN = "should be a domain with at least two segments separated by dots"
_BOTH = "Approved and Denied conditions are mutually exclusive"
_DECISIONS = ("Approved", "Denied")
_FINAL = (*_DECISIONS, "Failed")
_CONDITIONS = "status.conditions"
_LEGACY = "kubernetes.io/legacy-unknown"


def rules(request: Obj, old: Obj | None) -> Iterator[FieldError]:
    spec = request.get("spec") or {}
    yield from _check_spec(spec)
    conditions = _conditions(request)
    yield from _check_conditions(conditions)
    for kind in _FINAL if old else ():
        if _count(conditions, kind) < _count(_conditions(old or {}), kind):
            yield forbidden(_CONDITIONS, f'updates may not remove a condition of type "{kind}"')


def _check_spec(spec: Obj) -> Iterator[FieldError]:
    if not _is_request(spec.get("request") or ""):
        yield invalid("spec.request", spec.get("request"), _NO_REQUEST)
    yield from _check_usages(spec.get("usages") or [])
    yield from _check_signer(spec.get("signerName", ""), "spec.signerName")
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < SECONDS_MIN:
        yield invalid("spec.expirationSeconds", seconds, _SHORT)


def _check_usages(usages: list[str]) -> Iterator[FieldError]:
    if not usages:
        yield required("spec.usages")
    for i, usage in enumerate(usages):
        if usage not in USAGES:
            yield not_supported(f"spec.usages[{i}]", usage, USAGES)
    for i, usage in enumerate(usages):
        if usage in usages[:i]:
            yield duplicate(f"spec.usages[{i}]", usage)


def _check_signer(signer: str, path: str) -> Iterator[FieldError]:
    domain, _, name = signer.partition("/")
    if not signer:
        yield required(path)
    elif signer == _LEGACY:
        yield invalid(path, signer, "the legacy signerName is not allowed via this API version")
    elif signer.count("/") != 1:
        yield invalid(path, signer, _SIGNER)
    else:
        yield from _check_parts(domain, path, label)
        if "." not in domain:
            yield invalid(path, domain, _NO_DOMAIN)
        yield from _check_parts(name, path, subdomain)


def _check_parts(dotted: str, path: str, rule: NameRule) -> Iterator[FieldError]:
    """Of the first of its parts that is none."""
    for part in dotted.split("."):
        if mistakes := rule(part):
            yield from (invalid(path, dotted, f"validating label {go_quoted(part)}: {why}") for why in mistakes)
            return


def _check_conditions(conditions: list[Obj]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for i, condition in enumerate(conditions):
        path, kind = f"{_CONDITIONS}[{i}]", condition.get("type", "")
        yield from check_required(condition, path, "type")
        yield from check_enum(condition, path, "status", ("True",) if kind in _FINAL else ("True", "False", "Unknown"))
        if kind in _DECISIONS and seen & ({*_DECISIONS} - {kind}):
            yield invalid(_CONDITIONS, kind, _BOTH)
        if kind in seen:
            yield duplicate(f"{path}.type", kind)
        seen.add(kind)


def _conditions(request: Obj) -> list[Obj]:
    return (request.get("status") or {}).get("conditions") or []


def _count(conditions: list[Obj], kind: str) -> int:
    return sum(condition.get("type") == kind for condition in conditions)


def _is_request(text: str) -> bool:
    try:
        x509.load_pem_x509_csr(base64.b64decode(text))
    except ValueError:
        return False
    return True


def keep_spec(new: Obj, old: Obj) -> None:
    """What was asked for stays as it was asked."""
    new["spec"] = old["spec"]


def decide(new: Obj, old: Obj, now: str) -> None:
    """A decision changes the conditions alone, and each of them says since when it holds."""
    conditions, before = _conditions(new), {(c.get("type"), c.get("status")): c for c in _conditions(old)}
    for condition in conditions:
        same = before.get((condition.get("type"), condition.get("status")), {})
        condition.setdefault("lastUpdateTime", now)
        condition.setdefault("lastTransitionTime", same.get("lastTransitionTime", now))
    new["status"] = {**(old.get("status") or {}), "conditions": conditions}


def selectable(request: Obj) -> dict[str, str]:
    return {"spec.signerName": (request.get("spec") or {}).get("signerName", "")}


RESOURCE = Resource(
    group="certificates.k8s.io",
    plural="certificatesigningrequests",
    kind="CertificateSigningRequest",
    namespaced=False,
    name_rule=path_segment,
    short_names=("csr",),
    subresources=("approval", "status"),
    table=REQUESTS,
    rules=rules,
    on_update=keep_spec,
    fields=selectable,
)
