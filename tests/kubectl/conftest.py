"""One cluster for all of it; what a test makes, it makes in a namespace of its own."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from cluster import boot
from cluster.boot import Handle
from tests.kubectl.kubectl import Kubectl

HERE = Path(__file__).parent
_numbers = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.root)
            if shutil.which("kubectl") is None:
                item.add_marker(pytest.mark.skip(reason="needs kubectl, which is not installed"))


@pytest.fixture(scope="session")
def handle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handle]:
    with boot.start(boot.plan(root=tmp_path_factory.mktemp("clusters"))) as handle:
        yield handle


@pytest.fixture(scope="session")
def admin(handle: Handle, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    return Kubectl(handle.kubeconfig, tmp_path_factory.mktemp("home"))


@pytest.fixture
def kubectl(admin: Kubectl) -> Kubectl:
    """In a fresh namespace."""
    namespace = f"t{next(_numbers)}"
    assert admin.ok("create", "namespace", namespace) == f"namespace/{namespace} created\n"
    return replace(admin, namespace=namespace)


@pytest.fixture(scope="module")
def app(admin: Kubectl) -> Kubectl:
    """In a namespace with the Deployment and Service `app`, ready, for tests that only look."""
    kubectl = replace(admin, namespace=f"app{next(_numbers)}")
    kubectl.ok("create", "namespace", kubectl.namespace)
    kubectl.ok("apply", "-f", "-", stdin=APP)
    kubectl.ok("rollout", "status", "deployment/app", "--timeout=20s")
    return kubectl


APP = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: app, labels: {app: app}}
spec:
  replicas: 2
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: app
        image: python:3.12-slim
        command: [sh, -c, "echo listening; exec python3 -m http.server 8080 --bind 127.0.0.1"]
        ports: [{name: http, containerPort: 8080}]
        resources: {requests: {cpu: 50m, memory: 48Mi}, limits: {memory: 64Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: app}
spec:
  selector: {app: app}
  ports: [{name: http, port: 80, targetPort: http}]
"""
