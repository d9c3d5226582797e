"""Labels of nodes that have newer names, told to whoever still selects by them."""

from collections.abc import Iterator

from cluster.api.metadata import label_value
from cluster.client import Obj

_OLD_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods": "deprecated since v1.22; use Taints and Tolerations instead",
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}


def label_warning(name: str) -> str:
    """What there is instead of a label; "" if nothing is wrong with it."""
    return _OLD_LABELS.get(name, "")


def node_term_warnings(term: Obj, path: str, *, values: bool = False) -> Iterator[str]:
    """Of a NodeSelectorTerm. `values`: whether those are told of that no label can have."""
    for i, expression in enumerate(term.get("matchExpressions") or ()):
        key, at = expression.get("key", ""), f"{path}.matchExpressions[{i}]"
        if why := label_warning(key):
            yield f"{at}.key: {key} is {why}"
        for j, value in enumerate(expression.get("values") or () if values else ()):
            yield from (f"{at}.values[{j}]: {value} is invalid, {wrong}" for wrong in label_value(value))
