"""From the bytes of a request to an object."""

from typing import Any

import orjson
import yaml

from cluster.api.errors import no_format
from cluster.api.go import go_kind
from cluster.api.protobuf import decode_protobuf
from cluster.client import BadRequest, Obj

LIMIT_BYTES = 3 * 1024 * 1024
_JSON = "application/json"
_YAML = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "application/apply-patch+yaml"})
_SHOWN_BYTES, _SHOWN_CHARACTERS = 30, 1024
_NO_KIND = "couldn't get version/kind; json parse error: "
_GO_HEAD = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
_PROTOBUF = "application/vnd.kubernetes.protobuf"


def parse_body(body: bytes, content_type: str, kind: str) -> Obj:
    """An object from JSON (also where no type is given), YAML or protobuf. Raises `BadRequest`, or 415."""
    try:
        return _object(body, media_type(content_type))
    except BadRequest as error:
        what = f"the object provided is unrecognized (must be of type {kind}): {error.message}"
        raise BadRequest(f"{what} ({_shown(body)})") from None


def _object(body: bytes, media: str) -> Obj:
    if media == _PROTOBUF:
        return decode_protobuf(body)
    parsed = parse_data(body, media)
    if not isinstance(parsed, dict):
        raise BadRequest(f"{_NO_KIND}json: cannot unmarshal {go_kind(parsed)} into Go value of type {_GO_HEAD}")
    return parsed


def _shown(body: bytes) -> str:
    """The beginning of a body, as Kubernetes shows what it could not read."""
    if not body:
        return "<empty>"
    if not body.startswith(b"{"):
        return body.hex() if len(body) <= _SHOWN_BYTES else f"{body[:_SHOWN_BYTES].hex()} ..."
    text = body.decode(errors="replace")
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]} ..."


def parse_patch_data(body: bytes) -> Any:
    """The JSON value of a patch."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(_in_go(error)) from error


def parse_data(body: bytes, media: str) -> Any:
    """Any JSON or YAML value."""
    if media in _YAML:
        return _yaml(body)
    if media in ("", _JSON) or media.endswith("+json"):
        return _json(body)
    raise no_format(_JSON, "application/yaml", _PROTOBUF)


def media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"{_NO_KIND}{_in_go(error)}") from error


def _in_go(error: orjson.JSONDecodeError) -> str:
    """The same in the words of Go's parser, as far as a sign and a place tell."""
    if error.pos >= len(error.doc.rstrip()):
        return "unexpected end of JSON input"
    wanted = "object key string" if "key" in error.msg else "value"
    return f"invalid character {_quoted(error.doc[error.pos])} looking for beginning of {wanted}"


def _quoted(character: str) -> str:
    return "'\\''" if character == "'" else f"'{character}'"


def _yaml(body: bytes) -> Any:
    try:
        # The stricter JSON reader is also the faster one, and what kubectl calls YAML is mostly JSON.
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        # An alias of an alias of an alias grows into gigabytes.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(body, yaml.CSafeLoader)):
            raise BadRequest("error parsing YAML: aliases are not accepted: write the value out")
        return yaml.load(body, _Loader)  # noqa: S506 (a safe loader that knows less)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadRequest(f"error parsing YAML: {error}") from error


class _Loader(yaml.CSafeLoader):
    """YAML as Kubernetes reads it: what looks like a date is a string."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
