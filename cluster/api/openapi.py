"""OpenAPI v3 of the served kinds, written off the schema tables and the words: enough for kubectl's validation, its
three-way merge, and `kubectl explain`.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import orjson

from cluster.api.custom.schema import EMBEDDED
from cluster.api.discovery import group_versions
from cluster.api.resource import Resource
from cluster.api.schema import Field, Type, element, lookup
from cluster.api.words import Words, words_of
from cluster.client import Obj

_MACHINERY = "io.k8s.apimachinery.pkg"
_COMMON = {
    "Quantity": (f"{_MACHINERY}.api.resource.Quantity", {"oneOf": [{"type": "string"}, {"type": "number"}]}),
    "IntOrString": (
        f"{_MACHINERY}.util.intstr.IntOrString",
        {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
    ),
    "Time": (f"{_MACHINERY}.apis.meta.v1.Time", {"type": "string", "format": "date-time"}),
    "MicroTime": (f"{_MACHINERY}.apis.meta.v1.MicroTime", {"type": "string", "format": "date-time"}),
}
_PLAIN: dict[str, Obj] = {
    "string": {"type": "string"},
    "bool": {"type": "boolean"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "bytes": {"type": "string", "format": "byte"},
    "any": {"type": "object"},
}
_PACKAGES = {
    "meta": f"{_MACHINERY}.apis.meta.v1",
    "autoscaling": "io.k8s.api.autoscaling.v2",
    "metrics": "io.k8s.metrics.pkg.apis.metrics.v1beta1",
}
_STRATEGIC = "application/strategic-merge-patch+json"
_PATCHES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    _STRATEGIC,
)
_WRITE_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation")


@dataclass(frozen=True, slots=True)
class Published:
    """The documents as bytes: `/openapi/v3`, and by path ("api/v1", "apis/apps/v1") `/openapi/v3/<path>`."""

    index: bytes
    documents: Mapping[str, bytes]
    hashes: Mapping[str, str]


def publish(resources: Iterable[Resource]) -> Published:
    """All documents; a few milliseconds a group, so ask once."""
    resources = list(resources)
    documents = {
        path_of(group, version): orjson.dumps(document(resources, group, version))
        for group, version in group_versions(resources)
    }
    hashes = {path: hashlib.sha256(body).hexdigest().upper() for path, body in documents.items()}
    paths = {path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"} for path, digest in hashes.items()}
    return Published(orjson.dumps({"paths": paths}), documents, hashes)


def path_of(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def document(resources: Iterable[Resource], group: str, version: str) -> Obj:
    """The OpenAPI v3 document of one group and version."""
    served = [r for r in resources if (r.group, r.version) == (group, version)]
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "1.36"},
        "paths": {path: item for resource in served for path, item in _paths(resource)},
        "components": {"schemas": _schemas(served)},
    }


def _paths(resource: Resource) -> Iterator[tuple[str, Obj]]:
    base = f"/{path_of(resource.group, resource.version)}"
    scope = f"{base}/namespaces/{{namespace}}" if resource.namespaced else base
    collection = f"{scope}/{resource.plural}"
    yield collection, {"get": _operation(resource, "list"), "post": _operation(resource, "post")}
    yield f"{collection}/{{name}}", {verb: _operation(resource, verb) for verb in ("get", "put", "patch", "delete")}


def _operation(resource: Resource, action: str) -> Obj:
    parameters = _WRITE_PARAMETERS if action in ("post", "put", "patch") else ()
    operation = {
        "operationId": f"{action}{resource.kind}",
        "parameters": [_parameter(name) for name in (*parameters, *(["force"] if action == "patch" else []))],
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _group_version_kind(resource),
    }
    if action == "patch":
        # kubectl looks here whether it may send a strategic merge patch.
        known = [media for media in _PATCHES if media != _STRATEGIC or not resource.custom]
        operation["requestBody"] = {"content": {media: {"schema": {"type": "object"}} for media in known}}
    return operation


def _parameter(name: str) -> Obj:
    type = "boolean" if name == "force" else "string"
    return {"name": name, "in": "query", "schema": {"type": type, "uniqueItems": True}}


def _group_version_kind(resource: Resource) -> Obj:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _schemas(served: list[Resource]) -> Obj:
    schemas: Obj = dict(_COMMON.values())
    for resource in served:
        _add(schemas, lookup("meta.ObjectMeta") if resource.custom else resource.type)
    for resource in served:
        if resource.custom:
            schemas[_custom_name(resource)] = _custom(resource, resource.custom.schema)
            continue
        name = _name(resource.type.name)
        properties = {**_identity(words_of(resource.type.name)), **schemas[name]["properties"]}
        gvk = [_group_version_kind(resource)]
        schemas[name] = {**schemas[name], "properties": properties, "x-kubernetes-group-version-kind": gvk}
    return schemas


def _identity(words: Words) -> Obj:
    return {name: {**_PLAIN["string"], **_told(words.field(name))} for name in ("apiVersion", "kind")}


def _told(text: str) -> Obj:
    return {"description": text} if text else {}


def _custom(resource: Resource, schema: Obj) -> Obj:
    own = {"apiVersion": _PLAIN["string"], "kind": _PLAIN["string"], "metadata": _schema("meta.ObjectMeta")}
    properties = {name: _embedded(sub) for name, sub in (schema.get("properties") or {}).items()} | own
    gvk = [_group_version_kind(resource)]
    return {**schema, "properties": properties, "x-kubernetes-group-version-kind": gvk}


def _embedded(schema: Obj) -> Obj:
    """A schema in which objects within the object are told to be such."""
    inner = {name: _embedded(sub) for name, sub in (schema.get("properties") or {}).items()}
    if schema.get(EMBEDDED):
        inner |= {"apiVersion": _PLAIN["string"], "kind": _PLAIN["string"], "metadata": _schema("meta.ObjectMeta")}
        schema = {**schema, "required": sorted({*(schema.get("required") or ()), "apiVersion", "kind"})}
    if isinstance(schema.get("items"), dict):
        schema = {**schema, "items": _embedded(schema["items"])}
    return {**schema, "properties": inner} if inner else schema


def _custom_name(resource: Resource) -> str:
    """com.example.v1.Widget"""
    return ".".join((*reversed(resource.group.split(".")), resource.version, resource.kind))


def _add(schemas: Obj, type: Type) -> None:
    name = _name(type.name)
    if name in schemas:
        return
    words = words_of(type.name)
    properties = {f.name: {**_property(f), **_told(words.field(f.name))} for f in type.fields.values()}
    schemas[name] = schema = {"type": "object", **_told(words.kind), "properties": properties}
    if needed := [f.name for f in type.fields.values() if f.required]:
        schema["required"] = needed
    if type.atomic:
        schema["x-kubernetes-map-type"] = "atomic"
    for field in type.fields.values():
        inner = _innermost(field.type)
        if "." in inner:
            _add(schemas, lookup(inner))


def _property(field: Field) -> Obj:
    return {**_schema(field.type), **dict(_extensions(field))}


def _extensions(field: Field) -> Iterator[tuple[str, object]]:
    strategies = {"merge": field.merge, "replace": field.replace, "retainKeys": field.retain_keys}
    if any(strategies.values()):
        yield "x-kubernetes-patch-strategy", ",".join(name for name, given in strategies.items() if given)
    if field.merge_key:
        yield "x-kubernetes-patch-merge-key", field.merge_key
    if field.keys:
        yield "x-kubernetes-list-map-keys", list(field.keys)
    if field.type[0] == "[":
        yield "x-kubernetes-list-type", "map" if field.keys else "set" if field.set else "atomic"
    elif field.atomic:
        yield "x-kubernetes-map-type", "atomic"


def _schema(type: str) -> Obj:
    if type[0] == "[":
        return {"type": "array", "items": _schema(element(type))}
    if type[0] == "{":
        return {"type": "object", "additionalProperties": _schema(element(type))}
    if type in _PLAIN:
        return _PLAIN[type]
    name = _COMMON[type][0] if type in _COMMON else _name(type)
    # A reference takes no neighbours in OpenAPI 3.0; wrapped, it may have extensions beside it.
    return {"allOf": [{"$ref": f"#/components/schemas/{name}"}]}


def _innermost(type: str) -> str:
    while type[0] in "[{":
        type = element(type)
    return type


def _name(type: str) -> str:
    package, _, kind = type.partition(".")
    return f"{_PACKAGES.get(package) or _core_package(package)}.{kind}"


def _core_package(package: str) -> str:
    return f"io.k8s.api.{package.removesuffix('_v1')}.v1"
