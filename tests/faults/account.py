"""Somebody with an account of their own and no rights but the ones that they are given."""

from collections.abc import Iterable

from chaos.kube import Kube, Obj
from chaos.rights import RBAC_API, cluster_role


def token(kube: Kube, name: str, permissions: Iterable[str]) -> str:
    """Make the account and bind a ClusterRole with these permissions to it; a token of it."""
    named: Obj = {"metadata": {"name": name}}
    kube.create({"kind": "ServiceAccount", "apiVersion": "v1", **named}, "default")
    kube.create(cluster_role(name, permissions))
    subjects = [{"kind": "ServiceAccount", "name": name, "namespace": "default"}]
    ref = {"apiGroup": RBAC_API, "kind": "ClusterRole", "name": name}
    kube.create(
        {"kind": "ClusterRoleBinding", "apiVersion": f"{RBAC_API}/v1", **named, "roleRef": ref, "subjects": subjects}
    )
    request: Obj = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = f"/api/v1/namespaces/default/serviceaccounts/{name}/token"
    return str(kube.json("POST", path, body=request)["status"]["token"])
