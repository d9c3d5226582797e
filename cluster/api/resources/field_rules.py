"""What of itself a pod may show to its containers: the fields and resources that variables and files refer to.

Source: the page "Downward API".
"""

from collections.abc import Collection, Iterator

from cluster.api.field_errors import FieldError, invalid, not_supported, required
from cluster.api.metadata import qualified_name
from cluster.api.resources.checks import check_name
from cluster.client import Obj
from cluster.quantity import canonical, parse_quantity

FIELDS = frozenset(
    {
        *("metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName"),
        *("status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"),
    }
)
"""Of a variable."""
FILE_FIELDS = frozenset(
    {"metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"}
)
"""Of a file in a volume."""
# Fields that pods have a name for, though nothing may refer to them.
_KNOWN = FIELDS | FILE_FIELDS | {"spec.restartPolicy", "spec.schedulerName", "status.phase"}
_BYTES = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei"
_DIVISORS = {
    "cpu": ("cpu", "1m and 1"),
    "memory": ("memory", _BYTES),
    "ephemeral-storage": ("local ephemeral storage", _BYTES),
}
"""By resource: its name in words, and what its amounts may be told in."""
_RESOURCES = frozenset(
    f"{kind}.{name}" for kind in ("limits", "requests") for name in ("cpu", "memory", "ephemeral-storage")
)
_HUGE_PAGES = ("limits.hugepages-", "requests.hugepages-")


def check_field_path(reference: Obj, path: str, valid: Collection[str]) -> Iterator[FieldError]:
    """An ObjectFieldSelector, its apiVersion given or defaulted."""
    field, version = reference.get("fieldPath", ""), reference.get("apiVersion", "")
    parent, subscript = _split(field)
    if not field:
        yield required(f"{path}.fieldPath")
    elif why := _unknown(version, field):
        yield invalid(f"{path}.fieldPath", field, f"error converting fieldPath: {why}")
    elif subscript is not None:
        key = subscript.lower() if parent == "metadata.annotations" else subscript
        yield from check_name(key, path, qualified_name)
    elif _renamed(field) not in valid:
        yield not_supported(f"{path}.fieldPath", _renamed(field), valid)


def _unknown(version: str, field: str) -> str:
    """Why no pod has such a field; "" if it has."""
    parent, subscript = _split(field)
    if version != "v1":
        return f"unsupported pod version: {version}"
    if subscript is not None:
        known = parent in ("metadata.annotations", "metadata.labels")
        return "" if known else f"field label does not support subscript: {field}"
    return "" if _renamed(field) in _KNOWN else f"field label not supported: {field}"


def _renamed(field: str) -> str:
    return "spec.nodeName" if field == "spec.host" else field


def _split(field: str) -> tuple[str, str | None]:
    """`metadata.labels['app']` is ("metadata.labels", "app"); what has no subscript has None."""
    parent, opened, rest = field.partition("['")
    subscripted = bool(parent and opened and field.endswith("']") and len(rest) >= 2)
    return (parent, rest.removesuffix("']")) if subscripted else (field, None)


def check_resource_field(reference: Obj, path: str, *, in_volume: bool = False) -> Iterator[FieldError]:
    """A ResourceFieldSelector; one in a volume has to say whose resources are meant."""
    resource, divisor = reference.get("resource", ""), reference.get("divisor") or "0"
    if in_volume and not reference.get("containerName"):
        yield required(f"{path}.containerName")
    elif not resource:
        yield required(f"{path}.resource")
    elif resource not in _RESOURCES and not resource.startswith(_HUGE_PAGES):
        yield not_supported(f"{path}.resource", resource, _RESOURCES)
    if resource in _RESOURCES and parse_quantity(divisor):
        what, divisors = _DIVISORS[resource.partition(".")[2]]
        if canonical(divisor) not in divisors.replace(" and ", ", ").split(", "):
            why = f"only divisor's values {divisors} are supported with the {what} resource"
            yield invalid(f"{path}.divisor", resource, why)
