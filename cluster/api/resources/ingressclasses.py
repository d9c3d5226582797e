"""IngressClasses."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError
from cluster.api.resource import Resource, spec_of
from cluster.api.resources.checks import check_required
from cluster.api.tables.ingresses import INGRESS_CLASSES
from cluster.client import Obj


def rules(ingress_class: Obj, _old: Obj | None) -> Iterator[FieldError]:
    return check_required(ingress_class.get("spec") or {}, "spec", "controller")


RESOURCE = Resource(
    group="networking.k8s.io",
    plural="ingressclasses",
    kind="IngressClass",
    namespaced=False,
    table=INGRESS_CLASSES,
    desired=spec_of,
    rules=rules,
)
