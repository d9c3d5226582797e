"""CustomResourceDefinitions. What they define is served by `cluster.api.kinds`, once a controller has accepted it."""

from collections.abc import Iterator
from typing import Any

from cluster.api.custom.checked import rule_errors, rules_beyond_us
from cluster.api.custom.definitions import protected_group_needs_approval
from cluster.api.custom.jsonpath import is_path
from cluster.api.custom.schema import structural_errors
from cluster.api.custom.typed_schema import misfit
from cluster.api.field_errors import FieldError, forbidden, in_go, invalid, not_supported, required
from cluster.api.metadata import immutable, label_1035, subdomain
from cluster.api.resource import Resource, spec_of
from cluster.api.resources.checks import check_enum, check_name, check_required
from cluster.api.resources.unsupported import refusal
from cluster.api.tables.table import NAME_AND_CREATED_AT
from cluster.client import BadRequest, NotImplementedHere, Obj
from cluster.custom import FINALIZER

CONVERSIONS = ("None", "Webhook")
COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMNS = "additionalPrinterColumns"
_APPROVALS = "https://github.com/kubernetes/enhancements/pull/1111"
_MIXED = "may have mixed case, but should otherwise match: "
_NO_PATH = "must be a simple json path starting with ."
_MISSING = "missing from spec.versions; "
_WAS_STORED = (
    "{0} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data "
    "remains persisted in {0} and removes {0} from status.storedVersions"
)


def fill(definition: Obj) -> None:
    spec = definition.setdefault("spec", {})
    _check_types(spec)
    names = spec.setdefault("names", {})
    names.setdefault("singular", names.get("kind", "").lower())
    names.setdefault("listKind", f"{names.get('kind', '')}List")
    spec.setdefault("conversion", {"strategy": "None"})
    for version in spec.get("versions") or ():
        version.setdefault("served", False)
        version.setdefault("storage", False)


def _check_types(spec: Obj) -> None:
    """Raise BadRequest for a schema that is none, which the tables do not see into."""
    for version in spec.get("versions") or ():
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if wrong := misfit(schema, "spec.versions.schema.openAPIV3Schema"):
            kind = "CustomResourceDefinition"
            raise BadRequest(f'{kind} in version "v1" cannot be handled as a {kind}: {wrong}')


def on_create(definition: Obj) -> None:
    finalizers = definition["metadata"].get("finalizers") or []
    definition["metadata"]["finalizers"] = [FINALIZER, *(name for name in finalizers if name != FINALIZER)]


def initial_status(definition: Obj) -> Obj:
    stored = [version["name"] for version in definition["spec"].get("versions") or () if version["storage"]]
    return {"conditions": [], "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": stored[:1]}


def on_update(new: Obj, _old: Obj) -> None:
    stored = (new.get("status") or {}).get("storedVersions") or []
    now = [version["name"] for version in new["spec"].get("versions") or () if version["storage"]]
    new["status"] = {**(new.get("status") or {}), "storedVersions": [*stored, *(v for v in now if v not in stored)]}


def rules(definition: Obj, old: Obj | None) -> Iterator[FieldError]:
    spec = definition["spec"]
    names, group = spec["names"], spec.get("group", "")
    if old is None and definition["metadata"].get("name") != f"{names.get('plural', '')}.{group}":
        yield invalid("metadata.name", definition["metadata"].get("name"), 'must be spec.names.plural+"."+spec.group')
    yield from _check_group(group, definition)
    yield from check_enum(spec, "spec", "scope", ("Cluster", "Namespaced"))
    if spec.get("preserveUnknownFields"):
        why = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        yield invalid("spec.preserveUnknownFields", True, why)
    yield from _check_versions(spec)
    yield from _check_names(names)
    if spec["conversion"].get("strategy") not in CONVERSIONS:
        yield not_supported("spec.conversion.strategy", spec["conversion"].get("strategy", ""), CONVERSIONS)
    yield from _check_stored(definition)
    if old is not None:
        yield from _check_change(spec, old["spec"])


def _check_change(spec: Obj, old: Obj) -> Iterator[FieldError]:
    if spec.get("scope") != old.get("scope"):
        yield immutable("spec.scope", spec.get("scope"))
    for name in ("kind", "plural"):
        if spec["names"].get(name) != old["names"].get(name):
            yield immutable(f"spec.names.{name}", spec["names"].get(name))


def _check_names(names: Obj) -> Iterator[FieldError]:
    for name in ("plural", "singular", "kind", "listKind"):
        text, is_kind = names.get(name) or "", name in ("kind", "listKind")
        if not text:
            yield required(f"spec.names.{name}")
        elif wrong := label_1035(text.lower() if is_kind else text):
            why = ",".join(wrong)
            yield invalid(f"spec.names.{name}", text, f"{_MIXED}{why}" if is_kind else why)
    for name in ("shortNames", "categories"):
        for i, word in enumerate(names.get(name) or ()):
            yield from check_name(word, f"spec.names.{name}[{i}]", label_1035)


def _check_group(group: str, definition: Obj) -> Iterator[FieldError]:
    if not group:
        yield required("spec.group")
    elif wrong := subdomain(group):
        yield invalid("spec.group", group, ",".join(wrong))
    elif "." not in group:
        yield invalid("spec.group", group, "should be a domain with at least one dot")
    elif protected_group_needs_approval(definition):
        key = "api-approved.kubernetes.io"
        why = f'protected groups must have approval annotation "{key}", see {_APPROVALS}'
        yield required(f"metadata.annotations[{key}]", why)


def _check_versions(spec: Obj) -> Iterator[FieldError]:
    versions = spec.get("versions") or []
    for i, version in enumerate(versions):
        yield from check_name(version.get("name", ""), f"spec.versions[{i}].name", label_1035)
    named = [version.get("name") for version in versions]
    if len(set(named)) < len(named):
        yield invalid("spec.versions", _shown(versions), "must contain unique version names")
    if sum(version["storage"] for version in versions) != 1:
        yield invalid("spec.versions", _shown(versions), "must have exactly one version marked as storage version")
    if named and (wrong := label_1035(named[0] or "")):
        yield invalid("spec.version", named[0], ",".join(wrong))
    for i, version in enumerate(versions):
        if not (version.get("schema") or {}).get("openAPIV3Schema"):
            yield required(f"spec.versions[{i}].schema.openAPIV3Schema")
    for what, check in (("schema", _check_schema), ("subresources", _check_scale), (_COLUMNS, _check_columns)):
        for path, given in _each(versions, what):
            yield from check(given, path)


def _each(versions: list[Obj], what: str) -> Iterator[tuple[str, Any]]:
    """What each version has of this; where all have the same, Kubernetes speaks of it as the definition's own."""
    given = [version.get(what) for version in versions]
    if given and all(one == given[0] for one in given):
        yield f"spec.{'validation' if what == 'schema' else what}", given[0]
        return
    yield from ((f"spec.versions[{i}].{what}", one) for i, one in enumerate(given))


def _check_schema(given: Obj | None, path: str) -> Iterator[FieldError]:
    schema = (given or {}).get("openAPIV3Schema")
    if not schema:
        return
    about = (schema.get("properties") or {}).get("metadata") or {}
    if set(about.get("properties") or ()) - {"name", "generateName"}:
        why = "must not specify anything other than name and generateName, but metadata is implicitly specified"
        yield forbidden(f"{path}.openAPIV3Schema.properties[metadata]", why)
    at = f"{path}.openAPIV3Schema"
    yield from list(structural_errors(schema, at)) or rule_errors(schema, at)


def _check_scale(given: Obj | None, path: str) -> Iterator[FieldError]:
    scale = (given or {}).get("scale")
    if scale is None:
        return
    for name, root in (("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")):
        at, text = f"{path}.scale.{name}", scale.get(name, "")
        if not text:
            yield required(at)
        elif not text.startswith("."):
            yield invalid(at, text, _NO_PATH)
        elif not text.startswith(root):
            yield invalid(at, text, f"should be a json path under {root.rstrip('.')}")
    text = scale.get("labelSelectorPath", "")
    if text and not text.startswith("."):
        yield invalid(f"{path}.scale.labelSelectorPath", text, _NO_PATH)
    elif text and not text.startswith((".spec.", ".status.")):
        yield invalid(f"{path}.scale.labelSelectorPath", text, "should be a json path under either .spec or .status")


def _check_columns(given: list[Obj] | None, path: str) -> Iterator[FieldError]:
    for i, column in enumerate(given or ()):
        yield from check_required(column, f"{path}[{i}]", "name")
        if column.get("type") not in COLUMN_TYPES:
            why = f"must be one of {','.join(COLUMN_TYPES)}"
            yield invalid(f"{path}[{i}].type", column.get("type", ""), why)
        if not column.get("jsonPath", "").startswith("."):
            yield invalid(f"{path}[{i}].JSONPath", column.get("jsonPath", ""), _NO_PATH)


def _check_stored(definition: Obj) -> Iterator[FieldError]:
    """Nobody may take away the version that objects are kept in."""
    stored = (definition.get("status") or {}).get("storedVersions") or []
    versions = definition["spec"].get("versions") or []
    if not stored:
        yield invalid("status.storedVersions", None, "must have at least one stored version")
    for version in versions:
        if version["storage"] and version.get("name") not in stored:
            yield invalid("status.storedVersions", stored, f"must have the storage version {version.get('name')}")
    known = {version.get("name") for version in versions}
    for i, name in enumerate(stored):
        if name not in known:
            yield invalid(f"status.storedVersions[{i}]", name, f"{_MISSING}{_WAS_STORED.format(name)}")


def _shown(versions: list[Obj]) -> list[Obj]:
    """As Kubernetes shows them, with what all have in common told elsewhere."""
    names = "Name Served Storage Deprecated DeprecationWarning Schema Subresources AdditionalPrinterColumns"
    common = {what for what in ("schema", "subresources", _COLUMNS) if len(list(_each(versions, what))) < 2}
    return [
        in_go(
            {"deprecated": False} | {k: v for k, v in version.items() if k not in common}, f"{names} SelectableFields"
        )
        for version in versions
    ]


def unsupported(definition: Obj) -> Iterator[NotImplementedHere]:
    spec = definition["spec"]
    if spec["conversion"].get("strategy") != "None":
        yield refusal("spec.conversion.strategy", "versions are converted by their apiVersion alone: None")
    for i, version in enumerate(spec.get("versions") or ()):
        at = f"spec.versions[{i}]"
        schema = version["schema"]["openAPIV3Schema"]
        for what in rules_beyond_us(schema):
            yield refusal(f"{at}.schema: x-kubernetes-validations: {what}", "its CEL has no such thing")
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
    unconditional=False,
    on_create=on_create,
    on_update=on_update,
    initial_status=initial_status,
    unsupported=unsupported,
)
