"""The clients that people have: the official Python client, and kubectl where it is installed."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client as k8s
from kubernetes import watch as k8s_watch
from kubernetes.client.exceptions import ApiException
from kubernetes.config import new_client_from_config

from tests.api_server.objects import running_pod, with_default_account
from tests.api_server.serving import Served, serving

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "busybox:1"}, {name: side, image: "busybox:1"}]}
"""
needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path) as served:
        with_default_account(served.api.client("system:test"))
        yield served


async def aside(work: Callable[..., None], *arguments: Any) -> None:
    """Blocking clients get a thread; the server keeps the loop."""
    async with asyncio.timeout(30):
        await asyncio.to_thread(work, *arguments)


class TestPythonClient:
    async def test_everyday_calls(self, served: Served) -> None:
        await aside(self.calls, str(served.kubeconfig))

    def calls(self, kubeconfig: str) -> None:
        core = k8s.CoreV1Api(new_client_from_config(kubeconfig))
        made = k8s.V1ConfigMap(metadata=k8s.V1ObjectMeta(name="a"), data={"x": "1"})
        core.create_namespaced_config_map("default", made)
        core.patch_namespaced_config_map("a", "default", {"data": {"y": "2"}})
        assert core.read_namespaced_config_map("a", "default").data == {"x": "1", "y": "2"}
        assert len(core.list_namespace().items) == 4
        with pytest.raises(ApiException) as refused:
            core.read_namespaced_config_map("b", "default")
        assert refused.value.status == 404
        core.delete_namespaced_config_map("a", "default")

    async def test_watch_and_eviction(self, served: Served) -> None:
        running_pod(served.api.client("system:test"), terminationGracePeriodSeconds=3)
        await aside(self.evict, str(served.kubeconfig))

    def evict(self, kubeconfig: str) -> None:
        core = k8s.CoreV1Api(new_client_from_config(kubeconfig))
        body = k8s.V1Eviction(metadata=k8s.V1ObjectMeta(name="web", namespace="default"))
        core.create_namespaced_pod_eviction("web", "default", body)
        stream = k8s_watch.Watch().stream(core.list_namespaced_pod, "default", timeout_seconds=1)
        assert [event["object"].metadata.deletion_grace_period_seconds for event in stream] == [3]


@needs_kubectl
class TestKubectl:
    async def kubectl(self, served: Served, *words: str, stdin: str = "", code: int = 0) -> str:
        """What it prints; its home is the test's own folder."""
        environment = {"KUBECONFIG": str(served.kubeconfig), "HOME": str(served.kubeconfig.parent), "PATH": "/usr/bin"}
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            "kubectl", *words, env=environment, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT
        )
        async with asyncio.timeout(30):
            output, _ = await process.communicate(stdin.encode())
        text = output.decode()
        assert process.returncode == code, text
        return text

    async def test_apply_in_all_its_ways(self, served: Served) -> None:
        apply = ("apply", "-f", "-")
        assert "created" in await self.kubectl(served, *apply, stdin=DEPLOYMENT)
        assert "unchanged" in await self.kubectl(served, *apply, stdin=DEPLOYMENT)
        changed = DEPLOYMENT.replace("replicas: 2", "replicas: 3").replace(', {name: side, image: "busybox:1"}', "")
        assert "+  replicas: 3" in await self.kubectl(served, "diff", "-f", "-", stdin=changed, code=1)
        assert "configured" in await self.kubectl(served, *apply, stdin=changed)
        path = "jsonpath={.spec.replicas} {.spec.template.spec.containers[*].name}"
        assert await self.kubectl(served, "get", "deploy", "web", "-o", path) == "3 main"
        typo = DEPLOYMENT.replace("replicas:", "replica:")
        assert 'unknown field "spec.replica"' in await self.kubectl(served, *apply, stdin=typo, code=1)
        assert "server dry run" in await self.kubectl(served, *apply, "--dry-run=server", stdin=DEPLOYMENT)
        forced = await self.kubectl(served, *apply, "--server-side", "--force-conflicts", stdin=DEPLOYMENT)
        assert "serverside-applied" in forced

    async def test_everyday_commands(self, served: Served) -> None:
        await self.kubectl(served, "apply", "-f", "-", stdin=DEPLOYMENT)
        assert "scaled" in await self.kubectl(served, "scale", "deploy", "web", "--replicas=5")
        assert "0/5" in await self.kubectl(served, "get", "deploy,svc,pods")
        assert "restarted" in await self.kubectl(served, "rollout", "restart", "deploy/web")
        assert "labeled" in await self.kubectl(served, "label", "deploy", "web", "a=b")
        assert "created" in await self.kubectl(served, "create", "configmap", "c", "--from-literal=a=b")
        assert await self.kubectl(served, "get", "cm", "c", "-o", "jsonpath={.data.a}") == "b"
        assert "deleted" in await self.kubectl(served, "delete", "deploy", "web", "--timeout=5s")
        assert "pods" in await self.kubectl(served, "api-resources")
        assert "containers" in await self.kubectl(served, "explain", "pod.spec")

    async def test_who_may_what(self, served: Served) -> None:
        assert (await self.kubectl(served, "auth", "can-i", "delete", "pods")).strip() == "yes"
        refused = await self.kubectl(served, "auth", "can-i", "delete", "pods", "--as=joe", code=1)
        assert refused.strip() == "no"
        assert "selfsubjectreviews" in await self.kubectl(served, "auth", "can-i", "--list", "--as=joe")
        assert "kubernetes-admin" in await self.kubectl(served, "auth", "whoami")
        forbidden = await self.kubectl(served, "get", "pods", "--as=joe", code=1)
        assert 'Error from server (Forbidden): pods is forbidden: User "joe" cannot list' in forbidden
