"""Storage classes as the engine asks about them."""

from chaos.kube import Obj

CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
DEFAULT = "storageclass.kubernetes.io/is-default-class"


def is_default(storage_class: Obj) -> bool:
    """Whether claims that name no class get this one."""
    return bool((storage_class["metadata"].get("annotations") or {}).get(DEFAULT) == "true")
