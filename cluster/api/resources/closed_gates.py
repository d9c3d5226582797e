"""What Kubernetes 1.36 takes and does not keep, since the features are off unless somebody turns them on."""

from collections.abc import Iterable

from cluster.client import Obj

_OF_INIT = frozenset(
    f"pod.{stage}.kubernetes.io/init-container{what}" for stage in ("alpha", "beta") for what in ("s", "-statuses")
)
_PROJECTED = ("clusterTrustBundle", "podCertificate")


def drop_from_pod(spec: Obj, containers: Iterable[Obj]) -> None:
    """ContainerStopSignals, GenericWorkload, ClusterTrustBundleProjection and PodCertificateRequest."""
    spec.pop("schedulingGroup", None)
    for container in containers:
        _drop_signal(container)
    for volume in spec.get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            drop(source, *_PROJECTED)


def drop_from_claim(spec: Obj) -> None:
    """CrossNamespaceVolumeDataSource; and what is neither a claim nor a snapshot has never been a `dataSource`."""
    if (spec.get("dataSourceRef") or {}).get("namespace"):
        drop(spec, "dataSourceRef")
    source = spec.get("dataSource")
    if source is not None and spec.get("dataSourceRef") is None and not _can_be_copied(source):
        drop(spec, "dataSource")


def drop_annotations(metadata: Obj) -> None:
    """By which init containers were told before they had a field."""
    annotations = metadata.get("annotations")
    if annotations and _OF_INIT & annotations.keys():
        metadata["annotations"] = {name: text for name, text in annotations.items() if name not in _OF_INIT}
        if not metadata["annotations"]:
            del metadata["annotations"]


def drop(obj: Obj, *names: str) -> None:
    for name in names:
        obj.pop(name, None)


def _drop_signal(container: Obj) -> None:
    lifecycle = container.get("lifecycle")
    if lifecycle and lifecycle.pop("stopSignal", None) is not None and not lifecycle:
        del container["lifecycle"]


def _can_be_copied(source: Obj) -> bool:
    kind = source.get("apiGroup") or "", source.get("kind")
    return kind in (("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot"))
