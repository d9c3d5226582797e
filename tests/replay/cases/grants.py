"""Rights in detail: roles of roles, names, URLs, the verbs bind, escalate and impersonate, and what reviews answer."""

from asyncio import sleep
from typing import Any

import yaml

from tests.replay.case import Obj, case
from tests.replay.stage import Stage

RBAC = "rbac.authorization.k8s.io"
MERGE = "application/merge-patch+json"


def _rule(groups: str, resources: str, verbs: str, **more: Any) -> Obj:
    return {"apiGroups": groups.split(","), "resources": resources.split(","), "verbs": verbs.split(","), **more}


def _role(kind: str, name: str, *rules: Obj, labels: Obj | None = None, **more: Any) -> Obj:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": kind,
        "metadata": {"name": name, "labels": labels or {}},
        "rules": [*rules],
        **more,
    }


def _binding(kind: str, name: str, role: str, user: str, role_kind: str = "ClusterRole") -> Obj:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": kind,
        "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC, "kind": role_kind, "name": role},
        "subjects": [{"kind": "User", "apiGroup": RBAC, "name": user}],
    }


@case("roles-of-roles")
async def aggregated(stage: Stage) -> None:
    """A ClusterRole made of others by their labels, and rules that name objects and URLs."""
    select = {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"replay": "yes"}}]}}
    await stage.create(_role("ClusterRole", "replay-sum", _rule("", "nodes", "delete"), **select))
    await stage.create(_role("ClusterRole", "replay-one", _rule("", "pods", "get"), labels={"replay": "yes"}))
    await stage.create(
        _role(
            "ClusterRole",
            "replay-two",
            _rule("apps", "deployments", "list", resourceNames=["a"]),
            labels={"replay": "yes"},
        )
    )
    urls = {"nonResourceURLs": ["/metrics", "/replay/*"], "verbs": ["get"]}
    await stage.create(_role("ClusterRole", "replay-urls", urls))
    await stage.create(_binding("ClusterRoleBinding", "replay-urls", "replay-urls", "ursula"))
    await stage.create(_binding("RoleBinding", "urls", "replay-urls", "other"))
    await stage.create(_binding("ClusterRoleBinding", "replay-sum", "replay-sum", "summer"))
    names = _rule("", "configmaps", "get,list,watch,delete,update,patch,create,deletecollection", resourceNames=["src"])
    await stage.create(_role("Role", "named", names))
    await stage.create(_binding("RoleBinding", "named", "named", "namer", "Role"))
    await sleep(1)
    await stage.commands(
        """
        get clusterrole replay-sum -o yaml
        label clusterrole replay-two replay-
        """
    )
    await sleep(1)
    await stage.commands(
        """
        get clusterrole replay-sum -o jsonpath={.rules}
        auth can-i list pods --as=summer
        auth can-i get pods --as=summer
        auth can-i get deploy/a --as=summer
        auth can-i get /metrics --as=ursula
        auth can-i get /replay/x/y --as=ursula
        auth can-i get /replay --as=ursula
        auth can-i post /metrics --as=ursula
        auth can-i get /metrics --as=other
        auth can-i --list --as=namer
        get configmap src --as=namer -o name
        get configmap other --as=namer
        get configmaps --as=namer
        get configmaps --field-selector=metadata.name=src -o name --as=namer
        delete configmaps --all --as=namer
        create configmap src --as=namer
        get --raw /replay/x --as=ursula
        get --raw /nope --as=ursula
        """
    )
    for name in ("replay-sum", "replay-one", "replay-two", "replay-urls"):
        await stage.request("DELETE", f"/apis/{RBAC}/v1/clusterroles/{name}")
    for name in ("replay-sum", "replay-urls"):
        await stage.request("DELETE", f"/apis/{RBAC}/v1/clusterrolebindings/{name}")


@case("bind-and-escalate")
async def bind(stage: Stage) -> None:
    """Who may give what he has not: by the verbs bind and escalate, for all roles or for some by name."""
    for name, verbs, more in (
        ("binder", "bind", {"resourceNames": ["edit"]}),
        ("climber", "escalate", {}),
        ("plain", "get", {}),
    ):
        roles = _rule(RBAC, "roles,clusterroles", verbs, **more)
        write = _rule(RBAC, "roles,rolebindings", "create,get,patch,update,delete")
        await stage.create(_role("ClusterRole", f"replay-{name}", roles))
        await stage.create(_role("Role", name, write, roles))
        await stage.create(_binding("RoleBinding", name, name, name, "Role"))
        await stage.create(_binding("RoleBinding", f"{name}-cluster", f"replay-{name}", name))
    await sleep(0.5)
    manifests = (
        _role("Role", "grants", _rule("", "secrets", "get,list"), _rule("", "pods/exec", "create")),
        _binding("RoleBinding", "edits", "edit", "friend"),
        _binding("RoleBinding", "views", "view", "friend"),
        _binding("RoleBinding", "own", "plain", "friend", "Role"),
    )
    for manifest in manifests:
        for who in ("binder", "climber", "plain", "nobody"):
            if (manifest["metadata"]["name"], who) != ("views", "plain"):
                text = yaml.safe_dump({**manifest, "metadata": {"name": f"{manifest['metadata']['name']}-{who}"}})
                await stage.kubectl("create", f"--as={who}", "-f", "-", stdin=text)
    await stage.kubectl(
        "patch",
        "role",
        "plain",
        "--as=plain",
        "--type=json",
        "-p",
        '[{"op":"add","path":"/rules/0/verbs/-","value":"list"}]',
    )
    await stage.kubectl("label", "role", "grants-climber", "a=b", "--as=plain")
    await stage.kubectl(
        "auth", "reconcile", "-f", "-", stdin=yaml.safe_dump(_role("Role", "plain", _rule("", "pods", "get")))
    )
    await stage.kubectl(
        "auth",
        "reconcile",
        "-f",
        "-",
        "--remove-extra-permissions",
        stdin=yaml.safe_dump(_role("Role", "plain", _rule("", "pods", "get"))),
    )
    await stage.kubectl("get", "roles,rolebindings", "-o", "wide")
    for name in ("binder", "climber", "plain"):
        await stage.request("DELETE", f"/apis/{RBAC}/v1/clusterroles/replay-{name}")


@case("impersonation")
async def impersonation(stage: Stage) -> None:
    rules = (
        _rule("", "users", "impersonate", resourceNames=["alice"]),
        _rule("", "groups", "impersonate", resourceNames=["crew"]),
        _rule("", "serviceaccounts", "impersonate"),
        _rule("authentication.k8s.io", "uids", "impersonate", resourceNames=["7"]),
        _rule("authentication.k8s.io", "userextras/scopes", "impersonate", resourceNames=["view"]),
    )
    await stage.create(_role("ClusterRole", "replay-actor", *rules))
    await stage.post(f"{stage.home}/serviceaccounts", {"metadata": {"name": "actor"}})
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    token = str((await stage.request("POST", f"{stage.home}/serviceaccounts/actor/token", asked))["status"]["token"])
    account = {"kind": "ServiceAccount", "name": "actor", "namespace": stage.namespace}
    await stage.create({**_binding("ClusterRoleBinding", "replay-actor", "replay-actor", "x"), "subjects": [account]})
    await sleep(0.5)
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    for note, headers in (
        ("himself", {}),
        ("alice", {"Impersonate-User": "alice"}),
        ("bob", {"Impersonate-User": "bob"}),
        ("alice of the crew", {"Impersonate-User": "alice", "Impersonate-Group": "crew"}),
        ("alice of the masters", {"Impersonate-User": "alice", "Impersonate-Group": "system:masters"}),
        ("a group alone", {"Impersonate-Group": "crew"}),
        ("a uid alone", {"Impersonate-Uid": "7"}),
        ("alice by uid", {"Impersonate-User": "alice", "Impersonate-Uid": "7"}),
        ("alice by another uid", {"Impersonate-User": "alice", "Impersonate-Uid": "8"}),
        ("alice with scopes", {"Impersonate-User": "alice", "Impersonate-Extra-Scopes": "view"}),
        ("alice with more", {"Impersonate-User": "alice", "Impersonate-Extra-Scopes": "edit"}),
        ("alice with others", {"Impersonate-User": "alice", "Impersonate-Extra-Other": "view"}),
        ("an account", {"Impersonate-User": "system:serviceaccount:kube-system:default"}),
        (
            "an account of another group",
            {"Impersonate-User": "system:serviceaccount:kube-system:default", "Impersonate-Group": "crew"},
        ),
        ("no account", {"Impersonate-User": "system:serviceaccount:x"}),
        ("a node", {"Impersonate-User": "system:node:node1"}),
        ("nobody", {"Impersonate-User": "system:anonymous"}),
    ):
        await stage.request("POST", path, review, token=token, note=note, headers=headers)
        await stage.request("POST", path, review, note=f"admin as {note}", headers=headers)
    for name in ("clusterroles", "clusterrolebindings"):
        await stage.request("DELETE", f"/apis/{RBAC}/v1/{name}/replay-actor")


@case("reviews")
async def reviews(stage: Stage) -> None:
    """Who may do what, asked of the API in each of its ways; whose a token is."""
    namespace = stage.namespace
    await stage.create(
        _role(
            "Role",
            "reads",
            _rule("", "pods,pods/log", "get,list"),
            _rule("apps", "*", "get"),
            _rule("", "secrets", "get", resourceNames=["a"]),
        )
    )
    await stage.create(_binding("RoleBinding", "reads", "reads", "reader", "Role"))
    await sleep(0.5)
    group = "authorization.k8s.io"
    pods = {"namespace": namespace, "verb": "get", "resource": "pods"}
    for note, attributes in (
        ("pods", pods),
        ("the log", {**pods, "subresource": "log"}),
        ("exec", {**pods, "subresource": "exec", "verb": "create"}),
        ("any of apps", {**pods, "group": "apps", "resource": "things"}),
        ("everything", {**pods, "group": "*", "resource": "*", "verb": "*"}),
        ("elsewhere", {**pods, "namespace": "default"}),
        ("everywhere", {**pods, "namespace": ""}),
        ("secret a", {**pods, "resource": "secrets", "name": "a"}),
        ("secret b", {**pods, "resource": "secrets", "name": "b"}),
        ("selector", {**pods, "labelSelector": {"rawSelector": "a=b"}, "verb": "list"}),
        (
            "both selectors",
            {
                **pods,
                "fieldSelector": {
                    "rawSelector": "a=b",
                    "requirements": [{"key": "a", "operator": "In", "values": ["b"]}],
                },
            },
        ),
        ("nothing", {}),
    ):
        spec = {"user": "reader", "resourceAttributes": attributes}
        await stage.create(
            {"apiVersion": f"{group}/v1", "kind": "SubjectAccessReview", "metadata": {}, "spec": spec}, note=note
        )
        local = {
            "apiVersion": f"{group}/v1",
            "kind": "LocalSubjectAccessReview",
            "metadata": {"namespace": namespace},
            "spec": spec,
        }
        await stage.create(local, note=f"local: {note}")
    url = {"nonResourceAttributes": {"path": "/x", "verb": "get"}}
    questions: list[tuple[str, Obj]] = [
        ("both kinds", {"user": "reader", "resourceAttributes": pods, **url}),
        ("neither", {"user": "reader"}),
        ("nobody", {"resourceAttributes": pods}),
        ("a group", {"groups": ["system:masters"], "resourceAttributes": pods}),
        ("extra", {"user": "reader", "uid": "7", "extra": {"a": ["b"]}, "resourceAttributes": pods}),
        ("a path", {"user": "reader", **url}),
        ("strange", {"user": "reader", "resourceAttributes": pods, "odd": 1}),
        ("wrong type", {"user": 7}),
    ]
    for note, question in questions:
        for kind in ("SubjectAccessReview", "LocalSubjectAccessReview", "SelfSubjectAccessReview"):
            body = {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {}, "spec": question}
            await stage.create(body, note=f"{kind}: {note}")
    for scope in ({"namespace": namespace}, {"namespace": ""}, {}):
        await stage.create(
            {"apiVersion": f"{group}/v1", "kind": "SelfSubjectRulesReview", "metadata": {}, "spec": scope},
            note=str(scope),
        )
    account = f"{stage.home}/serviceaccounts/default/token"
    authentication = "authentication.k8s.io/v1"
    tokens: dict[str, str] = {}
    requests: list[tuple[str, Obj]] = [
        ("plain", {}),
        ("for others", {"audiences": ["others"]}),
        ("for both", {"audiences": ["others", "https://kubernetes.default.svc"]}),
        ("of nobody's pod", {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "nope"}}),
        ("of a map", {"boundObjectRef": {"kind": "ConfigMap", "apiVersion": "v1", "name": "src"}}),
        ("too long", {"expirationSeconds": 2**33}),
    ]
    for note, request in requests:
        body = {"apiVersion": authentication, "kind": "TokenRequest", "spec": request}
        answered = await stage.request("POST", account, body, note=note)
        tokens[note] = answered["status"]["token"] if answered["kind"] == "TokenRequest" else ""
    shown: list[tuple[str, Obj]] = [
        ("plain", {"token": tokens["plain"]}),
        ("plain for others", {"token": tokens["plain"], "audiences": ["others"]}),
        ("others", {"token": tokens["for others"]}),
        ("others for others", {"token": tokens["for others"], "audiences": ["others", "more"]}),
        ("nonsense", {"token": "nonsense"}),
        ("none", {}),
    ]
    for note, token in shown:
        await stage.create(
            {"apiVersion": authentication, "kind": "TokenReview", "metadata": {}, "spec": token}, note=note
        )
    await stage.request("GET", f"{stage.home}/pods", token=tokens["for others"], note="for others")
    for path in ("authorization.k8s.io/v1/subjectaccessreviews", f"{authentication}/tokenreviews"):
        await stage.request("GET", f"/apis/{path}")
        await stage.request("POST", f"/apis/{path}", {}, note="empty")
        await stage.request("POST", f"/apis/{path}", {"kind": "Pod", "apiVersion": "v1"}, note="a pod")
