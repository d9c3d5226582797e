"""Bad revisions and crashes on a real API: they bite, they are seen, and the workload is as it was afterwards."""

import time
from collections.abc import Callable, Iterator

import pytest

from chaos import recover
from chaos.faults.bad_rollout import BAD_ROLLOUT, BadRollout
from chaos.faults.crash import CRASH, Crash
from chaos.faults.kind import FaultRefused
from chaos.kube import Kube, Obj
from tests.faults.stage import Stage, deployment, embedded, stage

pytestmark = pytest.mark.root
PATIENCE_SECONDS = 10.0
SERVER = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
class App(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
    def do_POST(self):
        self.do_GET()
        self.wfile.flush()
        os._exit(1)
HTTPServer(("", 8000), App).serve_forever()
"""
WEB: Obj = {
    "name": "web",
    "image": "python:3.12-slim",
    "command": ["python3", "-c", SERVER],
    "ports": [{"containerPort": 8000}],
    "readinessProbe": {"tcpSocket": {"port": 8000}, "periodSeconds": 1},
}


@pytest.fixture(scope="module")
def kube() -> Iterator[Kube]:
    with embedded() as found:
        yield found


@pytest.fixture
def web(kube: Kube) -> Iterator[Stage]:
    with stage(kube, [deployment(containers=[WEB])]) as found:
        yield found


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it did not come to be in time"
        time.sleep(0.2)


def template(web: Stage) -> Obj:
    path = f"/apis/apps/v1/namespaces/{web.arena.namespace}/deployments/web"
    return dict(web.kube.get(path)["spec"]["template"])


@pytest.mark.parametrize("broken", ["never-listens", "no-image"])
def test_a_bad_revision_is_seen_and_rolled_back(web: Stage, broken: str) -> None:
    params, before = BadRollout.model_validate({"broken": broken}), template(web)
    [injury] = BAD_ROLLOUT.inject(web.arena, params)
    until(lambda: BAD_ROLLOUT.witness(web.arena, params, injury).ok)
    assert injury.undo is not None
    recover.carry_out(web.kube, web.undos[injury.undo], web.run)
    assert template(web) == before
    until(lambda: list(web.arena.view.pods("deployment/web")) == injury.data["old"])


def test_a_rollout_that_was_taken_back_is_no_bite(web: Stage) -> None:
    params = BadRollout()
    [injury] = BAD_ROLLOUT.inject(web.arena, params)
    assert injury.undo is not None
    recover.carry_out(web.kube, web.undos[injury.undo], web.run)
    until(lambda: list(web.arena.view.pods("deployment/web")) == injury.data["old"])
    until(lambda: "no pod" in BAD_ROLLOUT.witness(web.arena, params, injury).detail)
    assert not BAD_ROLLOUT.witness(web.arena, params, injury).ok


def test_only_a_deployment_is_rolled_out(kube: Kube) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [WEB]}}
    with stage(kube, [pod], target="pod/web") as found, pytest.raises(FaultRefused, match="no Deployment"):
        BAD_ROLLOUT.inject(found.arena, BadRollout())


def test_a_crash_is_seen_by_the_kubelets_account(web: Stage) -> None:
    [injury] = CRASH.inject(web.arena, Crash())
    until(lambda: CRASH.witness(web.arena, Crash(), injury).ok)
    until(lambda: all(p["ready"] for p in web.arena.view.pods("deployment/web").values()))
    assert injury.undo is not None
    recover.carry_out(web.kube, web.undos[injury.undo], web.run)
    assert list(web.arena.view.pods("deployment/web")) == [injury.target]
