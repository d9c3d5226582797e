"""The words by which Ingresses and their controller know each other. Pure.

The controller here stands in for ingress-nginx, as the cluster's DNS does for CoreDNS: manifests written for the one
that most clusters have mean the same here. What of it is not here is refused: see `cluster.api.resources.ingresses`.
"""

from cluster.client import Obj
from cluster.objects import annotations_of

INGRESSES = "ingresses.networking.k8s.io"
CLASSES = "ingressclasses.networking.k8s.io"

CLASS = "nginx"
CONTROLLER = "k8s.io/ingress-nginx"
NAMESPACE = "ingress-nginx"
DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"
LEGACY_CLASS = "kubernetes.io/ingress.class"
"""How Ingresses named their class before there were IngressClasses."""

ANNOTATIONS = "nginx.ingress.kubernetes.io/"
REDIRECT = f"{ANNOTATIONS}ssl-redirect"
FORCE_REDIRECT = f"{ANNOTATIONS}force-ssl-redirect"


def class_of(ingress: Obj) -> str:
    """The class of an Ingress; "" for none."""
    return str(ingress["spec"].get("ingressClassName") or annotations_of(ingress).get(LEGACY_CLASS, ""))


def is_ours(ingress_class: Obj) -> bool:
    return (ingress_class.get("spec") or {}).get("controller") == CONTROLLER
