"""What of itself a pod may show to its containers: the fields and resources that variables and files refer to.

Source: the page "Downward API".
"""

import re
from collections.abc import Collection, Iterator

from cluster.api.field_errors import FieldError, invalid, not_supported

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


def check_resource_field(resource: str, path: str) -> Iterator[FieldError]:
    if resource not in _RESOURCES and not resource.partition(".")[2].startswith("hugepages-"):
        yield not_supported(path, resource, _RESOURCES)
