"""Endpoints: the older view of who stands behind a Service."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, required
from cluster.api.resource import Resource
from cluster.api.resources.checks import check_range
from cluster.api.tables.services import ENDPOINTS
from cluster.client import Obj


def fill(endpoints: Obj) -> None:
    for subset in endpoints.get("subsets") or ():
        for port in subset.get("ports") or ():
            port.setdefault("protocol", "TCP")


def rules(endpoints: Obj, _old: Obj | None) -> Iterator[FieldError]:
    for i, subset in enumerate(endpoints.get("subsets") or ()):
        path = f"subsets[{i}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            yield required(path, "must specify `addresses` or `notReadyAddresses`")
        for j, port in enumerate(subset.get("ports") or ()):
            yield from check_range(port.get("port", 0), f"{path}.ports[{j}].port", 1, 65535)


RESOURCE = Resource(
    plural="endpoints",
    kind="Endpoints",
    short_names=("ep",),
    table=ENDPOINTS,
    deprecated="v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    fill=fill,
    rules=rules,
)
