"""Which PersistentVolume fits which claim, and the words that bind them. Pure.

Shared by the controllers, which bind, and the scheduler, which looks for volumes that a node can reach. Source: the
page "Persistent Volumes", and the recordings `storage-statefulset-pv` and `storage-pvc-pending`.
"""

from collections.abc import Iterable
from fractions import Fraction

from cluster.client import Obj
from cluster.objects import is_going, labels_of, newest_marked
from cluster.quantity import parse_quantity
from cluster.selectors import matches_selector

CLAIMS = "persistentvolumeclaims"
VOLUMES = "persistentvolumes"
CLASSES = "storageclasses.storage.k8s.io"

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
STORAGE_PROVISIONER = "volume.kubernetes.io/storage-provisioner"
STORAGE_PROVISIONER_BETA = "volume.beta.kubernetes.io/storage-provisioner"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"

FOLDER_PROVISIONER = "seawall.dev/folder"
"""This cluster's own: a volume is a folder that every node reaches. Its capacity is a promise that nobody enforces."""
NO_PROVISIONER = "kubernetes.io/no-provisioner"

SHARED_MODES = frozenset({"ReadOnlyMany", "ReadWriteMany"})


def class_of(obj: Obj) -> str:
    """The storage class of a claim or a volume; "" for none."""
    return str(obj["spec"].get("storageClassName") or "")


def default_class(classes: Iterable[Obj]) -> str:
    """The name of the newest class that is marked as the default; "" if none is. Pure."""
    return newest_marked(classes, DEFAULT_CLASS)


def requested(claim: Obj) -> Fraction:
    return parse_quantity(claim["spec"]["resources"]["requests"]["storage"])


def capacity(volume: Obj) -> Fraction:
    return parse_quantity((volume["spec"].get("capacity") or {}).get("storage", "0"))


def is_promised(volume: Obj, claim: Obj) -> bool:
    """Whether the volume is bound to this claim, or was set aside for it by name."""
    reference = volume["spec"].get("claimRef")
    if not reference:
        return False
    metadata = claim["metadata"]
    same = (reference.get("namespace"), reference.get("name")) == (metadata["namespace"], metadata["name"])
    return same and reference.get("uid", metadata["uid"]) == metadata["uid"]


def mismatch(volume: Obj, claim: Obj) -> str:
    """Why the volume cannot serve the claim, in kube-controller-manager's words; "" if it can."""
    if capacity(volume) < requested(claim):
        return "requested PV is too small"
    if class_of(volume) != class_of(claim):
        return "storageClassName does not match"
    if volume["spec"].get("volumeMode") != claim["spec"].get("volumeMode"):
        return "incompatible volumeMode"
    if not set(claim["spec"]["accessModes"]) <= set(volume["spec"]["accessModes"]):
        return "incompatible accessMode"
    return ""


def set_aside(claim: Obj, volumes: Iterable[Obj]) -> Obj | None:
    """A volume that names the claim already and is large enough."""
    promised = (v for v in volumes if is_promised(v, claim) and not is_going(v))
    return next((v for v in promised if capacity(v) >= requested(claim)), None)


def smallest_fit(claim: Obj, volumes: Iterable[Obj]) -> Obj | None:
    """Of the free volumes that can serve the claim the smallest, by name where they are alike."""
    fitting = [v for v in volumes if _is_free(v) and _is_selected(claim, v) and not mismatch(v, claim)]
    return min(fitting, key=lambda v: (capacity(v), v["metadata"]["name"]), default=None)


def reference_to(claim: Obj) -> Obj:
    """What a volume's spec.claimRef says of the claim it is bound to."""
    metadata = claim["metadata"]
    return {
        "kind": "PersistentVolumeClaim",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "apiVersion": "v1",
        "resourceVersion": metadata["resourceVersion"],
    }


def is_exclusive(volume: Obj) -> bool:
    """Whether one node at a time may use it."""
    return not SHARED_MODES & set(volume["spec"]["accessModes"])


def attachment_of(volume: Obj) -> str:
    """What a node's status.volumesAttached calls it."""
    csi = volume["spec"]["csi"]
    return f"kubernetes.io/csi/{csi['driver']}^{csi['volumeHandle']}"


def is_attached(node: Obj, volume: Obj) -> bool:
    """Whether the control plane has given the volume to that node."""
    attached = (node.get("status") or {}).get("volumesAttached") or ()
    return any(a["name"] == attachment_of(volume) for a in attached)


def claim_names(pod: Obj) -> list[str]:
    """The claims in the pod's namespace that it mounts."""
    volumes = pod["spec"].get("volumes") or ()
    return [v["persistentVolumeClaim"]["claimName"] for v in volumes if v.get("persistentVolumeClaim")]


def _is_free(volume: Obj) -> bool:
    is_available = (volume.get("status") or {}).get("phase") == "Available"
    return is_available and not volume["spec"].get("claimRef") and not is_going(volume)


def _is_selected(claim: Obj, volume: Obj) -> bool:
    selector = claim["spec"].get("selector")
    return selector is None or matches_selector(selector, labels_of(volume))
