"""Builds recordings by hand: a run of one variant, second by second, into which a test writes what went otherwise.

The run: deploy 0 s, baseline 10 s, fault 20 s, recovery 45 s, done 60 s; 40 requests a second from 9 s to 61 s. Three
storefront pods on node-1, one newsletter beside them. t = 0 is no whole Unix second, as it never is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chaos.judge import judge, objectives
from chaos.judging.history import History, Objectives, history
from chaos.recording import Fault, Load, Phase, PhaseName, Record, RunStarted, Seen, Shown, Trouble
from chaos.result import DefenseVerdict, Result, VariantResult
from chaos.scenario import Scenario
from loadgen.samples import bucket

BEGAN = 1_700_000_000.25
INJECTED = 20.5
TARGET = "storefront-a"
RATE = 40
PHASES: dict[PhaseName, float] = {"deploy": 0, "baseline": 10, "fault": 20, "recovery": 45, "done": 60}
FAULTS = {
    "resources": "memory-leak",
    "health-checks": "deadlock",
    "rbac": "stolen-token",
    "replicas": "node-drain",
    "observability": "error-rate",
    "security": "rogue-client",
    "storage": "data-loss",
}
RUNNING = {"running": {"startedAt": "2026-11-22T20:38:53Z"}}


def scenario(defense: str, **keys: Any) -> dict[str, Any]:
    """A scenario as a recording holds it."""
    fault = FAULTS[defense]
    body = {
        "scenario": "a-storm",
        "pattern": "oomkilled-surprise",
        "title": "A storm",
        "lesson": "Storms teach.",
        "workload": {
            "manifests": ["shop.yaml"],
            "target": "deployment/storefront",
            "bystanders": ["deployment/newsletter"],
        },
        "load": {"service": "storefront", "locustfile": "browse.py", "arrivals": "40/s"},
        "steady_state": {"availability": ">= 99%", "p95": "<= 300ms"},
        "phases": {"baseline": "10s", "fault": "25s", "recovery": "15s"},
        "fault": {fault: {"pods": 1}},
        "defenses": [defense],
        "variants": {"defended": {}, "undefended": {"strip": [defense]}},
        "expect": {"defended": {defense: "held"}, "undefended": {defense: "broke"}},
    }
    return Scenario.model_validate({**body, **keys}).model_dump(mode="json")


def terminated(reason: str, code: int = 137) -> dict[str, Any]:
    return {"terminated": {"reason": reason, "exitCode": code}}


def pod(app: str = "storefront", **keys: Any) -> dict[str, Any]:
    """A pod with one container, as the observer reduces it; `restarts`, `state` and `last` are its container's."""
    status = {
        "name": app,
        "ready": keys.get("ready", True),
        "started": True,
        "restarts": keys.pop("restarts", 0),
        "state": keys.pop("state", RUNNING),
        "last": keys.pop("last", {}),
        "memory_limit": keys.pop("limit", 128 * 2**20),
        "memory_request": 48 * 2**20,
        "cpu_request": 0.05,
    }
    body = {
        "uid": f"uid-{app}",
        "node": "node-1",
        "phase": "Running",
        "reason": "",
        "ready": True,
        "deleting": False,
        "labels": {},
        "owner": f"ReplicaSet/{app}-1",
        "app": f"deployment/{app}",
        "conditions": {},
        "qos": "Burstable",
        "containers": [status],
    }
    return {**body, **keys}


@dataclass
class Tape:
    """One variant's records; `judged()` is what comes of them."""

    defense: str
    variant: str = "defended"
    keys: dict[str, Any] = field(default_factory=dict)
    phases: dict[PhaseName, float] = field(default_factory=lambda: dict(PHASES))
    silent: set[int] = field(default_factory=set)
    """Seconds (of the run) that no load worker reported."""
    failing: dict[int, int] = field(default_factory=dict)
    """Second of the run -> how many of its requests timed out."""
    latency_ms: float = 20
    slow: dict[int, float] = field(default_factory=dict)
    """Second of the run -> the latency of its requests in ms, where it is another."""
    sent: Callable[[int], int] = lambda _: RATE
    late_ms: Callable[[int], float] = lambda _: 2.0
    records: list[Record] = field(default_factory=list)

    def add(self, kind: type[Record], t: float, **keys: Any) -> None:
        self.records.append(kind(t=t, wall=BEGAN + t, variant=keys.pop("variant", self.variant), **keys))

    def see(self, t: float, resource: str, name: str, event: str = "MODIFIED", **obj: Any) -> None:
        self.add(Seen, t, event=event, resource=resource, name=name, object=obj)

    def pod(self, t: float, name: str = TARGET, app: str = "storefront", **keys: Any) -> None:
        self.see(t, "Pod", name, **pod(app, **keys))

    def event(self, t: float, reason: str, message: str, about: str = f"Pod/{TARGET}") -> None:
        kind = "Normal" if reason == "Killing" else "Warning"
        self.see(t, "Event", f"{reason}-{t}", "ADDED", type=kind, reason=reason, message=message, about=about, count=1)

    def endpoints(self, t: float, *ready: str) -> None:
        self.see(t, "EndpointSlice", "storefront-x", service="storefront", ready=list(ready), not_ready=[])

    def node(self, t: float, pressure: str = "False") -> None:
        conditions = {"Ready": {"status": "True", "reason": ""}, "MemoryPressure": {"status": pressure, "reason": ""}}
        self.see(t, "Node", "node-1", conditions=conditions, unschedulable=False, taints=[])

    def inject(
        self, t: float = INJECTED, target: str = TARGET, ok: bool = True, detail: str = "", fault: str = "deadlock"
    ) -> None:
        data = {"pod": target, "uid": "uid-storefront", "container": "storefront", "restarts": 0}
        self.add(Fault, t, fault=fault, step="inject", ok=ok, target=target, detail=detail, data=data)

    def witness(self, t: float = 21.0, ok: bool = True, target: str = TARGET) -> None:
        self.add(Fault, t, fault="deadlock", step="witness", ok=ok, target=target, detail="it answered in 3 ms")

    def trouble(self, what: str, variant: str | None = None) -> None:
        self.add(Trouble, 30, what=what, variant=self.variant if variant is None else variant)

    def shown(self, text: str) -> None:
        self.add(Shown, 30, command="kubectl logs x", text=text, when="end of fault")

    def calm(self) -> "Tape":
        """What every run shows before its fault: the pods, the node, the endpoints."""
        for letter in "abc":
            uid = "uid-storefront" if letter == "a" else f"uid-{letter}"
            self.pod(8, f"storefront-{letter}", uid=uid)
        self.pod(8, "newsletter-n", "newsletter")
        self.node(1)
        self.endpoints(9, "storefront-a", "storefront-b", "storefront-c")
        return self

    def _samples(self) -> list[Record]:
        return [self._sample(t) for t in range(9, 61) if t not in self.silent]

    def _sample(self, t: int) -> Record:
        failed, sent = self.failing.get(t, 0), self.sent(t)
        sample = {
            "second": int(BEGAN) + t + 1,
            "worker": "load-0",
            "intended": RATE,
            "sent": sent,
            "ok": sent - failed,
            "failed": {"timeout": failed} if failed else {},
            "latency": {str(bucket(self.slow.get(t, self.latency_ms))): sent - failed},
            "start_error_ms_p99": self.late_ms(t),
        }
        return Load(t=t + 2.0, wall=BEGAN + t + 2.0, variant=self.variant, sample=sample)

    def all(self) -> list[Record]:
        strip = [self.defense] if self.variant == "undefended" else []
        start = RunStarted(
            t=0,
            wall=BEGAN,
            run="r1",
            seed=7,
            seawall="0.1.0",
            scenario=scenario(self.defense, **self.keys),
            variants={self.variant: {"namespace": f"seawall-r1-{self.variant}", "strip": strip}},
        )
        phases = [Phase(t=t, wall=BEGAN + t, variant=self.variant, phase=name) for name, t in self.phases.items()]
        return [start, *sorted([*self.records, *phases, *self._samples()], key=lambda r: r.t)]

    def judged(self) -> Result:
        return judge(self.all())

    def only(self) -> VariantResult:
        return self.judged().variants[0]

    def verdict(self) -> DefenseVerdict:
        return self.only().verdicts[0]

    def past(self) -> tuple[History, Objectives]:
        whole = Scenario.model_validate(scenario(self.defense, **self.keys))
        return history(self.all(), self.variant), objectives(whole, self.variant)


def oom(variant: str = "defended", **keys: Any) -> Tape:
    """A leak that ends as it should: at 24 s the leaking container is OOMKilled at its limit, 2 s later it is back."""
    tape = Tape("resources", variant, **keys).calm()
    tape.inject()
    tape.witness()
    tape.pod(24, ready=False, state=terminated("OOMKilled"))
    tape.pod(26, restarts=1, last=terminated("OOMKilled"))
    tape.failing[24] = 10
    return tape


def spill(**keys: Any) -> Tape:
    """A leak without limits: the node is full at 28 s, and the newsletter dies of it."""
    tape = Tape("resources", "undefended", **keys).calm()
    tape.records = [r for r in tape.records if not (isinstance(r, Seen) and r.name == TARGET)]
    tape.pod(8, limit=None)
    tape.inject()
    tape.witness()
    tape.pod(28, "newsletter-n", "newsletter", ready=False, state=terminated("OOMKilled"), limit=None)
    tape.pod(29, "newsletter-n", "newsletter", restarts=1, last=terminated("OOMKilled"), limit=None)
    tape.failing.update(dict.fromkeys(range(26, 29), 13))
    return tape


def hang(**keys: Any) -> Tape:
    """A deadlock that is noticed after 3 s, restarted after 9 s, and gone from users' sight after 4 s."""
    tape = Tape("health-checks", **keys).calm()
    tape.inject()
    tape.witness()
    tape.event(22, "Unhealthy", "Readiness probe failed: context deadline exceeded")
    tape.pod(23.4, ready=False)
    tape.endpoints(23.5, "storefront-b", "storefront-c")
    tape.event(26, "Killing", "Container storefront failed liveness probe, will be restarted")
    tape.pod(28, ready=False, state=terminated("Error"))
    tape.pod(29, ready=False, restarts=1, last=terminated("Error"))
    tape.pod(30, restarts=1, last=terminated("Error"))
    tape.endpoints(30.1, "storefront-a", "storefront-b", "storefront-c")
    tape.failing.update(dict.fromkeys(range(20, 24), 13))
    return tape


def lie(variant: str = "undefended", **keys: Any) -> Tape:
    """A deadlock that nobody notices: a third of the users fail until the run removes the pod at 45 s."""
    tape = Tape("health-checks", variant, **keys).calm()
    tape.inject()
    tape.witness()
    tape.failing.update(dict.fromkeys(range(20, 46), 13))
    tape.endpoints(44.9, "storefront-b", "storefront-c")
    tape.pod(44.95, deleting=True, ready=False)
    return tape
