"""Who is refused, by which sentence: roles, escalation, tokens of accounts that are gone, pod security."""

from asyncio import sleep

import yaml

from tests.replay.case import Obj, bare, case, shell
from tests.replay.stage import Stage

RBAC = "rbac.authorization.k8s.io"
SLEEPS = shell("main", "sleep 600")


def _rule(groups: str, resources: str, verbs: str, **more: object) -> Obj:
    return {"apiGroups": groups.split(","), "resources": resources.split(","), "verbs": verbs.split(","), **more}


def _role(name: str, *rules: Obj, kind: str = "Role") -> Obj:
    return {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": {"name": name}, "rules": [*rules]}


def _binding(name: str, role: str, account: str, namespace: str, *, kind: str = "Role") -> Obj:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC, "kind": kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }


async def _account(stage: Stage, name: str) -> str:
    """A new account, and a token of it."""
    await stage.post(f"{stage.home}/serviceaccounts", {"metadata": {"name": name}})
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    path = f"{stage.home}/serviceaccounts/{name}/token"
    return str((await stage.request("POST", path, asked, note=name))["status"]["token"])


READ_PODS = _rule("", "pods", "get,list,watch")


@case("rbac-refusals")
async def refusals(stage: Stage) -> None:
    token = await _account(stage, "reader")
    await stage.create(
        _role("reads", READ_PODS, _rule("", "pods/log", "get"), _rule("apps", "deployments", "get,patch"))
    )
    await stage.create(_binding("reads", "reads", "reader", stage.namespace))
    await stage.apply(bare("pod", SLEEPS))
    await stage.until_ready(1)
    apps = f"/apis/apps/v1/namespaces/{stage.namespace}/deployments"
    for method, path in (
        ("GET", f"{stage.home}/pods?limit=1"),
        ("GET", f"{stage.home}/pods/pod"),
        ("GET", f"{stage.home}/pods/pod/log"),
        ("GET", f"{stage.home}/pods/nobody"),
        ("GET", f"{stage.home}/pods/pod/status"),
        ("POST", f"{stage.home}/pods/pod/exec?command=true"),
        ("POST", f"{stage.home}/pods/pod/eviction"),
        ("GET", f"{stage.home}/pods/pod/proxy/"),
        ("DELETE", f"{stage.home}/pods/pod"),
        ("DELETE", f"{stage.home}/pods"),
        ("GET", f"{apps}/app"),
        ("GET", f"{apps}/app/scale"),
        ("PATCH", f"{apps}/app/scale"),
        ("GET", apps),
        ("GET", f"{stage.home}/secrets?watch=true"),
        ("GET", "/api/v1/pods"),
        ("GET", "/api/v1/namespaces/other/pods"),
        ("GET", "/api/v1/namespaces"),
        ("GET", "/api/v1/nodes/node1"),
        ("GET", "/api/v1/nodes/node1/proxy/metrics"),
        ("GET", "/metrics"),
        ("GET", "/healthz"),
        ("GET", "/version"),
        ("GET", "/logs/"),
        ("GET", "/apis/example.com/v1/things"),
        ("GET", "/apis/apps/v1/nonsense"),
    ):
        await stage.request(method, path, token=token, note="reader")
    for path in ("/apis/example.com/v1/things", "/apis/apps/v1/nonsense", "/nonsense", f"{stage.home}/pods/nobody/log"):
        await stage.request("GET", path)


@case("rbac-escalation")
async def escalation(stage: Stage) -> None:
    token, namespace = await _account(stage, "climber"), stage.namespace
    rules = (_rule(RBAC, "roles,rolebindings,clusterroles", "create,update,get"), READ_PODS)
    await stage.create(_role("climbs", *rules))
    await stage.create(_binding("climbs", "climbs", "climber", namespace))
    await sleep(0.5)
    await stage.create(_role("same", READ_PODS), token=token)
    await stage.create(_role("more", _rule("", "secrets", "get,list"), _rule("apps", "*", "*")), token=token)
    await stage.create(_role("named", _rule("", "secrets", "get", resourceNames=["a"])), token=token)
    await stage.create(_role("cluster", READ_PODS, kind="ClusterRole"), token=token)
    await stage.create(_binding("same", "same", "climber", namespace), token=token)
    await stage.create(_binding("nothing", "nothing", "climber", namespace), token=token)
    await stage.create(_binding("edit", "edit", "climber", namespace, kind="ClusterRole"), token=token)
    await stage.create(_binding("admin", "cluster-admin", "climber", namespace, kind="ClusterRole"), token=token)
    await stage.create(_role("wrong", {"apiGroups": [""], "resources": ["pods"]}))
    await stage.create(_role("wrong", _rule("", "pods", "get", nonResourceURLs=["/x"])))
    await stage.create(
        {**_binding("wrong", "same", "climber", namespace), "subjects": [{"kind": "Robot", "name": "r"}]}
    )
    changed = _binding("same", "reads", "climber", namespace)
    await stage.request(
        "PUT", f"/apis/{RBAC}/v1/namespaces/{namespace}/rolebindings/same", changed, note="another role"
    )
    someone = f"--as=system:serviceaccount:{namespace}:climber"
    await stage.kubectl("get", "secrets", someone)
    await stage.kubectl("get", "pods", someone)
    await stage.kubectl("get", "nodes", someone)
    await stage.kubectl("create", "deploy", "d", "--image=busybox:1.36", someone)
    await stage.kubectl("delete", "pod", "nobody", someone)
    await stage.kubectl("exec", "nobody", someone, "--", "true")
    await stage.kubectl("scale", "deploy", "d", "--replicas=2", someone)
    await stage.kubectl("auth", "can-i", "get", "pods", someone)
    await stage.kubectl("auth", "can-i", "get", "pods", "--subresource=log", someone)
    await stage.kubectl("auth", "can-i", "create", "deployments.apps", someone)
    await stage.kubectl("auth", "can-i", "get", "/metrics", someone)
    await stage.kubectl("auth", "can-i", "--list", someone)
    await stage.kubectl("auth", "whoami", someone)


@case("rbac-tokens")
async def tokens(stage: Stage) -> None:
    """Of accounts that are gone, and of nobody; impersonation; reviews."""
    token, namespace = await _account(stage, "gone"), stage.namespace
    name = f"system:serviceaccount:{namespace}:gone"
    await stage.request("GET", f"{stage.home}/pods", token=token, note="before")
    await stage.kubectl("delete", "serviceaccount", "gone")
    # A token that was good is not looked at again for ten seconds.
    await sleep(11)
    await stage.request("GET", f"{stage.home}/pods", token=token, note="after")
    await stage.request("GET", f"{stage.home}/pods", token=token + "x", note="broken")
    await stage.request("GET", f"{stage.home}/pods", token="", note="nobody")
    await stage.request("POST", f"{stage.home}/serviceaccounts/nobody/token", _token_request(600), note="no account")
    for seconds in (5, -1):
        await stage.request(
            "POST", f"{stage.home}/serviceaccounts/default/token", _token_request(seconds), note="short"
        )
    await stage.kubectl("create", "token", "nobody")
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": {}}
    pods = {"namespace": namespace, "verb": "list", "resource": "pods"}
    await stage.create({**review, "spec": {"user": name, "resourceAttributes": pods}}, note="review")
    await stage.create({**review, "spec": {"user": name}}, note="empty review")
    await stage.create({**review, "spec": {"resourceAttributes": pods}}, note="nobody's review")
    path = {"path": "/healthz", "verb": "get"}
    await stage.create({**review, "spec": {"user": name, "groups": ["system:masters"], "nonResourceAttributes": path}})
    who = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "metadata": {}, "spec": {"token": token}}
    await stage.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", who, note="token of a ghost")
    await stage.create({**bare("no-account", SLEEPS, serviceAccountName="nobody")})
    await stage.kubectl("get", "pods", "--as=somebody")
    await stage.kubectl("get", "pods", "--as=somebody", "--as-group=system:masters")


def _token_request(seconds: int) -> Obj:
    spec = {"expirationSeconds": seconds}
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}


LEVEL = "pod-security.kubernetes.io"
GOOD = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


@case("pod-security-levels", labels={f"{LEVEL}/enforce": "baseline", f"{LEVEL}/warn": "restricted"})
async def pod_security(stage: Stage) -> None:
    def secured(name: str, context: Obj, **spec: object) -> Obj:
        return bare(name, {**SLEEPS, "securityContext": context}, **spec)

    host = {"name": "h", "hostPath": {"path": "/"}}
    port = {**SLEEPS, "ports": [{"containerPort": 80, "hostPort": 8080}]}
    for pod in (
        secured("privileged", {"privileged": True}),
        secured("capable", {"capabilities": {"add": ["SYS_ADMIN", "NET_RAW"]}}),
        secured("unconfined", {"seccompProfile": {"type": "Unconfined"}}),
        bare("host-path", SLEEPS, volumes=[host]),
        bare("host-port", port),
        bare("everything", {**port, "securityContext": {"privileged": True}}, volumes=[host]),
        secured("as-root", {"runAsUser": 0}),
        secured("good", GOOD),
    ):
        await stage.kubectl("create", "-f", "-", stdin=yaml.safe_dump(pod))
        await stage.create({**pod, "metadata": {"name": f"{pod['metadata']['name']}-2"}})
    await sleep(0.5)
    await stage.kubectl("label", "ns", stage.namespace, f"{LEVEL}/enforce=restricted", "--overwrite", anywhere=True)
    await stage.kubectl("label", "ns", stage.namespace, f"{LEVEL}/enforce=strict", "--overwrite", anywhere=True)
    await stage.kubectl("create", "deploy", "d", "--image=busybox:1.36")
    await stage.kubectl("run", "bare", "--image=busybox:1.36")
    await stage.kubectl("run", "dry", "--image=busybox:1.36", "--dry-run=server")
