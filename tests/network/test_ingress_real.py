"""Ingresses carry real requests to real endpoints: the real API in-process, the proxy, pods in network namespaces."""

import asyncio
import base64
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from cluster.api.core import Core
from cluster.api.local import LocalClient
from cluster.client import Obj
from cluster.config import INGRESS_ADDRESS, ClusterConfig
from cluster.network import namespaces
from cluster.network.ingress import FAKE_NAME, IngressProxy
from cluster.network.links import LinuxNetwork
from cluster.network.policing import Policing
from cluster.network.tls import self_signed
from tests.network.objects import endpoint, endpoint_slice, policy
from tests.network.world import PATIENCE_SECONDS, eventually, isolated, running_network, socket_in

NS = "default"
INGRESSES, SLICES, POLICIES = (
    "ingresses.networking.k8s.io",
    "endpointslices.discovery.k8s.io",
    "networkpolicies.networking.k8s.io",
)


@dataclass(frozen=True)
class Stage:
    network: LinuxNetwork
    client: LocalClient

    async def serve(self, name: str) -> str:
        """A pod and a Service of that name that says who it is and what it was asked; returns the pod's address."""
        link = await self.network.attach("node1", name)
        with namespaces.inside(link.netns):
            sock = socket_in(None)
            sock.bind(("", 8080))

        async def handle(request: web.BaseRequest) -> web.Response:
            body = (await request.read()).decode()
            headers = {**request.headers}
            return web.json_response({"name": name, "path": request.raw_path, "headers": headers, "body": body})

        runner = web.ServerRunner(web.Server(handle))
        await runner.setup()
        await web.SockSite(runner, sock).start()
        self.point(name, link.address)
        return link.address

    def point(self, name: str, *addresses: str) -> None:
        spec = {"ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
        self.client.create("services", {"metadata": {"name": name}, "spec": spec}, NS)
        ports = [{"name": "http", "port": 8080, "protocol": "TCP"}]
        self.client.create(SLICES, endpoint_slice(name, *map(endpoint, addresses), ports=ports), NS)

    def route(self, name: str, host: str, **spec: Any) -> Obj:
        path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": name, "port": {"name": "http"}}}}
        rule = {"host": host, "http": {"paths": [path]}}
        return self.client.create(INGRESSES, {"metadata": {"name": name}, "spec": {"rules": [rule], **spec}}, NS)


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    core = Core(ClusterConfig(id="test", state_dir=Path("/nowhere")), chance=random.Random(7))
    client = core.client("system:test")
    async with running_network(1) as network, asyncio.TaskGroup() as group:
        parts = [IngressProxy(client).run(), Policing(client, network).run()]
        running = [group.create_task(part) for part in parts]
        yield Stage(network, client)
        for task in running:
            task.cancel()


@dataclass(frozen=True)
class Answer:
    code: int
    headers: dict[str, str]
    body: bytes


async def ask(url: str, host: str, trust: bytes = b"", **more: Any) -> Answer:
    """What the ingress answers, once it listens. With `trust`, a PEM, its certificate must be that one."""
    context = ssl.create_default_context(cadata=trust.decode()) if trust else False
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PATIENCE_SECONDS)) as session:
        request = session.request(
            more.pop("method", "GET"),
            url.replace("ingress", INGRESS_ADDRESS),
            headers={"Host": host, **more.pop("headers", {})},
            ssl=context,
            allow_redirects=False,
            server_hostname=host if url.startswith("https") else None,
            **more,
        )
        async with request as answer:
            return Answer(answer.status, {**answer.headers}, await answer.read())


async def listening() -> None:
    async def check() -> None:
        try:
            await ask("http://ingress/", "nobody.test")
        except aiohttp.ClientError as error:
            raise ConnectionError from error

    await eventually(check)


@isolated
async def test_a_host_is_served_in_plain_text_with_all_that_was_sent() -> None:
    async with stage() as here:
        await here.serve("web")
        here.route("web", "shop.test")
        await listening()
        sent = await ask("http://ingress/a%20b?c=d", "shop.test", method="POST", data="cart", headers={"X-Mine": "1"})
        assert sent.code == 200
        for piece in (b'"name": "web"', b'"path": "/a%20b?c=d"', b'"body": "cart"', b'"X-Mine": "1"', b'"X-Real-IP"'):
            assert piece in sent.body
        assert b'"Host": "shop.test"' in sent.body
        assert (await ask("http://ingress/", "other.test")).code == 404


@isolated
async def test_a_host_with_tls_shows_its_certificate_and_redirects_plain_requests() -> None:
    async with stage() as here:
        await here.serve("web")
        certificate, key = self_signed("shop", datetime.now(UTC))
        data = {"tls.crt": base64.b64encode(certificate).decode(), "tls.key": base64.b64encode(key).decode()}
        secret = {"metadata": {"name": "cert"}, "type": "kubernetes.io/tls", "data": data}
        here.client.create("secrets", secret, NS)
        here.route("web", "ingress.local", tls=[{"hosts": ["ingress.local"], "secretName": "cert"}])
        await listening()
        moved = await ask("http://ingress/x?y=z", "ingress.local")
        assert (moved.code, moved.headers["Location"]) == (308, "https://ingress.local/x?y=z")
        served = await ask("https://ingress/", "ingress.local", trust=certificate)
        assert (served.code, b'"X-Forwarded-Proto": "https"' in served.body) == (200, True)
        here.client.delete("secrets", "cert", NS)
        shown = await asyncio.to_thread(ssl.get_server_certificate, (INGRESS_ADDRESS, 443))
        assert FAKE_NAME.encode() in ssl.PEM_cert_to_DER_cert(shown)


@isolated
async def test_requests_go_round_ready_endpoints_past_dead_ones_and_are_refused_without_any() -> None:
    async with stage() as here:
        first, second = await here.serve("a"), await here.serve("b")
        here.point("both", first, "198.18.1.99", second)
        here.route("both", "both.test")
        here.point("none")
        here.route("none", "none.test")
        await listening()
        got = [await ask("http://ingress/", "both.test") for _ in range(6)]
        assert {answer.code for answer in got} == {200}
        assert {b'"name": "a"' in answer.body for answer in got} == {True, False}
        assert (await ask("http://ingress/", "none.test")).code == 503


@isolated
async def test_policies_let_the_ingress_in_by_its_namespace_and_not_otherwise() -> None:
    async with stage() as here:
        await here.serve("web")
        here.route("web", "shop.test")
        labels = {"metadata": {"name": "web", "labels": {"app": "web"}}}
        container = {"name": "main", "image": "busybox"}
        here.client.create("serviceaccounts", {"metadata": {"name": "default"}}, NS)
        pod = here.client.create("pods", {**labels, "spec": {"nodeName": "node1", "containers": [container]}}, NS)
        here.network.addresses[pod["metadata"]["uid"]] = here.network.addresses["web"]
        await listening()
        assert (await ask("http://ingress/", "shop.test")).code == 200
        here.client.create(POLICIES, policy("deny", {"podSelector": {}, "policyTypes": ["Ingress"]}), NS)

        async def refused() -> None:
            try:
                code = (await ask("http://ingress/", "shop.test")).code
            except TimeoutError:
                return
            assert code != 200, "a policy that lets nobody in lets the ingress in"

        await eventually(refused)
        peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}
        here.client.create(POLICIES, policy("allow", {"podSelector": {}, "ingress": [{"from": [peer]}]}), NS)

        async def let_in() -> None:
            assert (await ask("http://ingress/", "shop.test")).code == 200

        await eventually(let_in)
