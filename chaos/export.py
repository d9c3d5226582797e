"""A live workload as manifests: the objects that belong to it, without what the cluster has added to them. Pure."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from chaos.manifests import Manifest, Obj, containers, items, mapping, pod_labels, pod_spec
from chaos.marked import plain
from chaos.selectors import matches

LEFT_OUT = "left-out"
"""What stands in place of every value of a Secret: a manifest is no place for it."""

# What the API server, its controllers and kubectl write.
_SET_BY_CLUSTER = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "selfLink",
    "namespace",
    "ownerReferences",
)
_NOTES_OF_CLUSTER = ("deployment.kubernetes.io/", "kubectl.kubernetes.io/", "pv.kubernetes.io/", "volume.")
_SPEC_OF_CLUSTER = {
    "Service": ("clusterIP", "clusterIPs", "healthCheckNodePort", "ipFamilies"),
    "PersistentVolumeClaim": ("volumeName",),
}


def belonging(objects: Iterable[Obj], target: Obj) -> list[Obj]:
    """Those of a namespace's objects that the target needs or that guard it, it itself first; cleaned."""
    wanted = [target, *(obj for obj in objects if _belongs(obj, target))]
    return [cleaned(obj) for obj in wanted]


def cleaned(obj: Obj) -> Obj:
    """As a user would have written it: no status, no uid, no address, no Secret's value."""
    data: Obj = plain(obj)
    data.pop("status", None)
    metadata = {k: v for k, v in data["metadata"].items() if k not in _SET_BY_CLUSTER}
    if notes := {k: v for k, v in mapping(metadata, "annotations").items() if not k.startswith(_NOTES_OF_CLUSTER)}:
        metadata["annotations"] = notes
    else:
        metadata.pop("annotations", None)
    data["metadata"] = metadata
    for field in _SPEC_OF_CLUSTER.get(data["kind"], ()):
        data["spec"].pop(field, None)
    for port in items(data, "spec", "ports") if data["kind"] == "Service" else ():
        port.pop("nodePort", None)
    if data["kind"] == "Secret":
        data = {**data, "data": {}, "stringData": dict.fromkeys(mapping(obj, "data"), LEFT_OUT)}
    return data


def _belongs(obj: Obj, target: Obj) -> bool:
    belongs = _BELONGS.get(obj["kind"])
    return belongs is not None and belongs(obj, target)


def _selected_by(*path: str) -> Callable[[Obj, Obj], bool]:
    return lambda obj, target: matches(mapping(obj, *path), pod_labels(target))


def _receives(service: Obj, target: Obj) -> bool:
    labels = mapping(service, "spec", "selector")
    return bool(labels) and matches({"matchLabels": labels}, pod_labels(target))


def _scales(scaler: Obj, target: Obj) -> bool:
    ref = mapping(scaler, "spec", "scaleTargetRef")
    return (ref.get("kind"), ref.get("name")) == (target["kind"], target["metadata"]["name"])


def _names(kind: str) -> Callable[[Obj, Obj], bool]:
    return lambda obj, target: (kind, obj["metadata"]["name"]) in set(_named(target))


def _is_account(account: Obj, target: Obj) -> bool:
    return bool(account["metadata"]["name"] == pod_spec(target).get("serviceAccountName", "default") != "default")


def _named(target: Obj) -> Iterator[tuple[str, Any]]:
    """(kind, name) of every object that the pods name."""
    for volume in items(pod_spec(target), "volumes"):
        for source in (volume, *items(volume, "projected", "sources")):
            yield "ConfigMap", mapping(source, "configMap").get("name")
            yield "Secret", mapping(source, "secret").get("secretName") or mapping(source, "secret").get("name")
        yield "PersistentVolumeClaim", mapping(volume, "persistentVolumeClaim").get("claimName")
    for container in containers(target):
        for source in items(container.spec, "envFrom"):
            yield "ConfigMap", mapping(source, "configMapRef").get("name")
            yield "Secret", mapping(source, "secretRef").get("name")
        for variable in items(container.spec, "env"):
            yield "ConfigMap", mapping(variable, "valueFrom", "configMapKeyRef").get("name")
            yield "Secret", mapping(variable, "valueFrom", "secretKeyRef").get("name")


_BELONGS: dict[str, Callable[[Obj, Obj], bool]] = {
    "Service": _receives,
    "ServiceAccount": _is_account,
    "ConfigMap": _names("ConfigMap"),
    "Secret": _names("Secret"),
    "PersistentVolumeClaim": _names("PersistentVolumeClaim"),
    "PodDisruptionBudget": _selected_by("spec", "selector"),
    "NetworkPolicy": _selected_by("spec", "podSelector"),
    "HorizontalPodAutoscaler": _scales,
}
KINDS = {
    "Service": "v1",
    "ServiceAccount": "v1",
    "ConfigMap": "v1",
    "Secret": "v1",
    "PersistentVolumeClaim": "v1",
    "PodDisruptionBudget": "policy/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
}
"""What is looked at, and in which API version."""


def as_manifests(objects: Iterable[Obj], file: str) -> tuple[Manifest, ...]:
    return tuple(Manifest(obj, file) for obj in objects)
