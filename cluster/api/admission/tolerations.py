"""DefaultTolerationSeconds: a pod outlives the loss of its node by five minutes unless it says otherwise."""

from cluster.api.context import Cluster, Write
from cluster.client import Obj

_SECONDS = 300
_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def default_toleration_seconds(_cluster: Cluster, write: Write) -> None:
    if write.operation == "CREATE" and write.resource.key == "pods":
        spec = write.obj["spec"]
        tolerations = spec.get("tolerations") or []
        missing = [taint for taint in _TAINTS if not any(_tolerates(t, taint) for t in tolerations)]
        if missing:
            spec["tolerations"] = [*tolerations, *map(_toleration, missing)]


def _tolerates(toleration: Obj, taint: str) -> bool:
    return toleration.get("key", "") in (taint, "") and toleration.get("effect", "") in ("NoExecute", "")


def _toleration(taint: str) -> Obj:
    return {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _SECONDS}
