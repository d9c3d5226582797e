"""Objects that the tests of the API's faces share."""

from typing import Any

import pytest

Obj = dict[str, Any]


@pytest.fixture
def deployment() -> Obj:
    """A Deployment as a user writes it."""
    container = {
        "name": "app",
        "image": "demo/app:1",
        "ports": [{"containerPort": 8080, "name": "http"}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 1},
        "resources": {"limits": {"memory": "64Mi"}, "requests": {"cpu": "0.05", "memory": "48Mi"}},
        "volumeMounts": [{"name": "src", "mountPath": "/app"}],
    }
    pod = {"containers": [container], "volumes": [{"name": "src", "configMap": {"name": "src"}}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app", "namespace": "default", "labels": {"app": "app"}, "annotations": {}},
        "spec": {
            "selector": {"matchLabels": {"app": "app"}},
            "template": {"metadata": {"labels": {"app": "app"}}, "spec": pod},
        },
    }


@pytest.fixture
def pod(deployment: Obj) -> Obj:
    """A Pod as a user writes it."""
    spec = deployment["spec"]["template"]["spec"]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"}, "spec": spec}
