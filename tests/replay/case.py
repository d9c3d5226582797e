"""What the cases are made of: their registry, and the manifests that most of them share."""

from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from tests.replay.normal import IMAGE
from tests.replay.stage import Stage

Obj = dict[str, Any]
Script = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One recorded case: `script` asks of the cluster what was asked of the real one, at the same times.

    Where the recording ends between two things that are due at no exact time, the script ends a little earlier.
    """

    name: str
    script: Script
    namespace: str
    labels: dict[str, str] = field(default_factory=dict)
    alone: bool = False
    """It changes what all namespaces share, so it gets a cluster of its own."""
    nodes: bool = False
    """It changes nodes, so they were watched, too."""
    short: dict[str, int] = field(default_factory=dict)
    """Nodes that evict once their pods use so many bytes, by name."""


CASES: dict[str, Case] = {}


def case(
    name: str,
    *,
    namespace: str = "",
    labels: dict[str, str] | None = None,
    alone: bool = False,
    nodes: bool = False,
    short: dict[str, int] | None = None,
) -> Callable[[Script], Script]:
    def register(script: Script) -> Script:
        CASES[name] = Case(
            name=name,
            script=script,
            namespace=namespace or name,
            labels=labels or {},
            alone=alone or nodes,
            nodes=nodes,
            short=short or {},
        )
        return script

    return register


DEPLOYMENT: Obj = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "app", "labels": {"app": "app"}},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "app"}},
        "template": {
            "metadata": {"labels": {"app": "app"}},
            "spec": {
                "containers": [
                    {
                        "name": "app",
                        "image": IMAGE,
                        "command": ["python3", "-u", "/app/app.py"],
                        "ports": [{"containerPort": 8080, "name": "http"}],
                        "resources": {"requests": {"cpu": "50m", "memory": "48Mi"}, "limits": {"memory": "64Mi"}},
                        "volumeMounts": [{"name": "src", "mountPath": "/app"}, {"name": "data", "mountPath": "/data"}],
                    }
                ],
                "volumes": [{"name": "src", "configMap": {"name": "src"}}, {"name": "data", "emptyDir": {}}],
            },
        },
    },
}
SERVICE: Obj = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "app"},
    "spec": {"selector": {"app": "app"}, "ports": [{"port": 80, "targetPort": "http", "name": "http"}]},
}


def app(*, replicas: int = 1, container: Obj | None = None, pod: Obj | None = None) -> tuple[Obj, Obj]:
    """The Deployment and its Service, with fields of the container and of the pod replaced."""
    deployment = deepcopy(DEPLOYMENT)
    deployment["spec"]["replicas"] = replicas
    spec = deployment["spec"]["template"]["spec"]
    spec["containers"][0].update(container or {})
    spec.update(pod or {})
    return deployment, deepcopy(SERVICE)


def brief(*, replicas: int = 1, container: Obj | None = None, pod: Obj | None = None) -> tuple[Obj, Obj]:
    """The same with a grace period of two seconds."""
    return app(replicas=replicas, container=container, pod={"terminationGracePeriodSeconds": 2, **(pod or {})})


def shell(name: str, script: str, **more: Any) -> Obj:
    return {"name": name, "image": IMAGE, "command": ["sh", "-c", script], **more}


def bare(name: str, *containers: Obj, **spec: Any) -> Obj:
    """A pod that nothing but itself looks after, with a grace period of two seconds."""
    whole = {"terminationGracePeriodSeconds": 2, "containers": [*containers], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": whole}


def http_get(path: str, **more: Any) -> Obj:
    return {"httpGet": {"path": path, "port": "http"}, **more}


FAST = {"periodSeconds": 1, "failureThreshold": 2, "timeoutSeconds": 1}
READY: Obj = {"readinessProbe": http_get("/readyz", **FAST)}
