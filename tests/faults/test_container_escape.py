"""A shell in a real container: what the kernel grants it, with the walls and without, and what is left behind."""

import time
from collections.abc import Iterator
from typing import ClassVar

import pytest

from chaos.exec import Ended, run_in
from chaos.faults.container_escape import CONTAINER_ESCAPE, ContainerEscape
from chaos.faults.kind import FaultRefused, Sighting, pod_path
from chaos.kube import Kube, KubeError, Obj, TimedOut
from loadgen.units import Duration
from tests.faults.stage import Stage, deployment, embedded, stage

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def kube() -> Iterator[Kube]:
    with embedded() as found:
        yield found


WEB = {"name": "web", "image": "python:3.12-slim", "command": ["sleep", "600"]}
WALLS = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


@pytest.fixture
def bare(kube: Kube) -> Iterator[Stage]:
    with stage(kube, [deployment(containers=[WEB])]) as found:
        yield found


def seen(web: Stage) -> Sighting:
    (injury,) = CONTAINER_ESCAPE.inject(web.arena, ContainerEscape())
    return CONTAINER_ESCAPE.witness(web.arena, ContainerEscape(), injury)


def test_without_walls_the_intruder_is_root(bare: Stage) -> None:
    look = seen(bare)
    assert look.ok
    tried = look.data["tried"]
    assert (tried["uid"], tried["NoNewPrivs"], tried["write-to-root"], tried["change-owner"]) == (
        "0",
        "0",
        "done",
        "done",
    )
    assert tried["CapEff"].strip("0")


def test_with_walls_the_kernel_says_no(kube: Kube) -> None:
    with stage(kube, [deployment(containers=[{**WEB, "securityContext": WALLS}])]) as web:
        tried = seen(web).data["tried"]
    assert (tried["uid"], tried["CapEff"].strip("0"), tried["NoNewPrivs"], tried["Seccomp"]) == ("10001", "", "1", "2")
    assert "Read-only file system" in tried["write-to-root"]
    assert "not permitted" in tried["change-owner"]


class TestNetwork:
    """What the shell reaches: silence where a policy drops, and only there."""

    SERVING: ClassVar[Obj] = {
        **WEB,
        "command": ["python3", "-m", "http.server", "8080"],
        "ports": [{"containerPort": 8080}],
    }

    def test_without_a_policy_the_api_server_answers_it(self, kube: Kube) -> None:
        with stage(kube, [deployment(containers=[self.SERVING])]) as web:
            tried = settled(web)
        assert (tried["control"], tried["reach-api"]) == ("done", "done")
        assert "refused" in tried["reach-node"], "no kubelet of this cluster listens, but nothing keeps the packet back"
        assert tried["call-api"] == "HTTP 200", "the token of the default account was there to be shown"

    def test_behind_a_policy_nobody_does_but_the_app_itself(self, kube: Kube) -> None:
        spec = {"podSelector": {}, "policyTypes": ["Egress"]}
        deny = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "d"}, "spec": spec}
        with stage(kube, [deny, deployment(containers=[self.SERVING], automountServiceAccountToken=False)]) as web:
            tried = settled(web)
        assert [tried[k] for k in ("control", "reach-node", "reach-api")] == ["done", "timed out", "timed out"]
        assert tried["call-api"] == "no token to show"

    def test_an_app_that_names_no_port_has_no_control(self, bare: Stage) -> None:
        assert "control" not in seen(bare).data["tried"]


def settled(web: Stage) -> dict[str, str]:
    """As soon as the app listens."""
    for _ in range(20):
        tried: dict[str, str] = seen(web).data["tried"]
        if tried["control"] == "done":
            break
        time.sleep(0.2)
    return tried


def test_nothing_is_left_in_the_container(bare: Stage) -> None:
    seen(bare)
    (pod,) = bare.arena.view.pods("deployment/web")
    left = run_in(bare.kube, pod_path(bare.arena, pod), "web", ["sh", "-c", "ls / /dev/shm"])
    assert "seawall" not in left.out


def test_a_container_that_is_gone_is_no_sighting(bare: Stage) -> None:
    (injury,) = CONTAINER_ESCAPE.inject(bare.arena, ContainerEscape())
    bare.kube.delete(pod_path(bare.arena, injury.target))
    bare.arena.view.wait(lambda: injury.target not in bare.arena.view.of("Pod"), 10)
    with pytest.raises(KubeError):
        CONTAINER_ESCAPE.witness(bare.arena, ContainerEscape(), injury)


class TestExec:
    """A command's output, errors and exit code, and never for longer than agreed."""

    def test_output_errors_and_code_are_told_apart(self, bare: Stage) -> None:
        (pod,) = bare.arena.view.pods("deployment/web")
        ended = run_in(bare.kube, pod_path(bare.arena, pod), "web", ["sh", "-c", "echo out; echo err >&2; exit 3"])
        assert (ended.code, ended.out, ended.err) == (3, "out\n", "err\n")

    def test_a_command_that_does_not_end_is_given_up(self, bare: Stage) -> None:
        (pod,) = bare.arena.view.pods("deployment/web")
        with pytest.raises(TimedOut):
            run_in(bare.kube, pod_path(bare.arena, pod), "web", ["sleep", "30"], Duration(1))


def test_a_container_without_a_shell_is_refused(bare: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cluster's own images all have one, so its answer is played."""
    answer = Ended(code=127, out="", err='exec: "sh": executable file not found in $PATH')
    monkeypatch.setattr("chaos.faults.container_escape.run_in", lambda *_: answer)
    with pytest.raises(FaultRefused, match="has no shell to break into"):
        CONTAINER_ESCAPE.inject(bare.arena, ContainerEscape())
