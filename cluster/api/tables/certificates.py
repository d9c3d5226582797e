"""CertificateSigningRequests."""

from cluster.api.tables.duration import age, human_duration
from cluster.api.tables.table import AGE, NAME, Cells, Column, Table
from cluster.api.tables.text import NONE, name
from cluster.client import Obj


def cells(request: Obj, now: float) -> Cells:
    spec = request.get("spec", {})
    seconds = spec.get("expirationSeconds")
    return [
        name(request),
        age(request, now),
        spec.get("signerName", ""),
        spec.get("username", ""),
        NONE if seconds is None else human_duration(seconds),
        condition(request),
    ]


def condition(request: Obj) -> str:
    """What became of it, as kubectl shows it."""
    status = request.get("status") or {}
    types = {condition["type"] for condition in status.get("conditions") or ()}
    word = next((word for word in ("Denied", "Approved") if word in types), "Pending")
    return word + (",Failed" if "Failed" in types else "") + (",Issued" if status.get("certificate") else "")


_COLUMNS = ("SignerName", "Requestor", "RequestedDuration", "Condition")
REQUESTS = Table((NAME, AGE, *(Column(name=column) for column in _COLUMNS)), cells)
