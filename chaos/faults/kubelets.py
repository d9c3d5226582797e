"""What a node's kubelet tells of its memory, and at what point it begins to evict. All amounts in bytes."""

from decimal import Decimal
from typing import NamedTuple

from chaos.faults.kind import FaultRefused
from chaos.kube import Kube, KubeError, Obj
from chaos.nodes import NODES
from chaos.quantity import parse

NEEDS = "this fault asks the kubelet how much memory is in use: it needs the right to get nodes/proxy"


class Memory(NamedTuple):
    """A node's memory as its kubelet sees it."""

    threshold: int
    """`evictionHard: memory.available`: with less than this it evicts pods."""
    available: int
    allocatable: int
    """What pods may ask for, together; pods that use more than this meet the same threshold."""
    pods: int
    """What its pods use."""

    @property
    def until_pressure(self) -> int:
        """How much more it takes until the kubelet begins to evict."""
        return min(self.available - self.threshold, self.allocatable - self.pods)


def memory_of(kube: Kube, node: str) -> Memory:
    """Raises `FaultRefused` where the kubelet does not tell, or evicts nobody for memory."""
    path = f"{NODES}/{node}"
    try:
        told, config = kube.get(f"{path}/proxy/stats/summary"), kube.get(f"{path}/proxy/configz")
        status = kube.get(path)["status"]
        return _memory(told, config["kubeletconfig"].get("evictionHard") or {}, status, node)
    except (KubeError, KeyError) as error:
        raise FaultRefused(f"the kubelet of node {node} does not tell its memory ({error}); {NEEDS}") from error


def _memory(told: Obj, hard: Obj, status: Obj, node: str) -> Memory:
    threshold = _threshold(str(hard.get("memory.available", "")), _bytes(status["capacity"]["memory"]))
    if threshold <= 0:
        raise FaultRefused(
            f"the kubelet of node {node} has no memory.available in its evictionHard, so it evicts nobody for memory"
        )
    return Memory(
        threshold=threshold,
        available=int(told["node"]["memory"]["availableBytes"]),
        allocatable=_bytes(status["allocatable"]["memory"]),
        pods=sum(int((pod.get("memory") or {}).get("workingSetBytes", 0)) for pod in told.get("pods") or ()),
    )


def _threshold(text: str, capacity: int) -> int:
    """A quantity, or a share of the node's capacity: `100Mi`, `5%`. 0 when there is none."""
    amount = parse(text.removesuffix("%"))
    if amount is None:
        return 0
    return int(amount * capacity / 100) if text.endswith("%") else int(amount)


def _bytes(quantity: str) -> int:
    return int(parse(quantity) or 0)


def asked_by(pod: Obj) -> int:
    """The memory a pod was promised: its containers' together, or that of the largest that runs before them."""
    spec = pod["spec"]
    first = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") != "Always"]
    beside = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    together = sum((_request(c) for c in [*spec["containers"], *beside]), Decimal(0))
    return int(max([together, *map(_request, first)]))


def _request(container: Obj) -> Decimal:
    return parse(((container.get("resources") or {}).get("requests") or {}).get("memory")) or Decimal(0)
