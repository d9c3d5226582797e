"""The rules of amounts of resources: how resources are called, what amounts there may be, requests and limits."""

from collections.abc import Callable, Iterator

from cluster.api.field_errors import FieldError, forbidden, invalid, required
from cluster.api.metadata import qualified_name
from cluster.client import Obj
from cluster.quantity import parse_quantity

CONTAINER = frozenset({"cpu", "memory", "ephemeral-storage"})
COUNTED = frozenset(
    {
        *("pods", "services", "secrets", "configmaps", "persistentvolumeclaims", "replicationcontrollers"),
        *("resourcequotas", "services.nodeports", "services.loadbalancers"),
    }
)
"""What there is a whole number of."""
QUOTA = frozenset(
    {
        *CONTAINER,
        *COUNTED,
        "requests.storage",
        *(f"{kind}.{name}" for kind in ("requests", "limits") for name in CONTAINER),
    }
)
STANDARD = QUOTA | {"storage"}
_PAGES = ("hugepages-", "requests.hugepages-")
NameCheck = Callable[[str, str], Iterator[FieldError]]
"""Of a resource's name, and where it stands."""


def is_extended(name: str) -> bool:
    """A resource that is neither Kubernetes' own nor one of a quota."""
    return not is_native(name) and not name.startswith("requests.") and not qualified_name(f"requests.{name}")


def is_native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def is_huge_pages(name: str) -> bool:
    return name.startswith("hugepages-")


def may_be_overcommitted(name: str) -> bool:
    return is_native(name) and not is_huge_pages(name)


def check_resource_name(name: str, path: str) -> Iterator[FieldError]:
    wrong = qualified_name(name)
    yield from (invalid(path, name, why) for why in wrong)
    if not wrong and "/" not in name and name not in STANDARD and not name.startswith(_PAGES):
        yield invalid(path, name, "must be a standard resource type or fully qualified")


def check_container_resource(name: str, path: str) -> Iterator[FieldError]:
    yield from check_resource_name(name, path)
    if "/" not in name and name not in CONTAINER and not is_huge_pages(name):
        yield invalid(path, name, "must be a standard resource for containers")
    elif not is_native(name) and not is_extended(name):
        yield invalid(path, name, "doesn't follow extended resource name standard")


def check_quota_resource(name: str, path: str) -> Iterator[FieldError]:
    yield from check_resource_name(name, path)
    if "/" not in name and name not in QUOTA and not name.startswith(_PAGES):
        yield invalid(path, name, "must be a standard resource for quota")


def check_amount(name: str, amount: str, path: str) -> Iterator[FieldError]:
    """Nothing is less than nothing, and some things are whole."""
    if parse_quantity(amount) < 0:
        yield invalid(path, amount, "must be greater than or equal to 0")
    if (name in COUNTED or is_extended(name)) and parse_quantity(amount).denominator != 1:
        yield invalid(path, amount, "must be an integer")


def check_amounts(amounts: Obj | None, path: str, check: NameCheck) -> Iterator[FieldError]:
    for name, amount in (amounts or {}).items():
        yield from check(name, f"{path}[{name}]")
        yield from check_amount(name, amount, f"{path}[{name}]")


def check_resources(resources: Obj, path: str) -> Iterator[FieldError]:
    """Limits and requests of a container."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    yield from check_amounts(limits, f"{path}.limits", check_container_resource)
    for name, amount in requests.items():
        yield from check_amounts({name: amount}, f"{path}.requests", check_container_resource)
        yield from _check_limit(name, amount, limits.get(name), path)
    asked = requests.keys() | limits.keys()
    if any(map(is_huge_pages, asked)) and not {"cpu", "memory"} & asked:
        yield forbidden(path, "HugePages require cpu or memory")


def _check_limit(name: str, amount: str, limit: str | None, path: str) -> Iterator[FieldError]:
    free = may_be_overcommitted(name)
    if limit is None:
        if not free:
            yield required(f"{path}.limits", "Limit must be set for non overcommitable resources")
    elif not free and parse_quantity(amount) != parse_quantity(limit):
        yield invalid(f"{path}.requests", amount, f"must be equal to {name} limit of {limit}")
    elif parse_quantity(amount) > parse_quantity(limit):
        yield invalid(f"{path}.requests", amount, f"must be less than or equal to {name} limit of {limit}")
