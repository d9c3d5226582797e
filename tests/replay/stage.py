"""One case on one cluster: what is asked of it, and a recording of all that happens meanwhile.

The rows have the shape of the recordings of the real cluster that `recorded/` was derived from: seconds since the
start, and one of `watch` (an event with its object), `request`, `kubectl`, `http` or `note`.
"""

import asyncio
import json
import os
import shlex
import ssl
import tempfile
import time
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import yaml

Obj = dict[str, Any]
Row = dict[str, Any]

WATCHED = {
    "Pod": "/api/v1/namespaces/{}/pods",
    "Event": "/api/v1/namespaces/{}/events",
    "Endpoints": "/api/v1/namespaces/{}/endpoints",
    "EndpointSlice": "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "ReplicaSet": "/apis/apps/v1/namespaces/{}/replicasets",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "PersistentVolumeClaim": "/api/v1/namespaces/{}/persistentvolumeclaims",
}
NODES = {"Node": "/api/v1/nodes"}
CLUSTERWIDE = {
    "Namespace",
    "Node",
    "PersistentVolume",
    "StorageClass",
    "PriorityClass",
    "ClusterRole",
    "ClusterRoleBinding",
    "SelfSubjectAccessReview",
    "SelfSubjectRulesReview",
    "SubjectAccessReview",
    "SelfSubjectReview",
    "TokenReview",
    "IngressClass",
    "CustomResourceDefinition",
    "CertificateSigningRequest",
}
KUBECTL_SECONDS_MAX = 60.0
SETTLE_SECONDS = 0.3
APP = Path(__file__).with_name("app.py")


@dataclass(slots=True)
class Stage:
    """A namespace with a case in it. `kubeconfig` names the cluster; the rest follows from it."""

    namespace: str
    kubeconfig: Path
    session: aiohttp.ClientSession
    rows: list[Row] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def add(self, **row: Any) -> None:
        self.rows.append({"t": round(time.monotonic() - self.started, 3), **row})

    def note(self, text: str) -> None:
        self.add(note=text)

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        note: str = "",
        type: str = "application/json",
        headers: Obj | None = None,
    ) -> Obj:
        """Ask the API and record the answer. With a `token` ("" for none), as somebody else than the administrator."""
        asked = {"method": method, "path": path, "body": body, "note": note}
        headers = {"Content-Type": type, **(headers or {})}
        async with self._as(token) as session, session.request(method, path, json=body, headers=headers) as response:
            text = await response.text()
        answer = _json(text)
        self.add(request=asked, response={"code": response.status, "body": answer})
        return answer if isinstance(answer, dict) else {}

    @asynccontextmanager
    async def _as(self, token: str | None) -> AsyncIterator[aiohttp.ClientSession]:
        if token is None:
            yield self.session
            return
        server, tls = connection(self.kubeconfig, certificate=False)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connector = aiohttp.TCPConnector(ssl=tls)
        async with aiohttp.ClientSession(server, connector=connector, headers=headers) as session:
            yield session

    @property
    def home(self) -> str:
        """The case's namespace in the core group."""
        return f"/api/v1/namespaces/{self.namespace}"

    async def create(self, manifest: Obj, *, note: str = "", token: str | None = None, query: str = "") -> Obj:
        """POST it where its kind belongs, in the case's namespace unless it names another or its kind has none."""
        who = note or f"{manifest['kind']} {manifest['metadata'].get('name', '')}"
        return await self.request("POST", self.place(manifest) + query, manifest, note=who, token=token)

    def place(self, manifest: Obj) -> str:
        """The path of the list that it belongs in."""
        version, kind = manifest["apiVersion"], manifest["kind"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        namespace = (
            "" if kind in CLUSTERWIDE else f"/namespaces/{manifest['metadata'].get('namespace', self.namespace)}"
        )
        return f"{root}{namespace}/{plural(kind)}"

    async def get(self, path: str) -> Obj:
        """Ask the API without a record."""
        async with self.session.get(path) as response:
            answer: Obj = await response.json()
            return answer

    async def post(self, path: str, body: Obj) -> None:
        """Tell the API without a record."""
        async with self.session.post(path, json=body) as response:
            assert response.status < 300, await response.text()

    async def http(self, target: str, path: str, *, seconds: float = 3, method: str = "GET", data: str = "") -> int:
        """Ask the application at "services/app:80" or "pods/NAME:8080", through the API server. 0 is no answer."""
        url = f"/api/v1/namespaces/{self.namespace}/{target}/proxy{path}"
        kind = "pod" if target.startswith("pods") else "service"
        code, timeout = 0, aiohttp.ClientTimeout(total=seconds)
        try:
            async with self.session.request(method, url, data=data or None, timeout=timeout) as response:
                body = _json(await response.text())
                code = 0 if isinstance(body, dict) and body.get("kind") == "Status" else response.status
        except (TimeoutError, aiohttp.ClientError):
            pass
        answered = {"code": code, "body": body} if code else {"error": "no answer"}
        self.add(http=f"http://{kind}{path}", method=method, **answered)
        return code

    async def kubectl(self, *arguments: str, stdin: str = "", anywhere: bool = False) -> None:
        """Run kubectl in the case's namespace, or `anywhere`, and record what it says."""
        full = arguments if anywhere else ("-n", self.namespace, *arguments)
        pipe, home = asyncio.subprocess.PIPE, self.kubeconfig.parent
        environment = {
            "KUBECONFIG": str(self.kubeconfig),
            "KUBECACHEDIR": str(home / "kubectl"),
            "PATH": os.environ["PATH"],
        }
        process = await asyncio.create_subprocess_exec(
            "kubectl", *full, stdin=pipe, stdout=pipe, stderr=pipe, env=environment
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(stdin.encode()), KUBECTL_SECONDS_MAX)
        except TimeoutError:
            process.kill()
            raise
        self.add(kubectl=" ".join(full), rc=process.returncode, stdout=out.decode(), stderr=err.decode())

    async def commands(self, lines: str, *, stdin: str = "", anywhere: bool = False) -> None:
        """Run kubectl once for each line, which is split as a shell would."""
        for line in filter(None, map(str.strip, lines.splitlines())):
            await self.kubectl(*shlex.split(line), stdin=stdin, anywhere=anywhere)

    async def apply(self, *manifests: Obj) -> None:
        await self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(manifests))

    async def show(self) -> None:
        """What somebody looking at the namespace sees."""
        await self.kubectl("get", "pods", "-o", "wide")
        await self.kubectl("get", "deploy,rs,svc,endpoints,pdb,pvc")
        await self.kubectl("describe", "pods")
        await self.kubectl("get", "events", "--sort-by=.lastTimestamp")

    async def pods(self) -> list[Obj]:
        return list((await self.get(f"/api/v1/namespaces/{self.namespace}/pods"))["items"])

    async def ready_pods(self) -> list[Obj]:
        return [pod for pod in await self.pods() if _ready(pod)]

    async def until_ready(self, count: int, seconds: float = 60) -> None:
        """Wait for so many Ready pods, or for the time to be up."""
        await self.until(f"{self.home}/pods", count, _ready, seconds)

    async def until_over(self, count: int, seconds: float = 60) -> None:
        """Wait for so many pods that have ended, or for the time to be up."""
        await self.until(f"{self.home}/pods", count, _over, seconds)

    async def until(self, path: str, count: int, is_so: Callable[[Obj], bool], seconds: float = 60) -> None:
        """Wait for so many objects of a list of which that is true, or for the time to be up."""
        for _ in range(int(seconds / 0.2)):
            if sum(map(is_so, (await self.get(path))["items"])) >= count:
                return
            await asyncio.sleep(0.2)


@asynccontextmanager
async def on(kubeconfig: Path, namespace: str, labels: dict[str, str], *, nodes: bool) -> AsyncIterator[Stage]:
    """A stage with a fresh namespace and the application's source, watched until the block ends, perhaps with nodes."""
    server, tls = connection(kubeconfig)
    async with aiohttp.ClientSession(server, connector=aiohttp.TCPConnector(ssl=tls, limit=0)) as session:
        stage = Stage(namespace, kubeconfig, session)
        await _set_up(stage, labels)
        stage.started = time.monotonic()
        watched = WATCHED | (NODES if nodes else {})
        watches = [asyncio.create_task(_watch(stage, kind, path.format(namespace))) for kind, path in watched.items()]
        try:
            await asyncio.sleep(0.5)
            yield stage
            await asyncio.sleep(SETTLE_SECONDS)
        finally:
            for watch in watches:
                watch.cancel()
            await asyncio.gather(*watches, return_exceptions=True)
            await session.delete(f"/api/v1/namespaces/{namespace}")


async def _set_up(stage: Stage, labels: dict[str, str]) -> None:
    home = f"/api/v1/namespaces/{stage.namespace}"
    await stage.post("/api/v1/namespaces", {"metadata": {"name": stage.namespace, "labels": labels}})
    await stage.post(f"{home}/configmaps", {"metadata": {"name": "src"}, "data": {"app.py": APP.read_text()}})
    for _ in range(50):
        async with stage.session.get(f"{home}/serviceaccounts/default") as response:
            if response.status == 200:
                return
        await asyncio.sleep(0.1)


async def _watch(stage: Stage, kind: str, path: str) -> None:
    """From now on. Nodes exist before, so what they are comes first, as ADDED."""
    params = {"watch": "true", "timeoutSeconds": "900"}
    timeout = aiohttp.ClientTimeout(total=None)
    async with stage.session.get(path, params=params, timeout=timeout) as response:
        buffer = b""
        async for chunk in response.content.iter_any():
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in filter(None, lines):
                event = json.loads(line)
                stage.add(watch=kind, type=event["type"], object=event["object"])


def connection(kubeconfig: Path, *, certificate: bool = True) -> tuple[str, ssl.SSLContext]:
    """The server of a kubeconfig and how to talk to it, with or without its client certificate."""
    config = yaml.safe_load(kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    tls = ssl.create_default_context(cadata=b64decode(cluster["certificate-authority-data"]).decode())
    if certificate:
        with tempfile.NamedTemporaryFile() as file:
            file.write(b64decode(user["client-certificate-data"]) + b64decode(user["client-key-data"]))
            file.flush()
            tls.load_cert_chain(file.name)
    return cluster["server"], tls


def plural(kind: str) -> str:
    """Such as "networkpolicies"."""
    name = kind.lower()
    if name.endswith(("ss", "sh")):
        return f"{name}es"
    return name if name == "endpoints" else f"{name[:-1]}ies" if name.endswith("cy") else f"{name}s"


def _over(pod: Obj) -> bool:
    return pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}


def _ready(pod: Obj) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
