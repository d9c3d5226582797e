"""Who may do what, and what is refused before it exists."""

from asyncio import sleep
from typing import Any

import yaml

from tests.replay.case import Obj, app, case
from tests.replay.stage import Stage


@case("service-selector-mismatch")
async def selector_mismatch(stage: Stage) -> None:
    deployment, service = app()
    service["spec"] = {"selector": {"app": "typo"}, "ports": [{"port": 80, "targetPort": "http"}]}
    await stage.apply(deployment, service)
    await sleep(5)
    await stage.show()
    await stage.http("services/app:80", "/", seconds=2)
    await stage.kubectl("describe", "svc", "app")
    await stage.kubectl("get", "endpointslices")


LEVEL = "pod-security.kubernetes.io"


@case("pod-security-restricted-denied", labels={f"{LEVEL}/enforce": "restricted", f"{LEVEL}/warn": "restricted"})
async def pod_security(stage: Stage) -> None:
    await stage.apply(*app())
    await sleep(4)
    await stage.show()


@case("quota-exceeded")
async def quota(stage: Stage) -> None:
    hard = {"pods": "1", "requests.memory": "64Mi", "limits.memory": "128Mi"}
    await _create(stage, "resourcequotas", "v1", "ResourceQuota", "q", {"spec": {"hard": hard}})
    await stage.apply(*app(replicas=2))
    await sleep(4)
    await stage.show()
    await stage.kubectl("get", "resourcequota", "-o", "yaml")


@case("limitrange-defaults")
async def limit_range(stage: Stage) -> None:
    limit = {
        "type": "Container",
        "default": {"memory": "96Mi", "cpu": "200m"},
        "defaultRequest": {"memory": "48Mi", "cpu": "50m"},
    }
    await _create(stage, "limitranges", "v1", "LimitRange", "l", {"spec": {"limits": [limit]}})
    await stage.apply(*app(container={"resources": {}}))
    await sleep(4)
    await stage.show()
    await stage.kubectl("get", "pods", "-o", "yaml")


def _pod(name: str, container: Obj | None) -> Obj:
    containers = [] if container is None else [{"name": "c", "image": "x", **container}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": containers}}


def _deployment(labels: Obj) -> Obj:
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}


def _memory(**amounts: str) -> Obj:
    return {"resources": {kind: {"memory": amount} for kind, amount in amounts.items()}}


MISSPELT = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p"},
    "spec": {"containrs": [{"name": "c", "image": "x"}]},
}
UNKNOWN_VERSION = {"apiVersion": "apps/v2", "kind": "Deployment", "metadata": {"name": "d"}}
BAD_PORT = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 99999}]}}
INVALID = (
    _pod("UPPER", {}),
    _pod("p", None),
    _pod("p", _memory(limits="lots")),
    _pod("p", _memory(requests="2Gi", limits="1Gi")),
    _deployment({"a": "c"}),
    UNKNOWN_VERSION,
    MISSPELT,
    BAD_PORT,
)


@case("invalid-manifests")
async def invalid(stage: Stage) -> None:
    await stage.apply(*app())
    await sleep(3)
    await stage.show()
    for manifest in INVALID:
        await stage.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(manifest))


async def _create(stage: Stage, plural: str, version: str, kind: str, name: str, rest: Obj, note: str = "") -> None:
    home = "/api" if "/" not in version else "/apis"
    body = {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **rest}
    await stage.request("POST", f"{home}/{version}/namespaces/{stage.namespace}/{plural}", body, note=note)


RBAC = "rbac.authorization.k8s.io"
REVIEWS = "authorization.k8s.io"


@case("rbac-default-versus-cluster-admin", namespace="rbac")
async def rbac(stage: Stage) -> None:
    home = f"/api/v1/namespaces/{stage.namespace}"
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    token = (await stage.request("POST", f"{home}/serviceaccounts/default/token", asked))["status"]["token"]
    await _try_everything(stage, token, "default")
    await stage.request("GET", "/api/v1/namespaces", token="", note="anonymous")
    await stage.request("GET", "/api/v1/namespaces", token="bad", note="bad token")
    await _grant_little(stage)
    await sleep(1)
    for path in (
        f"{home}/configmaps",
        f"{home}/secrets/only",
        f"{home}/secrets/other",
        "/api/v1/namespaces/kube-system/configmaps",
    ):
        await stage.request("GET", path, token=token, note="role rd")
    await _bind(stage, "rec-admin", stage.namespace)
    await sleep(1)
    await _try_everything(stage, token, "admin")
    account = f"--as=system:serviceaccount:{stage.namespace}:default"
    await stage.kubectl("auth", "can-i", "--list", account, "-n", stage.namespace, anywhere=True)
    nobody = "--as=system:serviceaccount:kube-public:nobody"
    await stage.kubectl("auth", "can-i", "delete", "namespaces", nobody, anywhere=True)


async def _grant_little(stage: Stage) -> None:
    rules: list[Any] = [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["only"], "verbs": ["get"]},
    ]
    await _create(stage, "roles", f"{RBAC}/v1", "Role", "rd", {"rules": rules})
    role = {"apiGroup": RBAC, "kind": "Role", "name": "rd"}
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": stage.namespace}
    await _create(stage, "rolebindings", f"{RBAC}/v1", "RoleBinding", "rd", {"roleRef": role, "subjects": [subject]})


async def _bind(stage: Stage, name: str, namespace: str, *, token: str | None = None, note: str = "") -> None:
    """Make the default account of a namespace an administrator of the cluster."""
    body = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": namespace}],
    }
    await stage.request("POST", f"/apis/{RBAC}/v1/clusterrolebindings", body, token=token, note=note)


async def _try_everything(stage: Stage, token: str, who: str) -> None:
    home = f"/api/v1/namespaces/{stage.namespace}"

    async def attempt(method: str, path: str, body: Obj | None = None) -> None:
        await stage.request(method, path, body, token=token, note=who)

    for path in ("/api/v1/namespaces", f"{home}/secrets", "/api/v1/secrets", "/api/v1/nodes"):
        await attempt("GET", path)
    await attempt("GET" if who == "admin" else "DELETE", "/api/v1/namespaces/kube-public")
    pod = {"containers": [{"name": "c", "image": "none"}]}
    await attempt("POST", f"{home}/pods", {"metadata": {"generateName": "x-"}, "spec": pod})
    await _bind(stage, f"pwn-{who}", "kube-public", token=token, note=who)
    secrets = {"namespace": "kube-system", "verb": "get", "resource": "secrets"}
    await attempt("POST", *_review("SelfSubjectAccessReview", {"resourceAttributes": secrets}))
    await attempt("POST", *_review("SelfSubjectRulesReview", {"namespace": stage.namespace}))
    await attempt("GET", f"/apis/apps/v1/namespaces/{stage.namespace}/deployments?limit=1")
    await attempt("GET", "/version")
    await attempt("GET", "/api")


def _review(kind: str, spec: Obj) -> tuple[str, Obj]:
    body = {"apiVersion": f"{REVIEWS}/v1", "kind": kind, "spec": spec}
    return f"/apis/{REVIEWS}/v1/{kind.lower()}s", body
