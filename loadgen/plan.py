"""What to deploy so that a load is made in the cluster: plain Kubernetes objects, nothing is touched here.

One pod makes a load; `workers: N` is a Locust master, its Service, and N worker pods. The code that measures and the
user's Locust file come in a ConfigMap, so the pods need the public image and nothing else.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import loadgen
from loadgen.load import MASTER_PORT, Load, arguments, settings, worker_arguments

IMAGE = "locustio/locust:2.47.0"
# Only these run in a load pod; the rest of the package stays with the engine.
SHIPPED = ("__init__.py", "samples.py", "lines.py", "inside")

Obj = dict[str, Any]
_ROOT = "/load"
_INSIDE = f"{_ROOT}/loadgen/inside"
_LOCUSTFILE = f"{_ROOT}/locustfile.py"
# Guaranteed: when a node runs out of memory, its load generator is the last to blame and the last to go.
_RESOURCES = {"cpu": "800m", "memory": "192Mi"}


def shipped_sources() -> dict[str, str]:
    """The files that run in a load pod, by their path from where the package `loadgen` is."""
    package = Path(loadgen.__file__).parent
    entries = [package / name for name in SHIPPED]
    files = [file for entry in entries for file in ([entry] if entry.is_file() else sorted(entry.glob("*.py")))]
    return {str(file.relative_to(package.parent)): file.read_text() for file in files}


def pod_names(load: Load, name: str) -> list[str]:
    """The pods whose logs carry samples."""
    return [name] if load.workers == 1 else [f"{name}-worker-{index}" for index in range(load.workers)]


def manifests(
    load: Load, *, name: str, namespace: str, locustfile: str, labels: Mapping[str, str] | None = None
) -> list[Obj]:
    """The objects of one load, in the order to create them. `locustfile` is the text of the user's Locust file."""
    common = {"app.kubernetes.io/name": name, "app.kubernetes.io/component": "load", **(labels or {})}
    files = {**shipped_sources(), "locustfile.py": locustfile}
    pods = _alone(load, name, files) if load.workers == 1 else _divided(load, name, files)
    return [_placed(obj, namespace, common) for obj in (_config_map(name, files), *pods)]


def _alone(load: Load, name: str, files: Mapping[str, str]) -> list[Obj]:
    return [_pod(load, name, name, files, arguments(load, inside=_INSIDE, locustfile=_LOCUSTFILE))]


def _divided(load: Load, name: str, files: Mapping[str, str]) -> list[Obj]:
    master = f"{name}-master"
    share = worker_arguments(load, inside=_INSIDE, locustfile=_LOCUSTFILE, master=master)
    lead = (
        *arguments(load, inside=_INSIDE, locustfile=_LOCUSTFILE),
        *("--master", "--expect-workers", str(load.workers), "--master-bind-port", str(MASTER_PORT)),
    )
    workers = [_pod(load, pod, name, files, share) for pod in pod_names(load, name)]
    return [_service(master), _pod(load, master, name, files, lead), *workers]


def _placed(obj: Obj, namespace: str, labels: Mapping[str, str]) -> Obj:
    metadata = obj["metadata"]
    own = {"app.kubernetes.io/instance": metadata["name"]}
    return {**obj, "metadata": {**metadata, "namespace": namespace, "labels": {**labels, **own}}}


def _config_map(name: str, files: Mapping[str, str]) -> Obj:
    data = {_key(path): text for path, text in files.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def _key(path: str) -> str:
    # A key of a ConfigMap holds no slash; the volume's items give the folders back.
    return path.replace("/", ".")


def _service(name: str) -> Obj:
    """Gives the master a name. Workers look for it before it is ready."""
    spec = {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": {"app.kubernetes.io/instance": name},
        "ports": [{"name": "locust", "port": MASTER_PORT}],
    }
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def _pod(load: Load, name: str, config_map: str, files: Mapping[str, str], args: tuple[str, ...]) -> Obj:
    items = [{"key": _key(path), "path": path} for path in files]
    spec = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 5,
        "automountServiceAccountToken": False,
        # A Service named locust would set LOCUST_PORT, which Locust takes for one of its options.
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(load, args)],
        "volumes": [
            {"name": "load", "configMap": {"name": config_map, "items": items}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def _container(load: Load, args: tuple[str, ...]) -> Obj:
    env = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", **settings(load, _LOCUSTFILE).to_env()}
    return {
        "name": "locust",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        # Locust puts its working folder on Python's path, and with it the package `loadgen`.
        "workingDir": _ROOT,
        "command": ["locust"],
        "args": list(args),
        "env": [{"name": key, "value": value} for key, value in env.items()],
        "resources": {"requests": dict(_RESOURCES), "limits": dict(_RESOURCES)},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "load", "mountPath": _ROOT, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 -- the pod's own, empty folder
        ],
    }
