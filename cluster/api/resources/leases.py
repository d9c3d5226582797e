"""Leases: the nodes' heartbeats."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, invalid
from cluster.api.resource import Resource
from cluster.api.resources.checks import check_not_negative
from cluster.api.resources.closed_gates import drop
from cluster.api.tables.plain import LEASES
from cluster.client import Obj


def fill(lease: Obj) -> None:
    drop(lease.setdefault("spec", {}), "strategy", "preferredHolder")


def rules(lease: Obj, _old: Obj | None) -> Iterator[FieldError]:
    seconds = lease["spec"].get("leaseDurationSeconds")
    if seconds is not None and seconds <= 0:
        yield invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0")
    yield from check_not_negative(lease["spec"], "spec", "leaseTransitions")


RESOURCE = Resource(
    group="coordination.k8s.io",
    plural="leases",
    kind="Lease",
    table=LEASES,
    fill=fill,
    rules=rules,
    unconditional=False,
)
