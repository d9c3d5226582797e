"""Label selectors with Kubernetes' meaning: every label and every expression must match. And hosts, with wildcards."""

from collections.abc import Mapping
from typing import Any


def matches(selector: Any, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector picks these labels. An empty one picks everything, a missing one nothing."""
    if not isinstance(selector, dict):
        return False
    wanted = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or ()
    return all(labels.get(k) == v for k, v in wanted.items()) and all(_expression(e, labels) for e in expressions)


def _expression(expression: dict[str, Any], labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression.get("key", "")), expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            return False


def covers(name: str, host: str) -> bool:
    """Whether a host of an Ingress or certificate stands for another: itself, or `*.` and one label."""
    return name == host or (name.startswith("*.") and host.partition(".")[2] == name[2:])
