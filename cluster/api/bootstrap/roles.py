"""The ClusterRoles and bindings that every Kubernetes cluster has, as far as something here can use them.

Facts from a real v1.36 cluster. Left out are the roles of components that do not run here.
"""

from collections.abc import Iterable

from cluster.api.authorize import MASTERS, RBAC
from cluster.api.rules import Rule
from cluster.client import Obj

_READ = "get list watch"
_WRITE = "create delete deletecollection patch update"
_ALL = "create delete deletecollection get list patch update watch"
_AGGREGATE = f"{RBAC}/aggregate-to-"


def _rule(verbs: str, groups: str, resources: str) -> Rule:
    """Words separated by spaces; the group "core" is the one without a name."""
    return {
        "verbs": verbs.split(),
        "apiGroups": ["" if group == "core" else group for group in groups.split()],
        "resources": resources.split(),
    }


def _paths(*paths: str) -> Rule:
    return {"verbs": ["get"], "nonResourceURLs": list(paths)}


_CONNECT = "pods/attach pods/exec pods/portforward pods/proxy"
_SCALABLE = "daemonsets deployments {0} replicasets replicasets/scale statefulsets statefulsets/scale"
_STATUSES = (
    "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status "
    "replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status"
)

_EDIT: tuple[Rule, ...] = (
    _rule(_READ, "core", f"{_CONNECT} secrets services/proxy"),
    _rule("impersonate", "core", "serviceaccounts"),
    _rule(_WRITE, "core", f"pods {_CONNECT}"),
    _rule("create", "core", "pods/eviction"),
    _rule(
        _WRITE,
        "core",
        "configmaps persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets "
        "serviceaccounts services services/proxy",
    ),
    _rule("create", "core", "serviceaccounts/token"),
    _rule(_WRITE, "core events.k8s.io", "events"),
    _rule(_WRITE, "apps", _SCALABLE.format("deployments/rollback deployments/scale")),
    _rule(_WRITE, "autoscaling", "horizontalpodautoscalers"),
    _rule(_WRITE, "batch", "cronjobs jobs"),
    _rule(_WRITE, "policy", "poddisruptionbudgets"),
    _rule(_WRITE, "networking.k8s.io", "ingresses networkpolicies"),
    _rule(_ALL, "coordination.k8s.io", "leases"),
)
_VIEW: tuple[Rule, ...] = (
    _rule(
        _READ,
        "core",
        "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers "
        "replicationcontrollers/scale serviceaccounts services services/status",
    ),
    _rule(
        _READ,
        "core",
        "bindings limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas "
        "resourcequotas/status",
    ),
    _rule(_READ, "core", "namespaces"),
    _rule(_READ, "core events.k8s.io", "events"),
    _rule(_READ, "discovery.k8s.io", "endpointslices"),
    _rule(_READ, "apps", _STATUSES),
    _rule(_READ, "autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status"),
    _rule(_READ, "batch", "cronjobs cronjobs/status jobs jobs/status"),
    _rule(_READ, "policy", "poddisruptionbudgets poddisruptionbudgets/status"),
    _rule(_READ, "networking.k8s.io", "ingresses ingresses/status networkpolicies"),
)
# Of metrics-server; its role is aggregated to the three below.
_METRICS: tuple[Rule, ...] = (_rule(_READ, "metrics.k8s.io", "pods nodes"),)
_ADMIN: tuple[Rule, ...] = (
    _rule("create", "authorization.k8s.io", "localsubjectaccessreviews"),
    _rule(_ALL, RBAC, "rolebindings roles"),
)

_HEALTH = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_DISCOVERY = ("/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz")
_OPENID = (
    "/.well-known/openid-configuration",
    "/.well-known/openid-configuration/",
    "/openid/v1/jwks",
    "/openid/v1/jwks/",
)

_RULES: dict[str, tuple[Rule, ...]] = {
    "cluster-admin": (_rule("*", "*", "*"), {"verbs": ["*"], "nonResourceURLs": ["*"]}),
    "admin": (*_EDIT, *_METRICS, *_VIEW, *_ADMIN),
    "edit": (*_EDIT, *_METRICS, *_VIEW),
    "view": (*_VIEW, *_METRICS),
    "system:aggregated-metrics-reader": _METRICS,
    "system:aggregate-to-admin": _ADMIN,
    "system:aggregate-to-edit": _EDIT,
    "system:aggregate-to-view": _VIEW,
    "system:auth-delegator": (
        _rule("create", "authentication.k8s.io", "tokenreviews"),
        _rule("create", "authorization.k8s.io", "subjectaccessreviews"),
    ),
    "system:basic-user": (
        _rule("create", "authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews"),
        _rule("create", "authentication.k8s.io", "selfsubjectreviews"),
    ),
    "system:discovery": (_paths(*_DISCOVERY, "/version", "/version/"),),
    "system:kube-dns": (_rule("list watch", "core", "endpoints services"),),
    "system:monitoring": (
        _paths("/healthz", "/healthz/*", "/livez", "/livez/*", "/metrics", "/metrics/slis", "/readyz", "/readyz/*"),
        _rule("get", "core", "nodes/metrics"),
    ),
    "system:persistent-volume-provisioner": (
        _rule("create delete get list watch", "core", "persistentvolumes"),
        _rule("get list update watch", "core", "persistentvolumeclaims"),
        _rule(_READ, "storage.k8s.io", "storageclasses"),
        _rule("watch", "core", "events"),
        _rule("create patch update", "core events.k8s.io", "events"),
    ),
    "system:public-info-viewer": (_paths(*_HEALTH),),
    "system:service-account-issuer-discovery": (_paths(*_OPENID),),
}
# Which selector an aggregated role has, and which roles answer to one.
_AGGREGATED = {"admin": "admin", "edit": "edit", "view": "view"}
_LABELS = {
    "edit": ("admin",),
    "view": ("edit",),
    "system:aggregate-to-admin": ("admin",),
    "system:aggregate-to-edit": ("edit",),
    "system:aggregate-to-view": ("view",),
    "system:aggregated-metrics-reader": ("admin", "edit", "view"),
}
_EVERYBODY = ("system:authenticated", "system:unauthenticated")
_GROUPS = {
    "cluster-admin": (MASTERS,),
    "system:basic-user": ("system:authenticated",),
    "system:discovery": ("system:authenticated",),
    "system:monitoring": ("system:monitoring",),
    "system:public-info-viewer": _EVERYBODY,
    "system:service-account-issuer-discovery": ("system:serviceaccounts",),
}


def cluster_roles() -> Iterable[Obj]:
    for name, rules in _RULES.items():
        role = {"metadata": _metadata(name, *_LABELS.get(name, ())), "rules": list(rules)}
        if of := _AGGREGATED.get(name):
            role["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": {_AGGREGATE + of: "true"}}]}
        yield role


def cluster_role_bindings() -> Iterable[Obj]:
    for name, groups in _GROUPS.items():
        subjects = [{"kind": "Group", "apiGroup": RBAC, "name": group} for group in groups]
        ref = {"apiGroup": RBAC, "kind": "ClusterRole", "name": name}
        yield {"metadata": _metadata(name), "subjects": subjects, "roleRef": ref}


def _metadata(name: str, *aggregate_to: str) -> Obj:
    labels = {"kubernetes.io/bootstrapping": "rbac-defaults"} | {_AGGREGATE + to: "true" for to in aggregate_to}
    return {"name": name, "labels": labels, "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"}}
