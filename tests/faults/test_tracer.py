"""Faults on a workload that is nothing of ours: held, ended and fed by a tracer, in real containers."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chaos.exec import run_in
from chaos.faults import tracer
from chaos.faults.app import restarted
from chaos.faults.crash import CRASH
from chaos.faults.deadlock import DEADLOCK
from chaos.faults.kind import FaultKind, FaultRefused, Injury, Sighting, pod_path
from chaos.faults.memory_leak import MEMORY_LEAK, MemoryLeak
from chaos.kube import Kube, Obj
from loadgen.units import Duration, Size
from tests.faults.stage import Stage, deployment, embedded, stage

pytestmark = pytest.mark.root

ALIVE = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1, "failureThreshold": 2}
WALLS = {
    "runAsUser": 65532,
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
SERVER: Obj = {
    "name": "web",
    "image": "python:3.12-slim",
    "command": ["python3", "-m", "http.server", "8080", "--directory", "/usr/share"],
    "ports": [{"containerPort": 8080}],
    "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
    "securityContext": WALLS,
}


@pytest.fixture(scope="module")
def kube() -> Iterator[Kube]:
    with embedded() as found:
        yield found


def server(**container: Any) -> Obj:
    return deployment(containers=[{**SERVER, **container}])


def inject(web: Stage, kind: FaultKind[Any], **params: Any) -> Injury:
    (injury,) = kind.inject(web.arena, kind.params(**params))
    return injury


def look(web: Stage, kind: FaultKind[Any], injury: Injury) -> Sighting:
    return kind.witness(web.arena, kind.params(), injury)


def until(true: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def ended(web: Stage, injury: Injury) -> Obj:
    """How the injured container ended."""
    assert until(lambda: bool(restarted(web.arena, injury)))
    seen = restarted(web.arena, injury) or {}
    how: Obj = seen["last"].get("terminated") or seen["state"]["terminated"]
    return how


class TestFreeze:
    def test_every_thread_stands_and_the_pod_hangs(self, kube: Kube) -> None:
        with stage(kube, [server()]) as web:
            injury = inject(web, DEADLOCK)
            seen = look(web, DEADLOCK, injury)
        assert seen.ok, seen
        assert injury.data["before"]["held"] == injury.data["before"]["of"]

    def test_processes_below_the_first_one_are_held_too(self, kube: Kube) -> None:
        command = ["sh", "-c", "python3 -m http.server 8080 & sleep 600 & true & sleep 600"]
        with stage(kube, [server(command=command)]) as web:
            injury = inject(web, DEADLOCK)
            assert look(web, DEADLOCK, injury).ok
        assert injury.data["before"] == {"held": "4", "of": "4"}, "one that has ended cannot be held"

    def test_a_liveness_probe_ends_what_is_held(self, kube: Kube) -> None:
        with stage(kube, [server(livenessProbe=ALIVE)]) as web:
            injury = inject(web, DEADLOCK)
            assert ended(web, injury)["exitCode"] == 137
            assert until(lambda: not look(web, DEADLOCK, injury).ok)
            assert web.arena.view.wait(lambda: bool(web.arena.view.of("Pod")[injury.target]["ready"]), 15)

    def test_its_undo_gives_the_workload_a_pod_that_answers(self, kube: Kube) -> None:
        with stage(kube, [server()]) as web:
            injury = inject(web, DEADLOCK)
            web.heal_pods()
            assert until(lambda: injury.target not in web.arena.view.of("Pod"))
            assert until(lambda: any(p["ready"] for p in web.arena.view.pods("deployment/web").values()))

    def test_it_ends_by_itself_and_the_app_runs_on(self, kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tracer, "LASTS", Duration(3))
        with stage(kube, [server()]) as web:
            injury = inject(web, DEADLOCK)
            assert look(web, DEADLOCK, injury).ok
            assert until(lambda: look(web, DEADLOCK, injury).detail.endswith("answers"))
            assert restarted(web.arena, injury) is None

    def test_an_app_that_answered_nobody_before_is_left_alone(self, kube: Kube) -> None:
        deaf = "import socket, time; s = socket.create_server(('', 8080)); time.sleep(600)"
        listens = {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
        with stage(kube, [server(command=["python3", "-c", deaf], readinessProbe=listens)]) as web:
            untouched(web, DEADLOCK, "gave no answer to GET /")


class TestCrash:
    def test_the_first_process_is_killed(self, kube: Kube) -> None:
        with stage(kube, [server()]) as web:
            injury = inject(web, CRASH)
            assert not look(web, CRASH, injury).ok, "it is told before it bites"
            how = ended(web, injury)
            assert look(web, CRASH, injury).ok
        assert (how["exitCode"], how["reason"]) == (137, "Error")


class TestLeak:
    def test_the_memory_is_the_apps_own_and_ends_at_its_limit(self, kube: Kube) -> None:
        limited = {"requests": {"memory": "32Mi"}, "limits": {"memory": "96Mi"}}
        with stage(kube, [server(resources=limited)]) as web:
            injury = inject(web, MEMORY_LEAK, per_second="16Mi")
            assert until(lambda: look(web, MEMORY_LEAK, injury).ok)
            how = ended(web, injury)
            seen = look(web, MEMORY_LEAK, injury)
        assert (how["exitCode"], how["reason"]) == (137, "OOMKilled")
        assert "OOMKilled" in seen.detail

    def test_the_app_serves_on_while_it_leaks(self, kube: Kube) -> None:
        with stage(kube, [server()]) as web:
            injury = inject(web, MEMORY_LEAK, per_second="8Mi")
            assert until(lambda: look(web, MEMORY_LEAK, injury).ok)
            assert look(web, DEADLOCK, injury).detail.endswith("answers")

    def test_too_little_is_no_leak(self, kube: Kube) -> None:
        with stage(kube, [server()]) as web:
            (injury,) = MEMORY_LEAK.inject(web.arena, MemoryLeak(per_second=Size.parse("4Ki")))
            time.sleep(2)
            assert not look(web, MEMORY_LEAK, injury).ok


class TestRefusals:
    """Where no tracer may join, the fault says so, and nothing was done."""

    @pytest.mark.parametrize("kind", [DEADLOCK, CRASH, MEMORY_LEAK])
    @pytest.mark.parametrize("level", ["baseline", "restricted"])
    def test_pod_security_that_forbids_the_capability(self, kube: Kube, kind: FaultKind[Any], level: str) -> None:
        with stage(kube, [server()]) as web:
            labels = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": level}}}
            kube.merge(f"/api/v1/namespaces/{web.arena.namespace}", labels)
            untouched(web, kind, "violates PodSecurity.*SYS_PTRACE")

    @pytest.mark.parametrize("kind", [CRASH, MEMORY_LEAK])
    def test_a_pod_that_shares_its_processes(self, kube: Kube, kind: FaultKind[Any]) -> None:
        with stage(kube, [deployment(containers=[SERVER], shareProcessNamespace=True)]) as web:
            untouched(web, kind, "shareProcessNamespace: true")


def untouched(web: Stage, kind: FaultKind[Any], why: str) -> None:
    undos = list(web.undos)
    with pytest.raises(FaultRefused, match=why):
        inject(web, kind)
    (pod,) = web.arena.view.pods("deployment/web")
    assert "ephemeralContainers" not in web.kube.get(pod_path(web.arena, pod))["spec"]
    assert web.undos == undos


def test_a_tracer_that_may_not_trace_says_so(kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a security module of the node forbids it: here, its capability is taken away."""
    whole = tracer._container

    def bare(*arguments: Any) -> Obj:
        context = {"runAsUser": 0, "capabilities": {"drop": ["ALL"]}}
        return {**whole(*arguments), "securityContext": context}

    monkeypatch.setattr(tracer, "_container", bare)
    with stage(kube, [server()]) as web, pytest.raises(FaultRefused, match=r"cannot do it.*Permission denied"):
        inject(web, CRASH)


def test_what_the_app_has_open_is_as_it_was(kube: Kube) -> None:
    """A call that the tracer broke off is begun again: the shell still waits for its child."""
    command = ["sh", "-c", "python3 -m http.server 8080; echo over > /dev/shm/over; sleep 600"]
    with stage(kube, [server(command=command)]) as web:
        injury = inject(web, MEMORY_LEAK, per_second="4Ki")
        time.sleep(1)
        told = run_in(kube, pod_path(web.arena, injury.target), "web", ["sh", "-c", "ls /dev/shm"])
    assert "over" not in told.out
