"""EndpointSlices."""

from collections.abc import Iterator
from typing import Any

from cluster.api.field_errors import FieldError, required
from cluster.api.metadata import immutable
from cluster.api.resource import Resource
from cluster.api.resources.checks import check_enum
from cluster.api.tables.services import ENDPOINT_SLICES
from cluster.client import NotImplementedHere, Obj


def fill(slice: Obj) -> None:
    slice.setdefault("endpoints", None)
    slice.setdefault("ports", None)
    for port in slice["ports"] or ():
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def rules(slice: Obj, old: Obj | None) -> Iterator[FieldError]:
    yield from check_enum(slice, "", "addressType", ("FQDN", "IPv4", "IPv6"))
    for i, endpoint in enumerate(slice["endpoints"] or ()):
        if not endpoint.get("addresses"):
            yield required(f"endpoints[{i}].addresses", "must contain at least 1 address")
    if old is not None and slice.get("addressType") != old.get("addressType"):
        yield immutable("addressType", slice.get("addressType"))


def desired(slice: Obj) -> tuple[Any, ...]:
    return slice.get("endpoints"), slice.get("ports"), slice["metadata"].get("labels")


def unsupported(slice: Obj) -> Iterator[NotImplementedHere]:
    if slice.get("addressType") != "IPv4":
        yield NotImplementedHere("addressType is not supported by this cluster unless IPv4: the network is IPv4")


RESOURCE = Resource(
    group="discovery.k8s.io",
    plural="endpointslices",
    kind="EndpointSlice",
    table=ENDPOINT_SLICES,
    desired=desired,
    fill=fill,
    rules=rules,
    unsupported=unsupported,
)
