"""How an answer looks: plain, as a Table, as metadata only; JSON or YAML. Chosen by the Accept header. Pure.

Protobuf is never written: every client that prefers it also takes JSON.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
import yaml

from cluster.api.pages import Page, list_metadata, render_list
from cluster.api.resource import Resource
from cluster.api.tables.table import IncludeObject, render
from cluster.client import ApiError, BadRequest, Obj
from cluster.store import Entry

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
# What may be answered in JSON: a client that prefers protobuf takes it too.
_ANY = frozenset({"*/*", "application/*", PROTOBUF, JSON, YAML})
_NOT_ACCEPTABLE = f"only the following media types are accepted: {JSON}, {YAML}, {PROTOBUF}"
_META = "meta.k8s.io/v1"
_FORMS = frozenset({"Table", "PartialObjectMetadata", "PartialObjectMetadataList", "APIGroupDiscoveryList"})


@dataclass(frozen=True, slots=True)
class Form:
    media: str = JSON
    shape: str = ""
    """The `as` that was asked for, one of _FORMS; "" is the object itself."""


@lru_cache(maxsize=256)
def negotiate(accept: str) -> Form:
    """The first acceptable form in order of mention; JSON where any will do. Raises a 406 where none will."""
    others = False
    for wish in accept.split(","):
        media, *words = (part.strip() for part in wish.split(";"))
        parameters = dict(word.partition("=")[::2] for word in words)
        shape = parameters.get("as", "")
        if media in (JSON, YAML) and (not shape or shape in _FORMS):
            return Form(media, shape)
        others = others or media in _ANY
    if accept.strip() and not others:
        raise ApiError(_NOT_ACCEPTABLE, code=406, reason="NotAcceptable")
    return Form()


def encode(obj: Any, form: Form) -> bytes:
    """Any object in the form's syntax."""
    if form.media == YAML:
        return yaml.dump(obj, Dumper=yaml.CSafeDumper, default_flow_style=False).encode()
    return orjson.dumps(obj)


@dataclass(frozen=True, slots=True)
class View:
    """One resource in one form, at one moment (ages of Tables are counted from `now`)."""

    resource: Resource
    form: Form
    now: float
    include: IncludeObject = "Metadata"

    def one(self, entry: Entry) -> bytes:
        if self.form == Form():
            return entry.json
        return encode(self._shaped(entry.object), self.form)

    def many(self, page: Page) -> bytes:
        match self.form.shape:
            case "Table":
                return encode(self._table([entry.object for entry in page.entries], list_metadata(page)), self.form)
            case "PartialObjectMetadataList" | "PartialObjectMetadata":
                items = [_partial(entry.object) for entry in page.entries]
                head = {"kind": "PartialObjectMetadataList", "apiVersion": _META, "metadata": list_metadata(page)}
                return encode({**head, "items": items}, self.form)
        rendered = render_list(self.resource, page)
        return rendered if self.form.media == JSON else encode(orjson.loads(rendered), self.form)

    def of(self, obj: Obj) -> bytes:
        """An object that is not stored: a Scale, a Status, the result of a dry run."""
        if obj.get("kind") != self.resource.kind:
            return encode(obj, Form(self.form.media))
        return encode(self._shaped(obj), self.form)

    def _shaped(self, obj: Obj) -> Obj:
        match self.form.shape:
            case "Table":
                revision = obj["metadata"].get("resourceVersion", "")
                return self._table([obj], {"resourceVersion": revision} if revision else {})
            case "PartialObjectMetadata" | "PartialObjectMetadataList":
                return _partial(obj)
        return obj

    def _table(self, objects: list[Obj], metadata: Obj) -> Obj:
        return render(self.resource.table, objects, self.now, self.include, metadata)


def include_object(text: str) -> IncludeObject:
    """The includeObject parameter of a Table request."""
    match text:
        case "" | "Metadata":
            return "Metadata"
        case "Object":
            return "Object"
        case "None":
            return "None"
    raise BadRequest(f'unrecognized includeObject value: "{text}"')


def _partial(obj: Obj) -> Obj:
    return {"kind": "PartialObjectMetadata", "apiVersion": _META, "metadata": obj["metadata"]}
