"""metrics.k8s.io: what pods and nodes use, by the last two looks at their kubelets.

What metrics-server is to a real cluster, with its rules: a look every 15 s; memory as last seen; processor time as the
mean between two looks, or since the start of a container that began after the look before and has run for ten seconds.
A pod is told of only when all its running containers can be. Source: metrics-server's storage and its manifest.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from cluster.api.resources.metrics import NODE_METRICS, POD_METRICS
from cluster.client import Obj
from cluster.nodeservice import Measured, Meter
from cluster.quantity import format_quantity
from cluster.store import Entry, Store
from cluster.timestamps import format_time

log = logging.getLogger(__name__)

LOOK_SECONDS = 15.0
FRESH_SECONDS = 10.0
"""How long a new container must have run before its start counts as a look."""

_Pods = Mapping[tuple[str, str], Mapping[str, Measured]]
_NANOS = 10**9


@dataclass(frozen=True, slots=True)
class _Look:
    nodes: Mapping[str, Measured] = field(default_factory=dict)
    pods: _Pods = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rate:
    """What was used between two moments (seconds since 1970)."""

    since: float
    at: float
    cpu: Fraction
    """Cores, to the nano."""
    memory_bytes: int

    @property
    def usage(self) -> Obj:
        return {"cpu": format_quantity(self.cpu, "1n"), "memory": format_quantity(self.memory_bytes, "1Ki")}


class Metrics:
    """The metrics of one cluster; `run` keeps them fresh."""

    def __init__(self, store: Store, nodes: Mapping[str, Meter]) -> None:
        self._store, self._nodes = store, nodes
        self._before, self._last = _Look(), _Look()

    async def run(self) -> None:
        """Look again and again, for ever."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_SECONDS)

    def look(self) -> None:
        nodes: dict[str, Measured] = {}
        pods: dict[tuple[str, str], Mapping[str, Measured]] = {}
        for name, service in self._nodes.items():
            try:
                used = service.usage()
            except OSError:
                log.exception("what %s uses cannot be read", name)
                continue
            nodes[name] = used.node
            pods.update(used.pods)
        self._before, self._last = self._last, _Look(nodes, pods)

    def node_metrics(self, _namespace: str | None) -> list[Entry]:
        """Every node that has been looked at twice."""
        return [self._entry(obj) for obj in self._all_nodes()]

    def pod_metrics(self, namespace: str | None) -> list[Entry]:
        """Every running pod whose containers have all been looked at."""
        return [self._entry(obj) for obj in self._all_pods(namespace)]

    def _entry(self, obj: Obj) -> Entry:
        return Entry(obj, self._store.revision)

    def _all_nodes(self) -> Iterator[Obj]:
        for entry in self._store.list("nodes"):
            last = self._last.nodes.get(entry.name)
            found = rate(self._before.nodes.get(entry.name), last) if last else None
            if found is not None:
                yield _object(NODE_METRICS.kind, entry.object, found, {"usage": found.usage})

    def _all_pods(self, namespace: str | None) -> Iterator[Obj]:
        for entry in self._store.list("pods", namespace):
            found = self._rates(entry.namespace, entry.name)
            if entry.object["status"].get("phase") == "Running" and found:
                containers = [{"name": name, "usage": used.usage} for name, used in found.items()]
                # The containers are looked at together, within a moment.
                yield _object(POD_METRICS.kind, entry.object, next(iter(found.values())), {"containers": containers})

    def _rates(self, namespace: str, name: str) -> dict[str, Rate]:
        """By container; empty if one of them is not known yet."""
        last, before = (look.pods.get((namespace, name), {}) for look in (self._last, self._before))
        found = {name: rate(before.get(name), measured) for name, measured in last.items()}
        return {name: used for name, used in found.items() if used} if all(found.values()) else {}


def rate(before: Measured | None, last: Measured) -> Rate | None:
    """What is used, or None where too little is known. Pure."""
    if before is None or before.started_at != last.started_at:
        if not FRESH_SECONDS <= last.at - last.started_at < LOOK_SECONDS:
            return None
        before = Measured(at=last.started_at, started_at=last.started_at, cpu_usec=0, memory_bytes=0)
    if last.at <= before.at:
        return None
    cpu = Fraction(last.cpu_usec - before.cpu_usec, 1_000_000) / Fraction(last.at - before.at)
    nanos = Fraction(round(max(cpu, Fraction(0)) * _NANOS), _NANOS)
    return Rate(before.at, last.at, nanos, last.memory_bytes)


def _object(kind: str, of: Obj, used: Rate, body: Obj) -> Obj:
    metadata = {key: of["metadata"][key] for key in ("name", "namespace", "labels") if key in of["metadata"]}
    metadata["creationTimestamp"] = format_time(used.at)
    window = f"{used.at - used.since:.3f}s"
    head = {"kind": kind, "apiVersion": POD_METRICS.api_version, "metadata": metadata}
    return {**head, "timestamp": format_time(used.at), "window": window, **body}
