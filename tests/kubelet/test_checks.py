"""Probes' checks against real servers on loopback, and the words in which they fail."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.kubelet.errors import StartRefused
from cluster.kubelet.probes import grpc, tcp
from cluster.kubelet.probes.http import HttpClient
from cluster.kubelet.probes.table import INITIAL, Outcome, ProbeKind, Result, next_tick, settings, step
from cluster.kubelet.probes.target import headers, port_number, url
from tests.kubelet.fakes import container

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def new_socket(family: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setblocking(False)
    return made


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[int]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def answering(*head: str) -> Handler:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write("\r\n".join([*head, "Content-Length: 0", "", ""]).encode())

    return answer


async def hanging(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def get(port: int, path: str = "/", timeout_seconds: float = 1.0) -> Outcome:
    client = HttpClient(new_socket)
    try:
        return await client.get(f"http://127.0.0.1:{port}{path}", [("User-Agent", "kube-probe/1.36")], timeout_seconds)
    finally:
        await client.close()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


class TestHttp:
    @pytest.mark.parametrize("status", ["200 OK", "204 No Content"])
    async def test_from_200_to_299_is_a_success(self, status: str) -> None:
        async with serving(answering(f"HTTP/1.1 {status}")) as port:
            assert await get(port) == Outcome(True)

    async def test_a_redirect_that_leads_elsewhere_is_an_odd_success(self) -> None:
        async with serving(answering("HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/")) as port:
            found = await get(port)
        assert found.success
        assert found.warning.startswith("Probe terminated redirects, Response body: ")

    @pytest.mark.parametrize("status", [404, 500, 503])
    async def test_other_statuses_are_named(self, status: int) -> None:
        async with serving(answering(f"HTTP/1.1 {status} No")) as port:
            assert await get(port) == Outcome(False, f"HTTP probe failed with statuscode: {status}")

    async def test_nobody_listening(self) -> None:
        port = closed_port()
        text = f'Get "http://127.0.0.1:{port}/x": dial tcp 127.0.0.1:{port}: connect: connection refused'
        assert await get(port, "/x") == Outcome(False, text)

    async def test_nobody_answering(self) -> None:
        async with serving(hanging) as port:
            text = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            assert await get(port, timeout_seconds=0.1) == Outcome(False, f'Get "http://127.0.0.1:{port}/": {text}')

    async def test_an_answer_that_breaks_off(self) -> None:
        async def hang_up(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")

        async with serving(hang_up) as port:
            assert await get(port) == Outcome(False, f'Get "http://127.0.0.1:{port}/": EOF')

    async def test_redirects_are_followed_on_the_same_host_only(self) -> None:
        async with serving(answering("HTTP/1.1 503 No")) as target:
            async with serving(answering("HTTP/1.1 302 F", f"Location: http://127.0.0.1:{target}/")) as port:
                assert not (await get(port)).success
            async with serving(answering("HTTP/1.1 302 F", f"Location: http://localhost:{target}/")) as port:
                assert (await get(port)).success

    async def test_a_loop_of_redirects_ends(self) -> None:
        async with serving(answering("HTTP/1.1 302 F", "Location: /again")) as port:
            outcome = await get(port)
            assert "stopped after 10 redirects" in outcome.message


class TestTcp:
    async def test_an_open_port_is_a_success(self) -> None:
        async with serving(hanging) as port:
            assert await tcp.connect(new_socket, "127.0.0.1", port, 1) == Outcome(True)

    async def test_a_closed_one_is_refused(self) -> None:
        port = closed_port()
        text = f"dial tcp 127.0.0.1:{port}: connect: connection refused"
        assert await tcp.connect(new_socket, "127.0.0.1", port, 1) == Outcome(False, text)


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def health(status: int | None) -> Handler:
    """A server that says its settings, then answers a Check with a status, or with trailers alone."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await reader.readexactly(24)).startswith(b"PRI * HTTP/2.0")
        writer.write(frame(4, 0, 0, b"") + frame(6, 0, 0, b"12345678"))
        if status is None:
            writer.write(frame(1, 5, 1, b"\x88"))
        else:
            message = bytes((0x08, status))
            writer.write(frame(1, 4, 1, b"\x88") + frame(0, 0, 1, b"\0" + len(message).to_bytes(4, "big") + message))
            writer.write(frame(1, 5, 1, b""))
        await writer.drain()
        await reader.read()

    return answer


class TestGrpc:
    async def check(self, handler: Handler, timeout_seconds: float = 1.0) -> Outcome:
        async with serving(handler) as port:
            return await grpc.check(new_socket, "127.0.0.1", port, "shop", timeout_seconds)

    async def test_serving_is_a_success(self) -> None:
        assert await self.check(health(1)) == Outcome(True)

    async def test_not_serving_is_named(self) -> None:
        assert await self.check(health(2)) == Outcome(False, 'service unhealthy (responded with "NOT_SERVING")')

    async def test_a_server_without_health_service_fails(self) -> None:
        assert "refused the call" in (await self.check(health(None))).message

    async def test_a_server_that_hangs_times_out(self) -> None:
        assert "context deadline exceeded" in (await self.check(hanging, 0.1)).message

    async def test_what_is_no_http2_fails(self) -> None:
        assert not (await self.check(answering("HTTP/1.1 200 OK"))).success

    @given(st.binary())
    def test_no_answer_breaks_it(self, body: bytes) -> None:
        if len(body) < 5 or body[0]:
            with pytest.raises(ValueError, match="refused"):
                grpc.serving_status(body)
        else:
            assert grpc.serving_status(body)


class TestTargets:
    def test_a_port_may_be_named(self) -> None:
        spec = container(ports=[{"name": "http", "containerPort": 8080}])
        assert port_number(spec, "http") == 8080
        assert port_number(spec, "81") == 81
        with pytest.raises(StartRefused, match='parsing "https": invalid syntax'):
            port_number(spec, "https")

    def test_the_url_is_the_manifests(self) -> None:
        assert url(container(), {"port": 80, "path": "ready?x=1"}, "198.18.1.2") == "http://198.18.1.2:80/ready?x=1"
        assert url(container(), {"port": 1, "scheme": "HTTPS", "host": "h"}, "x") == "https://h:1/"

    def test_own_headers_replace_the_kubelets(self) -> None:
        own = {"httpHeaders": [{"name": "user-agent", "value": "me"}, {"name": "X", "value": "1"}]}
        assert headers(own) == [("Accept", "*/*"), ("user-agent", "me"), ("X", "1")]


class TestStateMachine:
    RULES = settings({"failureThreshold": 3, "successThreshold": 2})

    def after(self, kind: ProbeKind, outcomes: str) -> Result:
        state = INITIAL[kind]
        for outcome in outcomes:
            state = step(state, Outcome(outcome == "+"), self.RULES)
        return state.result

    @pytest.mark.parametrize(
        ("outcomes", "result"),
        [
            ("", Result.FAILURE),
            ("+", Result.FAILURE),
            ("++", Result.SUCCESS),
            ("+-+", Result.FAILURE),
            ("++--", Result.SUCCESS),
            ("++--+--", Result.SUCCESS),
            ("++---", Result.FAILURE),
            ("++---+", Result.FAILURE),
            ("++---++", Result.SUCCESS),
        ],
    )
    def test_readiness_changes_after_enough_in_a_row(self, outcomes: str, result: Result) -> None:
        assert self.after(ProbeKind.READINESS, outcomes) is result

    def test_liveness_is_presumed_and_startup_is_not(self) -> None:
        assert self.after(ProbeKind.LIVENESS, "--") is Result.SUCCESS
        assert self.after(ProbeKind.STARTUP, "--") is Result.UNKNOWN

    @given(st.text(alphabet="+-", max_size=20))
    def test_three_failures_in_a_row_always_fail_and_two_successes_always_succeed(self, outcomes: str) -> None:
        for kind in ProbeKind:
            assert self.after(kind, outcomes + "---") is Result.FAILURE
            assert self.after(kind, outcomes + "++") is Result.SUCCESS

    @given(st.floats(0, 1e6), st.floats(0.5, 100), st.floats(0, 1e6))
    def test_the_next_tick_is_ahead_and_at_most_a_period_away(self, origin: float, period: float, later: float) -> None:
        now = origin + later
        assert now < next_tick(origin, period, now) <= now + period + 0.0011
