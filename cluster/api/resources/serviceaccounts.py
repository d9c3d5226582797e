"""ServiceAccounts."""

from collections.abc import Iterator

from cluster.api.resource import Resource
from cluster.client import Obj
from cluster.objects import annotations_of

_MOUNTABLE = "kubernetes.io/enforce-mountable-secrets"
_SEPARATE = "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"


def warnings(account: Obj, old: Obj | None) -> Iterator[str]:
    if _MOUNTABLE in annotations_of(account) and (old is None or _MOUNTABLE not in annotations_of(old)):
        yield f"metadata.annotations[{_MOUNTABLE}]: {_SEPARATE}"


RESOURCE = Resource(
    plural="serviceaccounts",
    kind="ServiceAccount",
    short_names=("sa",),
    subresources=("token",),
    warnings=warnings,
)
