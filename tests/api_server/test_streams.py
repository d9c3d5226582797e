"""Logs, commands, forwarded ports and proxied requests, over real sockets."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import orjson
import pytest
from aiohttp import web

from cluster.client import BadRequest, NotImplementedHere, Obj
from cluster.nodeservice import ExecSession, LogOptions, NodeUsage
from tests.api_server.objects import pod, running_pod, with_default_account
from tests.api_server.serving import Served, serving

POD = "/api/v1/namespaces/default/pods/web"


@dataclass
class Echo:
    """A command that repeats its input and ends with a code of its own."""

    code: int
    tty: bool
    killed: bool = False
    size: tuple[int, int] | None = None
    _input: "asyncio.Queue[bytes]" = field(default_factory=asyncio.Queue)

    async def write_stdin(self, data: bytes) -> None:
        await self._input.put(data)

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        while data := await self._input.get():
            yield 1, data
        yield 2, b"bye"

    async def resize(self, columns: int, rows: int) -> None:
        self.size = (columns, rows)

    async def exit_code(self) -> int:
        return self.code

    async def kill(self) -> None:
        self.killed = True


@dataclass
class Node:
    """A kubelet's side, as a table."""

    asked: list[LogOptions] = field(default_factory=list)
    commands: list[list[str]] = field(default_factory=list)
    sessions: list[Echo] = field(default_factory=list)

    async def logs(self, _namespace: str, pod: str, options: LogOptions) -> AsyncIterator[bytes]:
        self.asked.append(options)
        if options.previous:
            raise BadRequest(f'previous terminated container "main" in pod "{pod}" not found')
        yield b"one\n"
        if options.follow:
            await asyncio.sleep(0.3)
        yield b"two\n"

    async def exec(
        self, _namespace: str, _pod: str, _container: str, command: list[str], *, stdin: bool, tty: bool
    ) -> ExecSession:
        self.commands.append(command)
        self.sessions.append(Echo(code=int(command[-1]), tty=tty))
        if not stdin:
            await self.sessions[-1].write_stdin(b"")
        return self.sessions[-1]

    async def attach(self, _namespace: str, _pod: str, _container: str) -> ExecSession:
        self.sessions.append(Echo(code=7, tty=False))
        return self.sessions[-1]

    async def dial(self, _namespace: str, _pod: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", port)

    def usage(self) -> NodeUsage:
        raise OSError

    def ask(self, path: str) -> Obj:
        if path != "configz":
            raise NotImplementedHere(path)
        return {"kubeletconfig": {}}


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.fixture
async def served(tmp_path: Path, node: Node) -> AsyncIterator[Served]:
    async with serving(tmp_path, {"node1": node}) as served:
        client = served.api.client("system:test")
        with_default_account(client)
        running_pod(client)
        yield served


@pytest.fixture
async def backend(served: Served) -> AsyncIterator[int]:
    """A web server that the pod's address leads to; its port."""

    async def handle(request: web.BaseRequest) -> web.Response:
        seen = {
            "method": request.method,
            "path": request.raw_path,
            "body": (await request.read()).decode(),
            "authorization": request.headers.get("Authorization"),
        }
        return web.json_response(seen, status=418, headers={"X-Mine": "yes"})

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    sock = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, sock).start()
    at_home(served)
    yield sock.getsockname()[1]
    await runner.cleanup()


def at_home(served: Served) -> None:
    status = {"podIP": "127.0.0.1", "hostIP": "198.19.255.1"}
    served.api.client("system:test").patch("pods", "web", "default", {"status": status}, subresource="status")


def put_slice(served: Served, part: Obj) -> None:
    """Past the API's rules, for it takes no endpoint on this machine's loopback."""
    core = served.api._core
    metadata = {**part["metadata"], "namespace": "default", "uid": "00000000-0000-4000-8000-000000000000"}
    core.verbs.put(core.verbs.resource("endpointslices.discovery.k8s.io"), {**part, "metadata": metadata})


class TestLogs:
    async def test_they_come_from_the_node(self, served: Served, node: Node) -> None:
        query = "tailLines=5&timestamps=true&sinceSeconds=60&limitBytes=9"
        async with served.session.get(f"{served.url}{POD}/log?{query}") as answer:
            assert (answer.status, answer.content_type) == (200, "text/plain")
            assert await answer.read() == b"one\ntwo\n"
        expected = LogOptions(container="main", timestamps=True, tail_lines=5, since_seconds=60, limit_bytes=9)
        assert node.asked == [expected]

    async def test_they_are_followed_as_they_grow(self, served: Served) -> None:
        async with asyncio.timeout(5), served.session.get(f"{served.url}{POD}/log?follow=true") as answer:
            assert await answer.content.readline() == b"one\n"
            assert await answer.content.readline() == b"two\n"

    async def test_the_kubelets_refusal_is_the_answer(self, served: Served) -> None:
        code, status = await served.call("GET", f"{POD}/log?previous=true")
        assert (code, status["message"]) == (400, 'previous terminated container "main" in pod "web" not found')

    async def test_the_container_must_be_clear(self, served: Served) -> None:
        two = [{"name": n, "image": "x"} for n in ("a", "b")]
        running_pod(served.api.client("system:test"), "two", containers=two)
        path = "/api/v1/namespaces/default/pods/two/log"
        code, status = await served.call("GET", path)
        assert code == 400
        assert status["message"] == "a container name must be specified for pod two, choose one of: [a b]"
        code, status = await served.call("GET", f"{path}?container=c")
        assert status["message"] == "container c is not valid for pod two"

    async def test_a_node_that_is_gone_has_no_route(self, served: Served) -> None:
        running_pod(served.api.client("system:test"), "lost", node="node9")
        code, status = await served.call("GET", "/api/v1/namespaces/default/pods/lost/log")
        assert code == 500
        assert "no route to host" in status["message"]

    async def test_a_pod_that_is_nowhere_has_said_nothing(self, served: Served) -> None:
        served.api.client("system:test").create("pods", pod("waiting"), "default")
        async with served.session.get(f"{served.url}/api/v1/namespaces/default/pods/waiting/log") as answer:
            assert (answer.status, await answer.read()) == (200, b"")


async def killed(node: Node) -> None:
    async with asyncio.timeout(5):
        while not node.sessions[0].killed:
            await asyncio.sleep(0.01)


class TestExec:
    @pytest.mark.parametrize("protocol", ["v4.channel.k8s.io", "v5.channel.k8s.io"])
    async def test_a_command_is_talked_to_and_ends(self, served: Served, node: Node, protocol: str) -> None:
        url = f"{served.url}{POD}/exec?command=exit&command=7&stdin=1&stdout=1&stderr=1"
        async with asyncio.timeout(5), served.session.ws_connect(url, protocols=[protocol]) as ws:
            assert ws.protocol == protocol
            await ws.send_bytes(b"\x00hello")
            assert await ws.receive_bytes() == b"\x01hello"
            await ws.send_bytes(b"\x04" + orjson.dumps({"Width": 80, "Height": 24}))
            await ws.send_bytes(b"\xff\x00")
            assert await ws.receive_bytes() == b"\x02bye"
            ending = await ws.receive_bytes()
            assert (await ws.receive()).type is aiohttp.WSMsgType.CLOSE
        status = orjson.loads(ending[1:])
        assert (ending[0], status["reason"]) == (3, "NonZeroExitCode")
        assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "7"}]
        assert node.commands == [["exit", "7"]]
        assert node.sessions[0].size == (80, 24)
        await killed(node)

    async def test_a_caller_that_goes_takes_its_command_along(self, served: Served, node: Node) -> None:
        url = f"{served.url}{POD}/exec?command=0&stdin=1"
        async with served.session.ws_connect(url, protocols=["v5.channel.k8s.io"]):
            pass
        await killed(node)

    async def test_without_an_upgrade_there_is_nothing_to_talk_over(self, served: Served) -> None:
        code, status = await served.call("POST", f"{POD}/exec?command=0")
        assert (code, status["message"]) == (400, "Upgrade request required")


class TestPortForward:
    async def test_bytes_reach_the_pod_and_come_back(self, served: Served, backend: int) -> None:
        url = f"{served.url}{POD}/portforward?ports={backend}"
        async with asyncio.timeout(5), served.session.ws_connect(url, protocols=["v4.channel.k8s.io"]) as ws:
            for channel in (b"\x00", b"\x01"):
                assert await ws.receive_bytes() == channel + struct.pack("<H", backend)
            await ws.send_bytes(b"\x00GET /hello HTTP/1.0\r\n\r\n")
            answer = await ws.receive_bytes()
            assert answer.startswith(b"\x00HTTP/1.0 418")

    async def test_a_port_nobody_listens_on_is_told_on_the_error_channel(self, served: Served) -> None:
        at_home(served)
        with socket.create_server(("127.0.0.1", 0)) as sock:
            port = sock.getsockname()[1]
        url = f"{served.url}{POD}/portforward?ports={port}"
        async with asyncio.timeout(5), served.session.ws_connect(url, protocols=["v4.channel.k8s.io"]) as ws:
            messages = [await ws.receive_bytes() for _ in range(3)]
        assert messages[2][:1] == b"\x01"
        assert messages[2][1:] == b"Connection refused"


class TestProxy:
    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
    async def test_a_request_reaches_the_pod_whole(self, served: Served, backend: int, method: str) -> None:
        url = f"{served.url}{POD}:{backend}/proxy/a/b%20c?x=1&y=%26"
        async with served.session.request(method, url, data=b"body") as answer:
            seen = await answer.json()
            assert (answer.status, answer.headers["X-Mine"]) == (418, "yes")
        assert seen == {"method": method, "path": "/a/b%20c?x=1&y=%26", "body": "body", "authorization": None}

    async def test_a_body_whose_length_is_known_is_not_chunked(self, served: Served) -> None:
        """Servers that take no chunks are reached with a body, too."""
        at_home(served)
        heard: list[str] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
            writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with served.session.post(f"{served.url}{POD}:{port}/proxy/", data=b"body") as got:
                assert got.status == 204
        assert "content-length: 4" in heard[0]
        assert "transfer-encoding" not in heard[0]

    async def test_a_service_leads_to_a_ready_endpoint(self, served: Served, backend: int) -> None:
        client = served.api.client("system:test")
        spec = {"ports": [{"name": "http", "port": 80, "targetPort": backend}], "selector": {"app": "web"}}
        client.create("services", {"metadata": {"name": "web"}, "spec": spec}, "default")
        path = "/api/v1/namespaces/default/services/web:http/proxy/"
        code, status = await served.call("GET", path)
        assert (code, status["reason"]) == (503, "ServiceUnavailable")
        assert status["message"] == 'no endpoints available for service "web"'
        part = {
            "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}],
            "ports": [{"name": "http", "port": backend, "protocol": "TCP"}],
        }
        put_slice(served, part)
        for name in ("web:http", "web:80", "http:web:http"):
            code, _ = await served.call("GET", f"/api/v1/namespaces/default/services/{name}/proxy/")
            assert code == 418

    @pytest.mark.parametrize(
        ("asked", "why"),
        [
            ("web", 'no endpoints available for service "web"'),
            ("web:other", 'no endpoints available for service "web:other"'),
            ("web:81", 'no service port 81 found for service "web"'),
        ],
    )
    async def test_a_port_that_a_service_does_not_have(self, served: Served, asked: str, why: str) -> None:
        client = served.api.client("system:test")
        client.create(
            "services", {"metadata": {"name": "web"}, "spec": {"ports": [{"name": "http", "port": 80}]}}, "default"
        )
        part = {
            "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}],
            "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
        }
        put_slice(served, part)
        code, status = await served.call("GET", f"/api/v1/namespaces/default/services/{asked}/proxy/")
        assert (code, status["message"]) == (503, why)

    async def test_a_closed_port_is_503_in_the_real_words(self, served: Served) -> None:
        at_home(served)
        with socket.create_server(("127.0.0.1", 0)) as sock:
            port = sock.getsockname()[1]
        code, status = await served.call("GET", f"{POD}:{port}/proxy/")
        assert (code, status["reason"]) == (503, "ServiceUnavailable")
        assert status["message"] == (
            f"error trying to reach service: dial tcp 127.0.0.1:{port}: connect: connection refused"
        )

    async def test_no_such_pod(self, served: Served) -> None:
        assert (await served.call("GET", "/api/v1/namespaces/default/pods/ghost/proxy/"))[0] == 404
        assert (await served.call("GET", f"{POD}:port/proxy/"))[0] in (400, 503)


class TestKubelets:
    """nodes/proxy leads to the kubelet's own API, as far as there is one."""

    async def test_what_a_kubelet_answers_is_passed_on(self, served: Served) -> None:
        served.api.client("system:test").create("nodes", {"metadata": {"name": "node1"}})
        assert await served.call("GET", "/api/v1/nodes/node1/proxy/configz") == (200, {"kubeletconfig": {}})

    @pytest.mark.parametrize(
        ("method", "path", "code"),
        [
            ("GET", "node1/proxy/runningpods", 501),
            ("POST", "node1/proxy/run/default/web/main", 501),
            ("GET", "node2/proxy/configz", 503),
            ("GET", "node3/proxy/configz", 404),
        ],
    )
    async def test_what_it_does_not_is_refused(self, served: Served, method: str, path: str, code: int) -> None:
        for name in ("node1", "node2"):
            served.api.client("system:test").create("nodes", {"metadata": {"name": name}})
        status, body = await served.call(method, f"/api/v1/nodes/{path}")
        assert (status, body["kind"]) == (code, "Status")

    async def test_it_takes_a_right_of_its_own(self, tmp_path: Path, node: Node) -> None:
        async with serving(tmp_path, {"node1": node}, user=None) as served:
            status, body = await served.call("GET", "/api/v1/nodes/node1/proxy/configz")
        assert status == 403
        assert 'cannot get resource "nodes/proxy"' in body["message"]
