"""IngressClasses."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, forbidden, not_supported, required, too_long
from cluster.api.metadata import check_domain_path, immutable, label
from cluster.api.resource import Resource, spec_of
from cluster.api.resources.checks import check_name, check_typed_reference
from cluster.api.tables.ingresses import INGRESS_CLASSES
from cluster.client import Obj

CONTROLLER_BYTES_MAX = 250


def fill(ingress_class: Obj) -> None:
    parameters = (ingress_class.get("spec") or {}).get("parameters")
    if parameters is not None:
        parameters.setdefault("scope", "Cluster")


def rules(ingress_class: Obj, old: Obj | None) -> Iterator[FieldError]:
    spec = ingress_class.get("spec") or {}
    controller = spec.get("controller", "")
    if old is not None and controller != (old.get("spec") or {}).get("controller", ""):
        yield immutable("spec.controller", controller)
    if len(controller.encode()) > CONTROLLER_BYTES_MAX:
        yield too_long("spec.controller", CONTROLLER_BYTES_MAX)
    yield from check_domain_path(controller, "spec.controller")
    if (parameters := spec.get("parameters")) is not None:
        yield from check_typed_reference(parameters, "spec.parameters")
        yield from _check_scope(parameters, "spec.parameters")


def _check_scope(parameters: Obj, path: str) -> Iterator[FieldError]:
    scope, namespace = parameters["scope"], parameters.get("namespace")
    if scope not in ("Cluster", "Namespace"):
        yield not_supported(f"{path}.scope", scope, ("Cluster", "Namespace"))
    if scope == "Namespace" and namespace is None:
        yield required(f"{path}.namespace", "`parameters.scope` is set to 'Namespace'")
    elif scope == "Namespace":
        yield from check_name(namespace or "", f"{path}.namespace", label)
    if scope == "Cluster" and namespace is not None:
        yield forbidden(f"{path}.namespace", "`parameters.scope` is set to 'Cluster'")


RESOURCE = Resource(
    group="networking.k8s.io",
    plural="ingressclasses",
    kind="IngressClass",
    namespaced=False,
    table=INGRESS_CLASSES,
    desired=spec_of,
    fill=fill,
    rules=rules,
)
