"""ResourceQuota: a namespace gets no more than it was given, and pods must say what they want of it."""

from fractions import Fraction

from cluster.api.context import Cluster, Write
from cluster.api.errors import forbidden
from cluster.client import Obj
from cluster.quantity import parse_quantity
from cluster.quota import Amounts, cost, covers, show, usage

# What each container must say when a quota bounds it, and where it says so.
_MUST_SAY = {
    **{name: ("requests", name) for name in ("cpu", "memory")},
    **{f"{field}.{name}": (field, name) for field in ("limits", "requests") for name in ("cpu", "memory")},
}


def resource_quota(cluster: Cluster, write: Write) -> None:
    if not (write.is_resize or write.operation == "CREATE") or not write.resource.namespaced:
        return
    quotas = [entry.object for entry in cluster.store.list("resourcequotas", write.namespace)]
    counting = [quota for quota in quotas if covers(quota, write.resource.key, write.obj)]
    for quota in counting:
        _check_said(write, quota)
    for quota in counting:
        _check(cluster, write, quota)


def exceeded(hard: dict[str, str], used: Amounts, asked: Amounts) -> list[str]:
    """The names whose bound `asked` would break, sorted. Pure."""
    over = (n for n in hard if asked.get(n) and used.get(n, Fraction(0)) + asked[n] > parse_quantity(hard[n]))
    return sorted(over)


def unsaid(hard: dict[str, str], spec: Obj) -> str:
    """What the quota counts and containers do not say, as the refusal lists it; "" if nothing. Pure."""
    parts = []
    for what in sorted(hard.keys() & _MUST_SAY):
        field, name = _MUST_SAY[what]
        containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
        silent = [c["name"] for c in containers if name not in ((c.get("resources") or {}).get(field) or {})]
        if silent:
            parts.append(f"{what} for: {','.join(silent)}")
    return "; ".join(parts)


def _check_said(write: Write, quota: Obj) -> None:
    hard = quota["spec"].get("hard") or {}
    if write.resource.key == "pods" and (missing := unsaid(hard, write.obj["spec"])):
        why = f"failed quota: {quota['metadata']['name']}: must specify {missing}"
        raise forbidden(write.resource, write.name, why)


def _check(cluster: Cluster, write: Write, quota: Obj) -> None:
    name, hard = quota["metadata"]["name"], quota["spec"].get("hard") or {}
    asked, key = _asked(write), write.resource.key
    if not asked.keys() & hard.keys():
        return
    present = (entry.object for entry in cluster.store.list(key, write.namespace))
    used = usage((key, obj) for obj in present if covers(quota, key, obj))
    if over := exceeded(hard, used, asked):
        limits = {n: hard[n] for n in over}
        figures = f"requested: {_list(show(asked, over, hard))}, used: {_list(show(used, over, hard))}"
        why = f"exceeded quota: {name}, {figures}, limited: {_list(limits)}"
        raise forbidden(write.resource, write.name, why)


def _asked(write: Write) -> Amounts:
    """What a write adds to the usage: a new object all that it costs, a resize what it costs more than before."""
    wanted = cost(write.resource.key, write.obj)
    before = cost(write.resource.key, write.old) if write.old else {}
    return {name: amount - before.get(name, 0) for name, amount in wanted.items() if amount > before.get(name, 0)}


def _list(amounts: dict[str, str]) -> str:
    return ",".join(f"{name}={amount}" for name, amount in amounts.items())
