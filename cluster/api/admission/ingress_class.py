"""DefaultIngressClass: an Ingress that names no class gets the default one. Source: the page "Ingress"."""

from cluster.api.context import Cluster, Write
from cluster.ingress import CLASSES, DEFAULT_CLASS, INGRESSES, LEGACY_CLASS
from cluster.objects import annotations_of, newest_marked


def default_ingress_class(cluster: Cluster, write: Write) -> None:
    if write.operation != "CREATE" or write.resource.key != INGRESSES:
        return
    if "ingressClassName" in write.obj["spec"] or LEGACY_CLASS in annotations_of(write.obj):
        return
    if default := newest_marked((entry.object for entry in cluster.store.list(CLASSES)), DEFAULT_CLASS):
        write.obj["spec"]["ingressClassName"] = default
