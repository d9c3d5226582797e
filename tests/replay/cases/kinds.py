"""The rules of the less common kinds and fields: what is refused on creation, and which fields are for ever."""

from pathlib import Path
from typing import Any

import yaml

from tests.replay.case import Obj, case, shell
from tests.replay.stage import Stage

MERGE = "application/merge-patch+json"
RBAC = "rbac.authorization.k8s.io"
WRONG = Path(__file__).with_name("kinds.yaml").read_text()


@case("refused-kinds")
async def wrong(stage: Stage) -> None:
    for manifest in yaml.safe_load_all(WRONG):
        await stage.create(manifest)


def _of(version: str, kind: str, name: str, **rest: Any) -> Obj:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **rest}


def _template(**spec: Any) -> Obj:
    return {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [shell("c", "sleep 600")], **spec}}


def _good() -> list[Obj]:
    """One of each kind that has fields which never change."""
    role = {"apiGroup": RBAC, "kind": "Role", "name": "r"}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "nope"}
    port = {"port": 80, "name": "http"}
    never = _template(restartPolicy="Never")
    selector = {"matchLabels": {"a": "b"}}
    return [
        _of(f"{RBAC}/v1", "RoleBinding", "rb", roleRef=role),
        _of(f"{RBAC}/v1", "ClusterRoleBinding", "replay-crb", roleRef={**role, "kind": "ClusterRole"}),
        _of("storage.k8s.io/v1", "StorageClass", "replay-sc", provisioner="example.com/p", parameters={"a": "b"}),
        _of("scheduling.k8s.io/v1", "PriorityClass", "replay-pc", value=7),
        _of("networking.k8s.io/v1", "IngressClass", "replay-ic", spec={"controller": "example.com/c"}),
        _of("autoscaling/v2", "HorizontalPodAutoscaler", "h", spec={"maxReplicas": 2, "scaleTargetRef": target}),
        _of("policy/v1", "PodDisruptionBudget", "p", spec={"maxUnavailable": 1, "selector": selector}),
        _of("discovery.k8s.io/v1", "EndpointSlice", "e", addressType="IPv4", endpoints=[], ports=[port]),
        _of("apps/v1", "ControllerRevision", "cr", revision=1, data={"a": 1}),
        _of("batch/v1", "Job", "j", spec={"suspend": True, "template": never, "completions": 2, "parallelism": 1}),
        _of("v1", "ConfigMap", "c", immutable=True, binaryData={"a": "Yg=="}),
        _of("v1", "Secret", "s", immutable=True, type="example.com/x", stringData={"a": "b"}),
        _of("v1", "ResourceQuota", "q", spec={"hard": {"pods": "99"}, "scopes": ["NotTerminating"]}),
        _of("coordination.k8s.io/v1", "Lease", "l", spec={"holderIdentity": "me", "leaseTransitions": 3}),
        _of("apps/v1", "ReplicaSet", "rs", spec={"replicas": 0, "selector": selector, "template": _template()}),
        _of("v1", "ReplicationController", "rc", spec={"replicas": 0, "selector": {"a": "b"}, "template": _template()}),
        _of("v1", "Service", "svc", spec={"selector": {"a": "b"}, "ports": [port]}),
        _of("v1", "Service", "none", spec={"clusterIP": "None", "ports": [port]}),
        _of("v1", "ServiceAccount", "sa", automountServiceAccountToken=False),
        _of("networking.k8s.io/v1", "NetworkPolicy", "np", spec={"podSelector": {}}),
        _of(
            "v1",
            "PersistentVolume",
            "replay-pv",
            spec={"capacity": {"storage": "1Mi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/replay/x"}},
        ),
    ]


@case("refused-updates")
async def updates(stage: Stage) -> None:
    """Patches of each of them, refused or not."""
    made = {obj["metadata"]["name"]: obj for obj in _good()}
    for obj in made.values():
        await stage.create(obj)
    for name, patch in (
        ("rb", {"roleRef": {"name": "other"}}),
        ("rb", {"subjects": [{"kind": "User", "name": "me"}]}),
        ("replay-crb", {"roleRef": {"name": "other"}}),
        ("replay-sc", {"provisioner": "example.com/q"}),
        ("replay-sc", {"parameters": {"a": "c"}}),
        ("replay-sc", {"reclaimPolicy": "Retain", "volumeBindingMode": "WaitForFirstConsumer"}),
        ("replay-sc", {"allowVolumeExpansion": True}),
        ("replay-pc", {"value": 8}),
        ("replay-pc", {"preemptionPolicy": "Never"}),
        ("replay-pc", {"globalDefault": True}),
        ("replay-pc", {"description": "seven"}),
        ("replay-ic", {"spec": {"controller": "example.com/d"}}),
        ("h", {"spec": {"maxReplicas": 0}}),
        ("h", {"spec": {"minReplicas": 5}}),
        ("p", {"spec": {"minAvailable": 1}}),
        ("p", {"spec": {"selector": {"matchLabels": {"a": "c"}}}}),
        ("e", {"addressType": "IPv6"}),
        ("e", {"ports": [{"port": 80}, {"port": 81}]}),
        ("cr", {"data": {"a": 2}}),
        ("cr", {"revision": -2}),
        ("j", {"spec": {"completions": 3}}),
        ("j", {"spec": {"parallelism": 2, "completions": 2}}),
        ("j", {"spec": {"selector": {"matchLabels": {"x": "y"}}}}),
        ("j", {"spec": {"template": {"spec": {"nodeSelector": {"a": "b"}}}}}),
        ("j", {"spec": {"template": {"metadata": {"labels": {"a": "c"}}}}}),
        ("j", {"spec": {"backoffLimitPerIndex": 1}}),
        ("j", {"spec": {"ttlSecondsAfterFinished": -5}}),
        ("c", {"binaryData": {"a": "Yw=="}}),
        ("c", {"immutable": None}),
        ("c", {"metadata": {"labels": {"a": "b"}}}),
        ("s", {"stringData": {"a": "c"}}),
        ("s", {"type": "Opaque"}),
        ("s", {"immutable": False}),
        ("q", {"spec": {"scopes": ["BestEffort"]}}),
        ("q", {"spec": {"hard": {"pods": "-1"}}}),
        ("l", {"spec": {"leaseTransitions": 1}}),
        ("l", {"spec": {"leaseDurationSeconds": -1}}),
        ("rs", {"spec": {"selector": {"matchLabels": {"a": "c"}}}}),
        ("rs", {"spec": {"template": {"metadata": {"labels": {"a": "c"}}}}}),
        ("rc", {"spec": {"selector": {"a": "c"}}}),
        ("svc", {"spec": {"clusterIP": "10.96.7.7"}}),
        ("svc", {"spec": {"clusterIP": None}}),
        ("svc", {"spec": {"clusterIP": "None"}}),
        ("svc", {"spec": {"clusterIPs": ["None"]}}),
        ("svc", {"spec": {"ipFamilies": ["IPv6"]}}),
        ("svc", {"spec": {"ipFamilyPolicy": "RequireDualStack"}}),
        ("svc", {"spec": {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 1}}),
        ("svc", {"spec": {"type": "ExternalName"}}),
        ("svc", {"spec": {"externalTrafficPolicy": "Local"}}),
        ("svc", {"spec": {"type": "NodePort", "ports": [{"port": 80, "name": "http", "nodePort": 1}]}}),
        ("none", {"spec": {"type": "NodePort"}}),
        ("none", {"spec": {"clusterIP": "10.96.7.8"}}),
        ("sa", {"secrets": [{"name": "s"}], "imagePullSecrets": [{"name": "x"}]}),
        ("np", {"spec": {"policyTypes": ["Egress", "Odd"]}}),
        ("replay-pv", {"spec": {"hostPath": {"path": "/replay/y"}}}),
        ("replay-pv", {"spec": {"volumeMode": "Block"}}),
        ("replay-pv", {"spec": {"capacity": {"storage": "2Mi"}}}),
        ("replay-pv", {"spec": {"persistentVolumeReclaimPolicy": "Odd"}}),
        ("replay-pv", {"spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": []}}}}),
    ):
        await stage.request("PATCH", f"{stage.place(made[name])}/{name}", patch, type=MERGE, note=str(patch))
    for obj in made.values():
        if obj["metadata"]["name"].startswith("replay-"):
            await stage.request("DELETE", f"{stage.place(obj)}/{obj['metadata']['name']}")


@case("service-types")
async def service_types(stage: Stage) -> None:
    """A Service from each type to each other, and what becomes of its addresses and ports."""
    port = {"port": 80, "name": "http"}
    path = f"{stage.home}/services/s"
    shown = '-o=jsonpath={.spec}{"\\n"}{.status}'

    async def change(**spec: Any) -> None:
        await stage.request("PATCH", path, {"spec": spec}, type=MERGE, note=str(spec))
        await stage.kubectl("get", "service", "s")

    await stage.create(_of("v1", "Service", "s", spec={"selector": {"a": "b"}, "ports": [port]}))
    await change(type="NodePort", ports=[{**port, "nodePort": 31777}])
    await change(ports=[port, {"port": 81, "name": "more", "nodePort": 31777}])
    await change(externalTrafficPolicy="Local", sessionAffinity="ClientIP")
    await change(type="LoadBalancer")
    await change(type="LoadBalancer", loadBalancerClass="example.com/x")
    await change(externalTrafficPolicy=None, type="ClusterIP", sessionAffinity=None)
    await change(type="ClusterIP", externalTrafficPolicy=None)
    await change(type="ExternalName", externalName="example.com", clusterIP=None, clusterIPs=None)
    await change(type="NodePort", externalName=None)
    await change(type="ClusterIP", ports=[{**port, "nodePort": None}])
    await change(type="ClusterIP", clusterIP="None")
    await stage.kubectl("get", "service", "s", shown)
    await stage.kubectl("get", "service", "s", "-o", "yaml")
    before = await stage.get(path)
    before["spec"].pop("clusterIP"), before["spec"].pop("clusterIPs")
    await stage.request("PUT", path, before, note="without its address")
    before["spec"]["ports"] = []
    await stage.request("PUT", path, before, note="without ports")
