"""What is done to a cluster brings down no part of it: strange objects, strange bytes, readers that do not read."""

import asyncio
import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.cluster import memory_mb, processes
from cluster import boot
from cluster.boot import Handle
from tests.api_server.serving import client_tls
from tests.boot.traces import api, until

pytestmark = [pytest.mark.root, pytest.mark.slow]
GROWTH_MB_MAX = 100
STUCK = 20
NOISE = (
    b"",
    b"\x16\x03\x01\xff\xff",
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x00" * 4096,
)
UNFINISHED = (
    b"GET /version HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    b"POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n{",
    b"POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /" + b"a" * 100_000,
    b"GET /version HTTP/9.9\r\nHost: \xff\xfe\r\n\r\n",
    b"GET /version HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(5000)),
)


CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture(scope="module")
def handle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handle]:
    with boot.start(boot.plan(root=tmp_path_factory.mktemp("state"))) as handle:
        yield handle


class Caller:
    """Sends one request at a time to a cluster as its administrator."""

    def __init__(self, handle: Handle) -> None:
        self.configuration = api(handle).api_client.configuration
        self.tls = client_tls(handle.kubeconfig, handle.config.state_dir, certificate=True)
        self._runner = asyncio.Runner()

    def connect(self) -> socket.socket:
        url = urlsplit(self.configuration.host)
        return socket.create_connection((url.hostname, url.port), 5)

    def secure(self) -> ssl.SSLSocket:
        return self.tls.wrap_socket(self.connect(), server_hostname="127.0.0.1")

    def send(self, method: str, path: str, body: Any) -> int:
        return self._runner.run(asyncio.wait_for(self._send(method, path, body), 10))

    async def _send(self, method: str, path: str, body: Any) -> int:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self.tls)) as session:
            headers = {"Content-Type": "application/merge-patch+json" if method == "PATCH" else "application/json"}
            url, data = f"{self.configuration.host}{path}", json.dumps(body)
            async with session.request(method, url, data=data, headers=headers) as answer:
                return answer.status


@pytest.fixture(scope="module")
def caller(handle: Handle) -> Caller:
    return Caller(handle)


def works(handle: Handle) -> None:
    """A Deployment rolls out, and its Service gets its endpoint: every part that takes part in that is alive."""
    name = f"well-{time.monotonic_ns()}"
    labels = {"app": name}
    pod = {
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "m", "image": "busybox", "command": ["sleep", "99"]}],
    }
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    core = api(handle)
    caller = Caller(handle)

    def endpoints() -> Any:
        return core.list_namespaced_endpoints("default", field_selector=f"metadata.name={name}")

    home = "/apis/apps/v1/namespaces/default/deployments"
    assert caller.send("POST", home, {"metadata": {"name": name}, "spec": spec}) == 201
    core.create_namespaced_service(
        "default", {"metadata": {"name": name}, "spec": {"selector": labels, "ports": [{"port": 80}]}}
    )
    until(lambda: any(e.subsets for e in endpoints().items), f"{name} has an endpoint")
    assert caller.send("DELETE", f"{home}/{name}", {}) == 200
    until(lambda: not core.list_namespaced_pod("default", label_selector=f"app={name}").items, f"{name} is gone")
    # What is no HTTP is the server library's to complain of.
    assert " ERROR cluster." not in (handle.config.state_dir / "cluster.log").read_text()


class TestConnections:
    def test_that_speak_nonsense_or_nothing_harm_nobody(self, handle: Handle, caller: Caller) -> None:
        with ExitStack() as stack:
            for noise in NOISE * 25:
                stack.enter_context(caller.connect()).sendall(noise)
            for words in UNFINISHED * 5:
                # It may hang up before it has heard all.
                with suppress(OSError):
                    stack.enter_context(caller.secure()).sendall(words)
            works(handle)

    def test_that_are_never_read_are_cut_off_before_they_cost_much(self, handle: Handle, caller: Caller) -> None:
        assert caller.send("POST", CONFIGMAPS, {"metadata": {"name": "large"}}) == 201
        own = processes(handle)
        before, highest = memory_mb(own), 0.0
        with ExitStack() as stack:
            stuck = [stack.enter_context(caller.secure()) for _ in range(STUCK)]
            for connection in stuck:
                connection.sendall(f"GET {CONFIGMAPS}?watch=true HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            for number in range(300):
                assert caller.send("PATCH", f"{CONFIGMAPS}/large", {"data": {"x": f"{number}" + "x" * 50_000}}) == 200
                highest = max(highest, memory_mb(own)) if number % 30 == 0 else highest
            works(handle)
        assert highest - before < GROWTH_MB_MAX


LABELS = {"app": "a"}
SELECTOR = {"matchLabels": LABELS, "matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}
REQUESTS = {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"memory": "32Mi"}}
CONTAINER = {
    "name": "main",
    "image": "busybox",
    "command": ["sleep", "60"],
    "env": [{"name": "A", "value": "b"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
    "ports": [{"containerPort": 80, "name": "http"}],
    "readinessProbe": {"tcpSocket": {"port": "http"}, "periodSeconds": 1},
    "resources": REQUESTS,
    "volumeMounts": [{"name": "v", "mountPath": "/v"}],
    "securityContext": {"runAsUser": 1, "capabilities": {"drop": ["ALL"]}},
}
SPREAD = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
POD = {
    "containers": [CONTAINER],
    "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Mi"}}],
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1}],
    "affinity": {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "kubernetes.io/hostname", "labelSelector": SELECTOR}
            ]
        }
    },
    "topologySpreadConstraints": [{**SPREAD, "labelSelector": SELECTOR}],
    "terminationGracePeriodSeconds": 0,
}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": POD}
WORKLOAD = {"selector": SELECTOR, "template": TEMPLATE}
ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}}
ONCE = {"template": {**TEMPLATE, "spec": {**POD, "restartPolicy": "Never"}}, "backoffLimit": 1, "completions": 1}
PORTS = [{"port": 80, "targetPort": "http", "name": "http", "protocol": "TCP"}]
PEER = {"namespaceSelector": {}, "podSelector": SELECTOR}
SPECS: dict[str, Any] = {
    "/api/v1/namespaces/fuzz/pods": POD,
    "/apis/apps/v1/namespaces/fuzz/deployments": {**WORKLOAD, "replicas": 1, "strategy": ROLLING},
    "/apis/apps/v1/namespaces/fuzz/statefulsets": {**WORKLOAD, "serviceName": "a", "replicas": 1},
    "/apis/apps/v1/namespaces/fuzz/daemonsets": WORKLOAD,
    "/apis/apps/v1/namespaces/fuzz/replicasets": {**WORKLOAD, "replicas": 1, "minReadySeconds": 1},
    "/apis/batch/v1/namespaces/fuzz/jobs": ONCE,
    "/apis/batch/v1/namespaces/fuzz/cronjobs": {"schedule": "* * * * *", "jobTemplate": {"spec": ONCE}},
    "/api/v1/namespaces/fuzz/services": {"selector": LABELS, "ports": PORTS, "type": "NodePort"},
    "/apis/networking.k8s.io/v1/namespaces/fuzz/networkpolicies": {
        "podSelector": SELECTOR,
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {"from": [PEER, {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}], "ports": PORTS[:0]}
        ],
        "egress": [{"to": [PEER], "ports": [{"port": 80, "endPort": 90}]}],
    },
    "/apis/policy/v1/namespaces/fuzz/poddisruptionbudgets": {"selector": SELECTOR, "minAvailable": "50%"},
    "/api/v1/namespaces/fuzz/persistentvolumeclaims": {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Mi"}},
    },
    "/api/v1/namespaces/fuzz/limitranges": {"limits": [{"type": "Container", "default": {"memory": "32Mi"}}]},
    "/apis/autoscaling/v2/namespaces/fuzz/horizontalpodautoscalers": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"},
        "maxReplicas": 2,
    },
}
ODD = st.sampled_from(
    [
        None,
        True,
        0,
        1,
        -1,
        2**31,
        2**63,
        1.5,
        "",
        "a",
        "0",
        "-1",
        "50%",
        "1e3",
        "100Mi",
        "ü",
        "x" * 70,
        [],
        {},
        [None],
        {"": ""},
    ]
)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything in an object."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*at, key)
        yield from places(each, (*at, key))


def changed(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    """A copy in which something else is at a place."""
    if not place:
        return new
    copy = {**value} if isinstance(value, dict) else [*value]
    copy[place[0]] = changed(copy[place[0]], place[1:], new)
    return copy


@st.composite
def strange(draw: st.DrawFn) -> tuple[str, Any]:
    """The path of a resource, and an object that would be good but for one or two things in it."""
    path = draw(st.sampled_from(sorted(SPECS)))
    obj = {"metadata": {"name": draw(st.sampled_from("abcdefgh")), "labels": LABELS}, "spec": SPECS[path]}
    for _ in range(draw(st.integers(1, 2))):
        obj = changed(obj, draw(st.sampled_from([*places(obj)])), draw(ODD))
    return path, obj


STRANGE = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
REFUSALS = {400, 403, 404, 409, 422, 501}


@pytest.fixture(scope="module")
def fuzz(caller: Caller) -> None:
    """The namespace in which anything may be."""
    assert caller.send("POST", "/api/v1/namespaces", {"metadata": {"name": "fuzz"}}) == 201


@pytest.mark.usefixtures("fuzz")
class TestObjects:
    @STRANGE
    @given(strange())
    def test_any_is_taken_or_refused(self, caller: Caller, what: tuple[str, Any]) -> None:
        assert caller.send("POST", *what) in {201} | REFUSALS

    @STRANGE
    @given(strange(), st.sampled_from("abcdefgh"))
    def test_any_is_changed_or_refused(self, caller: Caller, what: tuple[str, Any], name: str) -> None:
        path, obj = what
        assert caller.send("PATCH", f"{path}/{name}", {"spec": obj.get("spec")}) in {200} | REFUSALS

    def test_the_cluster_works_on_and_empties_itself(self, handle: Handle, caller: Caller) -> None:
        works(handle)
        assert caller.send("DELETE", "/api/v1/namespaces/fuzz", {}) == 200
        until(lambda: "fuzz" not in [n.metadata.name for n in api(handle).list_namespace().items], "it is gone")
        works(handle)
