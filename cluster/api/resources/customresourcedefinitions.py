"""CustomResourceDefinitions. What they define is served by `cluster.api.kinds`, once a controller has accepted it."""

from collections.abc import Iterator

from cluster.api.custom.definitions import protected_group_needs_approval
from cluster.api.custom.jsonpath import is_path
from cluster.api.custom.schema import parts, structural_errors
from cluster.api.field_errors import FieldError, invalid, required
from cluster.api.metadata import label_1035, subdomain
from cluster.api.resource import Resource, spec_of
from cluster.api.resources.checks import check_enum, check_name
from cluster.api.resources.unsupported import refusal
from cluster.api.tables.table import NAME_AND_CREATED_AT
from cluster.client import NotImplementedHere, Obj
from cluster.custom import FINALIZER


def fill(definition: Obj) -> None:
    spec = definition.setdefault("spec", {})
    names = spec.setdefault("names", {})
    names.setdefault("singular", names.get("kind", "").lower())
    names.setdefault("listKind", f"{names.get('kind', '')}List")
    spec.setdefault("conversion", {"strategy": "None"})
    for version in spec.get("versions") or ():
        version.setdefault("served", False)
        version.setdefault("storage", False)


def on_create(definition: Obj) -> None:
    finalizers = definition["metadata"].get("finalizers") or []
    definition["metadata"]["finalizers"] = [FINALIZER, *(name for name in finalizers if name != FINALIZER)]


def initial_status(definition: Obj) -> Obj:
    stored = [version["name"] for version in definition["spec"].get("versions") or () if version["storage"]]
    return {"conditions": [], "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": stored}


def on_update(new: Obj, _old: Obj) -> None:
    stored = (new.get("status") or {}).get("storedVersions") or []
    now = [version["name"] for version in new["spec"].get("versions") or () if version["storage"]]
    new["status"] = {**(new.get("status") or {}), "storedVersions": [*stored, *(v for v in now if v not in stored)]}


def rules(definition: Obj, old: Obj | None) -> Iterator[FieldError]:
    spec = definition["spec"]
    names, group = spec["names"], spec.get("group", "")
    yield from _check_group(group, definition)
    if definition["metadata"].get("name") != f"{names.get('plural', '')}.{group}":
        yield invalid("metadata.name", definition["metadata"].get("name"), 'must be spec.names.plural+"."+spec.group')
    for name in ("plural", "singular", "kind", "listKind"):
        if not names.get(name):
            yield required(f"spec.names.{name}")
        else:
            yield from check_name(names[name].lower(), f"spec.names.{name}", label_1035)
    yield from check_enum(spec, "spec", "scope", ("Cluster", "Namespaced"))
    if spec.get("preserveUnknownFields"):
        why = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        yield invalid("spec.preserveUnknownFields", True, why)
    yield from _check_versions(spec.get("versions") or [])
    if old is not None and spec.get("scope") != old["spec"].get("scope"):
        yield invalid("spec.scope", spec.get("scope"), "field is immutable")
    if old is not None and names.get("kind") != old["spec"]["names"].get("kind"):
        yield invalid("spec.names.kind", names.get("kind"), "field is immutable")


def _check_group(group: str, definition: Obj) -> Iterator[FieldError]:
    if not group:
        yield required("spec.group")
    elif wrong := subdomain(group):
        yield invalid("spec.group", group, wrong)
    elif "." not in group:
        yield invalid("spec.group", group, "should be a domain with at least one dot")
    elif protected_group_needs_approval(definition):
        at = "metadata.annotations[api-approved.kubernetes.io]"
        yield required(at, "protected groups must have approval annotation, see KEP-2337")


def _check_versions(versions: list[Obj]) -> Iterator[FieldError]:
    if sum(version["storage"] for version in versions) != 1:
        names = [version.get("name") for version in versions]
        yield invalid("spec.versions", names, "must have exactly one version marked as storage version")
    for i, version in enumerate(versions):
        at = f"spec.versions[{i}]"
        yield from check_name(version.get("name", ""), f"{at}.name", label_1035)
        yield from _check_schema((version.get("schema") or {}).get("openAPIV3Schema"), f"{at}.schema.openAPIV3Schema")
        scale = (version.get("subresources") or {}).get("scale") or {}
        for name in ("specReplicasPath", "statusReplicasPath"):
            if scale and not scale.get(name):
                yield required(f"{at}.subresources.scale.{name}")


def _check_schema(schema: object, at: str) -> Iterator[FieldError]:
    if not isinstance(schema, dict) or not schema:
        yield required(at, "schemas are required")
    else:
        yield from structural_errors(schema, at)


def unsupported(definition: Obj) -> Iterator[NotImplementedHere]:
    spec = definition["spec"]
    if spec["conversion"].get("strategy") != "None":
        yield refusal("spec.conversion.strategy", "versions are converted by their apiVersion alone: None")
    for i, version in enumerate(spec.get("versions") or ()):
        at = f"spec.versions[{i}]"
        schema = version["schema"]["openAPIV3Schema"]
        if any(part.get("x-kubernetes-validations") for part in parts(schema)):
            yield refusal(f"{at}.schema: x-kubernetes-validations", "there is no CEL")
        for column in (*(version.get("additionalPrinterColumns") or ()), *(version.get("selectableFields") or ())):
            if not is_path(column["jsonPath"]):
                path = f"{at}: jsonPath {column['jsonPath']}"
                yield refusal(path, "paths are made of fields, indices, [*] and filters by equality")


RESOURCE = Resource(
    group="apiextensions.k8s.io",
    plural="customresourcedefinitions",
    kind="CustomResourceDefinition",
    namespaced=False,
    short_names=("crd", "crds"),
    categories=("api-extensions",),
    subresources=("status",),
    table=NAME_AND_CREATED_AT,
    desired=spec_of,
    fill=fill,
    rules=rules,
    on_create=on_create,
    on_update=on_update,
    initial_status=initial_status,
    unsupported=unsupported,
)
