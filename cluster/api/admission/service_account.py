"""ServiceAccount: every pod runs as one, and gets its token mounted unless somebody opted out."""

from typing import Any

from cluster.api.context import Cluster, Write
from cluster.api.errors import forbidden
from cluster.api.identity import random_suffix
from cluster.client import Obj

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 (a path that every Kubernetes client knows)
_TOKEN_SECONDS = 3607


def service_account(cluster: Cluster, write: Write) -> None:
    if write.operation != "CREATE" or write.resource.key != "pods":
        return
    spec = write.obj["spec"]
    name = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
    spec["serviceAccountName"] = spec["serviceAccount"] = name
    account = _account(cluster, write, name)
    if secrets := account.get("imagePullSecrets"):
        spec.setdefault("imagePullSecrets", secrets)
    if _automount(spec, account):
        mount_token(spec, f"kube-api-access-{random_suffix(cluster.random)}")


def mount_token(spec: Obj, volume: str) -> None:
    """Mount the token in each container that has nothing at its path yet. Pure."""
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    without = [c for c in containers if all(m.get("mountPath") != TOKEN_PATH for m in c.get("volumeMounts") or ())]
    if not without:
        return
    spec["volumes"] = [*(spec.get("volumes") or ()), {"name": volume, "projected": _projection()}]
    for container in without:
        mount = {"name": volume, "readOnly": True, "mountPath": TOKEN_PATH}
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), mount]


def _account(cluster: Cluster, write: Write, name: str) -> Obj:
    entry = cluster.store.get("serviceaccounts", write.namespace, name)
    if entry is None:
        why = f'error looking up service account {write.namespace}/{name}: serviceaccount "{name}" not found'
        raise forbidden(write.resource, write.name, why)
    return entry.object


def _automount(spec: Obj, account: Obj) -> Any:
    of_pod = spec.get("automountServiceAccountToken")
    return account.get("automountServiceAccountToken", True) if of_pod is None else of_pod


def _projection() -> Obj:
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    authority = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    return {
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": _TOKEN_SECONDS, "path": "token"}},
            {"configMap": authority},
            {"downwardAPI": {"items": [namespace]}},
        ],
        "defaultMode": 0o644,
    }
