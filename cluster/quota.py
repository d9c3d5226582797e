"""What objects cost: the resources of a pod, the usage that a ResourceQuota counts. Pure.

Source: the page "Resource Quotas". Shared by admission, which refuses, and the controller, which reports.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from cluster.client import Obj
from cluster.quantity import format_quantity, parse_quantity

Amounts = dict[str, Fraction]
COMPUTE = ("cpu", "memory", "ephemeral-storage")
# Counted by their plain name too, as they were before `count/`.
_PLAIN = frozenset(
    {"pods", "services", "secrets", "configmaps", "persistentvolumeclaims", "replicationcontrollers", "resourcequotas"}
)


def pod_resources(spec: Obj) -> Obj:
    """`requests` and `limits` of a whole pod: its containers together, or the largest moment of its start."""
    return {field: _totals(spec, field) for field in ("requests", "limits")}


def cost(key: str, obj: Obj) -> Amounts:
    """What one object of resource `key` adds to a namespace's usage. Pods that are done cost nothing."""
    if key == "pods" and (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return {}
    amounts = {f"count/{key}": Fraction(1)} | ({key: Fraction(1)} if key in _PLAIN else {})
    match key:
        case "pods":
            return amounts | _pod_cost(obj["spec"])
        case "services":
            return amounts | _service_cost(obj["spec"])
        case "persistentvolumeclaims":
            return amounts | _claim_cost(obj["spec"])
    return amounts


def in_scope(spec: Obj, key: str, obj: Obj) -> bool:
    """Whether a ResourceQuota's spec counts this object: with scopes, it counts pods alone, and only some."""
    wanted = [(scope, "Exists", ()) for scope in spec.get("scopes") or ()]
    selected = (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    wanted += [(each["scopeName"], each["operator"], tuple(each.get("values") or ())) for each in selected]
    return not wanted or (key == "pods" and all(_matches(obj["spec"], *scope) for scope in wanted))


def _matches(pod: Obj, scope: str, operator: str, values: tuple[str, ...]) -> bool:
    match scope:
        case "BestEffort" | "NotBestEffort":
            return _asks_for_nothing(pod) == (scope == "BestEffort")
        case "Terminating" | "NotTerminating":
            return (pod.get("activeDeadlineSeconds") is not None) == (scope == "Terminating")
        case "PriorityClass":
            name = pod.get("priorityClassName") or ""
            known = {"Exists": bool(name), "DoesNotExist": not name, "In": name in values, "NotIn": name not in values}
            return known[operator]
    return False


def _asks_for_nothing(spec: Obj) -> bool:
    return not any(_of(c, field).keys() & {"cpu", "memory"} for c in _all(spec) for field in ("requests", "limits"))


def usage(objects: Iterable[tuple[str, Obj]]) -> Amounts:
    """The costs of (resource, object) pairs together."""
    total: Amounts = {}
    for key, obj in objects:
        for name, amount in cost(key, obj).items():
            total[name] = total.get(name, Fraction(0)) + amount
    return total


def show(amounts: Mapping[str, Fraction], names: Iterable[str], like: Mapping[str, str]) -> dict[str, str]:
    """Amounts as quantities, in the spelling of `like` where it has one."""
    return {name: format_quantity(amounts.get(name, Fraction(0)), like.get(name, "")) for name in names}


def _totals(spec: Obj, field: str) -> dict[str, str]:
    names = {name for container in _all(spec) for name in _of(container, field)}
    running = [*(spec.get("containers") or ()), *(c for c in spec.get("initContainers") or () if _stays(c))]
    totals = {}
    for name in sorted(names):
        given = [container for container in _all(spec) if name in _of(container, field)]
        largest = max((_amount(c, field, name) for c in spec.get("initContainers") or ()), default=Fraction(0))
        together = sum((_amount(c, field, name) for c in running), Fraction(0))
        totals[name] = format_quantity(max(largest, together), _of(given[0], field)[name])
    return totals


def _pod_cost(spec: Obj) -> Amounts:
    resources = pod_resources(spec)
    amounts = {f"{field}.{name}": parse_quantity(q) for field, found in resources.items() for name, q in found.items()}
    plain = {name: amounts[f"requests.{name}"] for name in COMPUTE if f"requests.{name}" in amounts}
    return amounts | plain


def _service_cost(spec: Obj) -> Amounts:
    ports = Fraction(sum(1 for port in spec.get("ports") or () if port.get("nodePort")))
    balancers = Fraction(spec.get("type") == "LoadBalancer")
    return {"services.nodeports": ports, "services.loadbalancers": balancers}


def _claim_cost(spec: Obj) -> Amounts:
    size = parse_quantity(((spec.get("resources") or {}).get("requests") or {}).get("storage", "0"))
    amounts = {"requests.storage": size}
    if name := spec.get("storageClassName"):
        prefix = f"{name}.storageclass.storage.k8s.io"
        amounts |= {f"{prefix}/requests.storage": size, f"{prefix}/persistentvolumeclaims": Fraction(1)}
    return amounts


def _all(spec: Obj) -> list[Obj]:
    return [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]


def _stays(container: Obj) -> bool:
    return bool(container.get("restartPolicy") == "Always")


def _of(container: Obj, field: str) -> dict[str, str]:
    found: dict[str, str] = (container.get("resources") or {}).get(field) or {}
    return found


def _amount(container: Obj, field: str, name: str) -> Fraction:
    return parse_quantity(_of(container, field).get(name, "0"))
