"""What of itself a pod may show to its containers: the fields and resources that variables and files refer to.

Source: the page "Downward API".
"""

import re
from collections.abc import Collection, Iterator

from cluster.api.field_errors import FieldError, invalid, not_supported
from cluster.client import Obj
from cluster.quantity import parse_quantity

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
_KNOWN = (FIELDS | FILE_FIELDS | {"spec.restartPolicy", "spec.schedulerName", "spec.hostNetwork", "status.phase"}) | {
    "status.nominatedNodeName"
}
_SUBSCRIPT = re.compile(r"(metadata\.(?:annotations|labels))\['(.*)'\]")
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


def check_field_path(field: str, path: str, valid: Collection[str]) -> Iterator[FieldError]:
    if _SUBSCRIPT.fullmatch(field):
        return
    if field not in _KNOWN:
        why = f"error converting fieldPath: field label not supported: {field}"
        yield invalid(f"{path}.fieldPath", field, why)
    elif field not in valid:
        yield not_supported(f"{path}.fieldPath", field, valid)


def check_resource_field(reference: Obj, path: str) -> Iterator[FieldError]:
    resource, divisor = reference["resource"], reference.get("divisor")
    if resource not in _RESOURCES and not resource.partition(".")[2].startswith("hugepages-"):
        yield not_supported(f"{path}.resource", resource, _RESOURCES)
    elif divisor and parse_quantity(divisor) and not _divides(resource, divisor):
        what, divisors = _DIVISORS[resource.partition(".")[2]]
        why = f"only divisor's values {divisors} are supported with the {what} resource"
        yield invalid(f"{path}.divisor", resource, why)


def _divides(resource: str, divisor: str) -> bool:
    _, divisors = _DIVISORS[resource.partition(".")[2]]
    return parse_quantity(divisor) in {parse_quantity(text) for text in divisors.replace(" and ", ", ").split(", ")}
