"""Acting as the workload: its own account's token, what is tried with it, and what the API server answered.

Shared by the faults that steal or misuse a token. Tokens live in memory only, are bound to the pod they were taken
from, so that they die with it, and stand in no record.
"""

from typing import Any, NamedTuple

from chaos.faults.kind import Arena, pod_path
from chaos.kube import Kube, KubeError, Obj, Refused
from loadgen.units import Duration

# The least that a TokenRequest may ask for.
TOKEN_SECONDS = 600
ANSWER_WITHIN = Duration(3)
DRY_RUN = {"dryRun": "All"}


class Action(NamedTuple):
    """One thing to try: what it is called, and the request. Nothing it asks for may change the cluster."""

    what: str
    method: str
    path: str
    body: Obj | None = None
    query: dict[str, Any] | None = None
    headers: dict[str, str] | None = None


def account_of(arena: Arena, pod: str) -> str:
    """The ServiceAccount a pod runs as."""
    return str(arena.kube.get(pod_path(arena, pod))["spec"].get("serviceAccountName") or "default")


def user_name(arena: Arena, account: str) -> str:
    """What the API server calls an account of the variant."""
    return f"system:serviceaccount:{arena.namespace}:{account}"


def steal(arena: Arena, pod: str, account: str) -> str:
    """A token of the pod's account, such as lies in the pod. Raises `Refused` when the cluster gives none out."""
    bound = {"kind": "Pod", "apiVersion": "v1", "name": pod}
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": TOKEN_SECONDS, "boundObjectRef": bound},
    }
    path = f"/api/v1/namespaces/{arena.namespace}/serviceaccounts/{account}/token"
    try:
        return str(arena.kube.json("POST", path, body=request)["status"]["token"])
    except Refused as refusal:
        message = (
            f"the cluster gave out no token for account {account} and pod {pod}: {refusal.message}; "
            "this fault needs the right to create serviceaccounts/token in the run's namespaces"
        )
        raise Refused(refusal.code, refusal.reason, message) from refusal


def who_am_i(thief: Kube) -> Obj:
    """What the API server takes the holder of a token for: `{"user": …}`, or `{"problem": …}` when it tells nothing."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    try:
        answer = thief.json("POST", path, body=review, timeout=ANSWER_WITHIN)
    except KubeError as error:
        return {"problem": str(error)}
    return {"user": answer["status"]["userInfo"]["username"]}


def attempt(thief: Kube, action: Action) -> Obj:
    """Try it; the answer's code (0 when there was none) and message. What was read is thrown away unseen."""

    def told(code: int, reason: str = "", message: str = "") -> Obj:
        return {"what": action.what, "code": code, "reason": reason, "message": message[:300]}

    try:
        thief.request(
            action.method,
            action.path,
            query=action.query,
            body=action.body,
            timeout=ANSWER_WITHIN,
            headers=action.headers,
        )
    except Refused as refusal:
        return told(refusal.code, refusal.reason, refusal.message)
    except KubeError as error:
        return told(0, type(error).__name__, str(error))
    return told(200)


def deny_matrix(arena: Arena, pod: str) -> list[Action]:
    """What no workload's token should be allowed to do: read, write and grow, here, elsewhere and in the whole cluster.

    Everything that would change something is a server-side dry run; the command that would be run in a pod is `true`,
    and without the protocol switch that running it would take.
    """
    here, target = f"/api/v1/namespaces/{arena.namespace}", arena.target.partition("/")[2]
    return [*_in_own_namespace(here, arena, pod, target), *_beyond(arena)]


def _in_own_namespace(here: str, arena: Arena, pod: str, target: str) -> list[Action]:
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{arena.namespace}"
    new_pod = _object("v1", "Pod", spec={"containers": [{"name": "x", "image": "busybox"}]})
    binding = _object("rbac.authorization.k8s.io/v1", "RoleBinding", roleRef=_role("view"), subjects=[_anybody(arena)])
    token = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    one = {"limit": 1}
    return [
        Action("list secrets in its namespace", "GET", f"{here}/secrets", query=one),
        Action("create pods in its namespace", "POST", f"{here}/pods", new_pod, DRY_RUN),
        Action("run commands in pods", "POST", f"{here}/pods/{pod}/exec", query={"command": "true", "stdout": "true"}),
        Action("create rolebindings", "POST", f"{rbac}/rolebindings", binding, DRY_RUN),
        Action("issue tokens for accounts", "POST", f"{here}/serviceaccounts/default/token", token, DRY_RUN),
        Action("delete services", "DELETE", f"{here}/services/{target}", query=DRY_RUN),
    ]


def _beyond(arena: Arena) -> list[Action]:
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    binding = _object(
        "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", roleRef=_role("view"), subjects=[_anybody(arena)]
    )
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    whoami = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    somebody = {"Impersonate-User": "system:kube-controller-manager"}
    one = {"limit": 1}
    return [
        Action("list secrets of all namespaces", "GET", "/api/v1/secrets", query=one),
        Action("list pods of another namespace", "GET", "/api/v1/namespaces/default/pods", query=one),
        Action("delete namespaces", "DELETE", f"/api/v1/namespaces/{arena.namespace}", query=DRY_RUN),
        Action("list nodes", "GET", "/api/v1/nodes", query=one),
        Action("create clusterrolebindings", "POST", f"{rbac}/clusterrolebindings", binding, DRY_RUN),
        Action("impersonate other users", "POST", whoami, review, headers=somebody),
    ]


def _object(api_version: str, kind: str, **rest: Any) -> Obj:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"generateName": "seawall-dry-run-"}, **rest}


def _role(name: str) -> Obj:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}


def _anybody(arena: Arena) -> Obj:
    return {"kind": "ServiceAccount", "name": "default", "namespace": arena.namespace}
