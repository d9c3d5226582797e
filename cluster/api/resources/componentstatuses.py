"""ComponentStatuses: what the control plane says of itself. Its parts are one process here: who answers is healthy."""

from cluster.api.resource import Resource
from cluster.api.tables.plain import COMPONENTS
from cluster.client import Obj

_NAMES = ("scheduler", "controller-manager", "etcd-0")

RESOURCE = Resource(
    plural="componentstatuses",
    kind="ComponentStatus",
    namespaced=False,
    short_names=("cs",),
    verbs=("get", "list"),
    table=COMPONENTS,
    deprecated="v1 ComponentStatus is deprecated in v1.19+",
)


def every() -> list[Obj]:
    return [_healthy(name) for name in _NAMES]


def _healthy(name: str) -> Obj:
    condition = {"type": "Healthy", "status": "True", "message": "ok"}
    return {"kind": "ComponentStatus", "apiVersion": "v1", "metadata": {"name": name}, "conditions": [condition]}
