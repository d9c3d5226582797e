"""Somebody with an account of their own and no rights but the ones that they are given."""

from chaos.kube import Kube, Obj
from chaos.rights import RBAC_API


def token(kube: Kube, role: Obj) -> str:
    """Make the ClusterRole, and an account of its name that has it and nothing else; a token of it."""
    name = role["metadata"]["name"]
    named: Obj = {"metadata": {"name": name}}
    kube.create({"kind": "ServiceAccount", "apiVersion": "v1", **named}, "default")
    kube.create(role)
    subjects = [{"kind": "ServiceAccount", "name": name, "namespace": "default"}]
    ref = {"apiGroup": RBAC_API, "kind": "ClusterRole", "name": name}
    kube.create(
        {"kind": "ClusterRoleBinding", "apiVersion": f"{RBAC_API}/v1", **named, "roleRef": ref, "subjects": subjects}
    )
    request: Obj = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = f"/api/v1/namespaces/default/serviceaccounts/{name}/token"
    return str(kube.json("POST", path, body=request)["status"]["token"])
