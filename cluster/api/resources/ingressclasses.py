"""IngressClasses."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, forbidden, not_supported, required
from cluster.api.metadata import domain_path, immutable
from cluster.api.resource import Resource, spec_of
from cluster.api.resources.checks import check_name, check_required
from cluster.api.tables.ingresses import INGRESS_CLASSES
from cluster.client import Obj


def rules(ingress_class: Obj, old: Obj | None) -> Iterator[FieldError]:
    spec = ingress_class.get("spec") or {}
    yield from check_required(spec, "spec", "controller")
    if spec.get("controller"):
        yield from check_name(spec["controller"], "spec.controller", domain_path)
    if old is not None and spec.get("controller") != (old.get("spec") or {}).get("controller"):
        yield immutable("spec.controller", spec.get("controller"))
    if (parameters := spec.get("parameters")) is not None:
        yield from _check_parameters(parameters, "spec.parameters")


def _check_parameters(parameters: Obj, path: str) -> Iterator[FieldError]:
    yield from check_required(parameters, path, "kind", "name")
    scope, namespace = parameters.get("scope", "Cluster"), parameters.get("namespace")
    if scope not in ("Cluster", "Namespace"):
        yield not_supported(f"{path}.scope", scope, ("Cluster", "Namespace"))
    if scope == "Namespace" and not namespace:
        yield required(f"{path}.namespace", "`parameters.scope` is set to 'Namespace'")
    if scope == "Cluster" and namespace is not None:
        yield forbidden(f"{path}.namespace", "`parameters.scope` is set to 'Cluster'")


RESOURCE = Resource(
    group="networking.k8s.io",
    plural="ingressclasses",
    kind="IngressClass",
    namespaced=False,
    table=INGRESS_CLASSES,
    desired=spec_of,
    rules=rules,
)
