"""The thin layer over the client, against a server on loopback that answers what a cluster on a bad day answers."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from chaos.kube import Kube, NoCluster, Refused, TimedOut, Unreachable, connect
from chaos.watching import watch
from loadgen.units import Duration

Answer = Callable[[BaseHTTPRequestHandler], None]


class BadDay(ThreadingHTTPServer):
    """Answers each request with the next of `answers`, the last one for ever."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Answer] = []
        self.asked: list[str] = []

    def next(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: BadDay

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append(f"{self.command} {self.path}")
        self.server.next()(self)

    do_DELETE = do_POST = do_PATCH = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def answer(code: int, body: Any) -> Answer:
    def send(handler: BaseHTTPRequestHandler) -> None:
        data = json.dumps(body).encode()
        handler.send_response(code)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return send


def stream(*events: Any) -> Answer:
    """A watch that sends these and is then cut off."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        for event in events:
            handler.wfile.write(json.dumps(event).encode() + b"\n")
        handler.close_connection = True

    return send


def status(code: int, reason: str, *causes: str) -> Answer:
    details = {"causes": [{"reason": c} for c in causes]}
    return answer(code, {"kind": "Status", "code": code, "reason": reason, "message": "m", "details": details})


def pod(name: str, version: int) -> dict[str, Any]:
    return {"kind": "Pod", "metadata": {"name": name, "uid": name, "resourceVersion": str(version)}}


def pods(version: int, *items: dict[str, Any]) -> Answer:
    return answer(
        200, {"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": str(version)}, "items": items}
    )


def _wait(gate: threading.Event) -> None:
    gate.wait(5)


@pytest.fixture
def server() -> Iterator[BadDay]:
    with BadDay() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def kube(server: BadDay, tmp_path: Path) -> Kube:
    path = tmp_path / "kubeconfig"
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "here",
                "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
                "users": [{"name": "u", "user": {"token": "t"}}],
            }
        )
    )
    return connect(kubeconfig=str(path))


def first(count: int, kube: Kube) -> list[tuple[str, str]]:
    events = islice(watch(kube, "/api/v1/pods", lambda: False), count)
    return [(e.type, e.object["metadata"]["name"]) for e in events]


class TestAnswers:
    """A no is final, a silence is not."""

    @pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 422])
    def test_a_no_is_refused_and_asked_once(self, kube: Kube, server: BadDay, code: int) -> None:
        server.answers = [status(code, "No")]
        with pytest.raises(Refused) as refusal:
            kube.get("/api/v1/pods")
        assert (refusal.value.code, refusal.value.reason) == (code, "No")
        assert len(server.asked) == 1

    def test_a_refused_eviction_is_the_clusters_answer_although_it_is_a_429(self, kube: Kube, server: BadDay) -> None:
        server.answers = [status(429, "TooManyRequests", "DisruptionBudget")]
        with pytest.raises(Refused) as refusal:
            kube.json("POST", "/api/v1/namespaces/n/pods/p/eviction", body={})
        assert refusal.value.causes == ("DisruptionBudget",)

    @pytest.mark.parametrize("code", [429, 500, 503])
    def test_a_server_that_is_busy_is_asked_again(self, kube: Kube, server: BadDay, code: int) -> None:
        server.answers = [status(code, "Busy"), status(code, "Busy"), answer(200, {"ok": 1})]
        assert kube.get("/api/v1/pods") == {"ok": 1}
        assert len(server.asked) == 3

    def test_an_answer_that_is_no_status_is_still_told(self, kube: Kube, server: BadDay) -> None:
        server.answers = [answer(403, ["proxy says no"])]
        with pytest.raises(Refused, match="proxy says no"):
            kube.get("/api/v1/pods")

    def test_a_silent_server_times_out(self, kube: Kube, server: BadDay) -> None:
        gate = threading.Event()
        server.answers = [lambda _: _wait(gate)]
        with pytest.raises(TimedOut):
            kube.request("GET", "/", timeout=Duration(0.2))
        gate.set()

    def test_nobody_listening_is_unreachable_and_no_time_out(self, kube: Kube, server: BadDay) -> None:
        server.shutdown()
        server.server_close()
        with pytest.raises(Unreachable) as error:
            kube.request("GET", "/")
        assert not isinstance(error.value, TimedOut)

    def test_what_is_gone_already_needs_no_deleting(self, kube: Kube, server: BadDay) -> None:
        server.answers = [status(404, "NotFound"), status(409, "Conflict")]
        assert kube.delete("/api/v1/namespaces/n") is False
        assert kube.delete("/api/v1/namespaces/n", uid="other") is False


class TestWatches:
    """A watch loses no change, whatever happens to its connection."""

    def test_it_goes_on_where_it_broke_off(self, kube: Kube, server: BadDay) -> None:
        server.answers = [
            pods(5, pod("a", 5)),
            stream({"type": "MODIFIED", "object": pod("a", 6)}),
            stream({"type": "ADDED", "object": pod("b", 7)}),
        ]
        assert first(3, kube) == [("ADDED", "a"), ("MODIFIED", "a"), ("ADDED", "b")]
        assert "resourceVersion=6" in server.asked[2]

    def test_when_the_server_forgot_it_lists_again_and_tells_only_what_changed(
        self, kube: Kube, server: BadDay
    ) -> None:
        server.answers = [
            pods(5, pod("a", 5), pod("b", 5), pod("c", 5)),
            stream({"type": "ERROR", "object": {"kind": "Status", "code": 410}}),
            pods(9, pod("a", 5), pod("b", 8), pod("d", 9)),
            stream(),
        ]
        assert first(6, kube)[3:] == [("DELETED", "c"), ("MODIFIED", "b"), ("ADDED", "d")]

    def test_bookmarks_move_it_on_without_being_told(self, kube: Kube, server: BadDay) -> None:
        server.answers = [
            pods(5),
            stream({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "50"}}}),
            stream({"type": "ADDED", "object": pod("b", 51)}),
        ]
        assert first(1, kube) == [("ADDED", "b")]
        assert "resourceVersion=50" in server.asked[2]


class TestKubeconfigs:
    """Without a usable context there is no cluster, and the message says what there is instead."""

    def test_an_unknown_context_names_the_known(self, kube: Kube, tmp_path: Path) -> None:
        assert kube.context == "here"
        with pytest.raises(NoCluster, match="here"):
            connect("there", str(tmp_path / "kubeconfig"))

    @pytest.mark.parametrize("text", ["", "{", "kind: Config\n", "- 1\n"])
    def test_a_broken_file_is_told_without_a_traceback(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "k").write_text(text)
        with pytest.raises(NoCluster):
            connect(kubeconfig=str(tmp_path / "k"))

    def test_no_file_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(NoCluster):
            connect(kubeconfig=str(tmp_path / "none"))
