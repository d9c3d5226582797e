"""Budgets, network policies and quotas."""

from cluster.api.tables.duration import age
from cluster.api.tables.table import AGE, NAME, Cells, Column, Table
from cluster.api.tables.text import NONE, name
from cluster.client import Obj
from cluster.selectors import format_selector

NOT_GIVEN = "N/A"


def disruption_budget(obj: Obj, now: float) -> Cells:
    spec = obj.get("spec", {})
    return [
        name(obj),
        str(spec.get("minAvailable", NOT_GIVEN)),
        str(spec.get("maxUnavailable", NOT_GIVEN)),
        obj.get("status", {}).get("disruptionsAllowed", 0),
        age(obj, now),
    ]


def network_policy(obj: Obj, now: float) -> Cells:
    return [name(obj), format_selector(obj.get("spec", {}).get("podSelector")) or NONE, age(obj, now)]


def quota(obj: Obj, now: float) -> Cells:
    status = obj.get("status", {})
    hard, used = status.get("hard") or {}, status.get("used") or {}
    texts = {key: f"{key}: {used.get(key, '0')}/{hard[key]}" for key in sorted(hard)}
    requests = ", ".join(text for key, text in texts.items() if not key.startswith("limits"))
    limits = ", ".join(text for key, text in texts.items() if key.startswith("limits"))
    return [name(obj), requests, limits, age(obj, now)]


DISRUPTION_BUDGETS = Table(
    (
        NAME,
        Column(name="Min Available"),
        Column(name="Max Unavailable"),
        Column(name="Allowed Disruptions", type="integer"),
        AGE,
    ),
    disruption_budget,
)
NETWORK_POLICIES = Table((NAME, Column(name="Pod-Selector"), AGE), network_policy)
QUOTAS = Table((NAME, Column(name="Request"), Column(name="Limit"), AGE), quota)
