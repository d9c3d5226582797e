"""New pods of a rollout on a real API: cold by their own word until they serve, and warm ever after."""

from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from chaos.faults.cold_start import COLD_START, ColdStart
from chaos.faults.kind import FaultRefused, Sighting
from chaos.kube import Kube, Obj
from tests.faults.stage import deployment, embedded, stage
from tests.faults.test_storage import until

WARM_UP = """
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
warm_at = time.monotonic() + 2
class App(BaseHTTPRequestHandler):
    def do_GET(self):
        warm = self.path == "/" and time.monotonic() >= warm_at
        self.send_response(200 if warm else 503 if self.path == "/" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()
HTTPServer(("", 8000), App).serve_forever()
"""
LISTEN_LATE = """
import http.server, time
time.sleep(2)
http.server.test(http.server.SimpleHTTPRequestHandler, port=8000)
"""
ROOT, NOWHERE = ColdStart(), ColdStart(path="/nowhere")


def web(program: str, probe: Obj) -> Obj:
    return {
        "name": "web",
        "image": "python:3.12-slim",
        "command": ["python3", "-c", program],
        "ports": [{"containerPort": 8000}],
        "readinessProbe": {**probe, "periodSeconds": 1},
    }


HONEST = web(WARM_UP, {"httpGet": {"path": "/", "port": 8000}})
LATE = web(LISTEN_LATE, {"tcpSocket": {"port": 8000}})
HASTY = web(WARM_UP, {"tcpSocket": {"port": 8000}})


def served(seen: Sighting) -> list[bool]:
    return [look["served"] for look in seen.data["looks"]]


def test_a_path_is_one() -> None:
    with pytest.raises(ValidationError):
        ColdStart(path="products")


@pytest.fixture(scope="module")
def kube() -> Iterator[Kube]:
    with embedded() as found:
        yield found


@pytest.mark.root
class TestOnACluster:
    def test_a_new_pod_is_seen_cold_then_warm_and_then_left_in_peace(self, kube: Kube) -> None:
        with stage(kube, [deployment(containers=[HONEST])]) as at:
            (injury,) = COLD_START.inject(at.arena, ROOT)
            (old,) = injury.data["old"]

            def look() -> Sighting:
                return COLD_START.witness(at.arena, ROOT, injury)

            cold = until(look, lambda seen: seen.ok)
            assert served(cold) == [False]
            assert cold.data["looks"][0]["ago"] >= 0
            warm = until(look, lambda seen: served(seen) == [True])
            assert (warm.ok, injury.data["warm"] != [old]) == (False, True)
            assert (look().ok, look().data) == (False, {"looks": []})

    def test_one_that_refuses_connections_is_cold_too(self, kube: Kube) -> None:
        """What listens late, as after reading a large file."""
        with stage(kube, [deployment(containers=[LATE])]) as at:
            (injury,) = COLD_START.inject(at.arena, ROOT)
            seen = until(lambda: COLD_START.witness(at.arena, ROOT, injury), lambda seen: seen.ok)
            assert "is not served" in seen.detail

    @pytest.mark.parametrize(("params", "why"), [(ROOT, "HTTP 503"), (NOWHERE, "HTTP 404")])
    def test_a_path_on_which_a_ready_pod_does_not_serve_is_refused_before_anything_is_done(
        self, kube: Kube, params: ColdStart, why: str
    ) -> None:
        with stage(kube, [deployment(containers=[HASTY])]) as at:
            before = list(at.arena.view.pods("deployment/web"))
            with pytest.raises(FaultRefused, match=f"{why}.*give a path that users ask for"):
                COLD_START.inject(at.arena, params)
            assert list(at.arena.view.pods("deployment/web")) == before

    def test_only_what_is_rolled_out_can_be(self, kube: Kube) -> None:
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "web"},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [HONEST]},
        }
        with stage(kube, [pod], target="pod/web") as at, pytest.raises(FaultRefused, match="cannot be rolled out"):
            COLD_START.inject(at.arena, ROOT)
