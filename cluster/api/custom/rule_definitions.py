"""What is wrong with the rules of a schema, and what of them this cluster cannot evaluate."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from cluster.api.custom.cel.nodes import names_in
from cluster.api.custom.cel.parser import parse
from cluster.api.custom.cel.problems import BeyondUsError, DoesNotCompileError
from cluster.api.custom.cel.shape import Shape
from cluster.api.custom.field_path import field_path
from cluster.api.custom.judging import judge
from cluster.api.custom.rules import InvalidExpressionError, below, message_step, own_shape, rule_step, rules_of
from cluster.api.custom.schema import EMBEDDED, LIST_TYPE, RULES, Schema, has_rules, parts
from cluster.api.field_errors import FieldError, in_go, invalid, not_supported, required
from cluster.client import Obj

REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_BREAK = re.compile(r"[\n\r]")
_IN_GO = "Rule Message MessageExpression Reason FieldPath OptionalOldSelf"
_UNSET = {"message": "", "messageExpression": "", "fieldPath": ""}
_HTML = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"}
"""As Go writes them in JSON."""


def rule_errors(schema: Schema, path: str) -> list[FieldError]:
    """Of a schema that is structural, and of the schemas within. Expressions are looked at once the rest is right."""
    return (
        list(_each(schema, path, _declared))
        or list(_expressions(schema, path, None, "", is_root=True))
        or list(_each(schema, path, _default))
    )


def beyond_us(schema: Schema) -> list[str]:
    """What the rules ask for that cannot be done here. It shows when they are read."""
    rules = (rule for part in parts(schema) for rule in part.get(RULES) or ())
    texts = (rule.get(word) or "" for rule in rules for word in ("rule", "messageExpression"))
    return [found for text in texts if text and (found := _beyond_us(text))]


def _each(schema: Schema, path: str, look: Callable[[Schema, str], Iterator[FieldError]]) -> Iterator[FieldError]:
    for _, sub, at in _inner(schema, path):
        yield from _each(sub, at, look)
    yield from look(schema, path)


def _inner(schema: Schema, path: str) -> Iterator[tuple[str | None, Schema, str]]:
    """The schemas within: the name of a property, or None for what lists and maps hold; the schema; its path."""
    for name, sub in (schema.get("properties") or {}).items():
        yield name, sub, f"{path}.properties[{name}]"
    if isinstance(schema.get("additionalProperties"), dict):
        yield None, schema["additionalProperties"], f"{path}.additionalProperties"
    if schema.get("items"):
        yield None, schema["items"], f"{path}.items"


def _declared(schema: Schema, path: str) -> Iterator[FieldError]:
    for i, rule in enumerate(schema.get(RULES) or ()):
        at = f"{path}.{RULES}[{i}]"
        yield from _text_errors(rule, at)
        yield from _path_errors(rule, schema, at)
        if rule.get("reason") is not None and rule["reason"] not in REASONS:
            yield not_supported(f"{at}.reason", rule["reason"], REASONS)


def _text_errors(rule: Obj, at: str) -> Iterator[FieldError]:
    text, message = rule.get("rule") or "", rule.get("message") or ""
    if not text.strip():
        yield required(f"{at}.rule", "rule is not specified")
    elif message and not message.strip():
        yield invalid(f"{at}.message", message, "must be non-empty if specified")
    elif _BREAK.search(message.strip()):
        yield invalid(f"{at}.message", message, "must not contain line breaks")
    elif _BREAK.search(text.strip()) and not message:
        yield required(f"{at}.message", "message must be specified if rule contains line breaks")
    expression = rule.get("messageExpression") or ""
    if expression and not expression.strip():
        yield required(f"{at}.messageExpression", "messageExpression must be non-empty if specified")


def _path_errors(rule: Obj, schema: Schema, at: str) -> Iterator[FieldError]:
    path = rule.get("fieldPath") or ""
    if path and not path.strip():
        yield invalid(f"{at}.fieldPath", path, "must be non-empty if specified")
    if _BREAK.search(path):
        yield invalid(f"{at}.fieldPath", path, "must not contain line breaks")
    if path and field_path(path, schema) is None:
        yield invalid(f"{at}.fieldPath", path, "must be a valid path")


def _expressions(
    schema: Schema, path: str, shape: Shape | None, uncorrelated: str, *, is_root: bool = False
) -> Iterator[FieldError]:
    """`uncorrelated` is the path of the outermost list whose items have no old value to go with; "" outside of any."""
    if not has_rules(schema):
        return
    if shape is None and schema.get(RULES):
        shape = own_shape(schema, is_root=is_root)
    loses_track = bool(schema.get("items")) and schema.get(LIST_TYPE) != "map"
    within = uncorrelated or (path if loses_track else "")
    for name, sub, at in _inner(schema, path):
        yield from _expressions(sub, at, _shape_below(shape, name), within)
    for i, rule in enumerate(schema.get(RULES) or ()):
        yield from _expression_errors(rule, shape, f"{path}.{RULES}[{i}]", uncorrelated)


def _shape_below(shape: Shape | None, name: str | None) -> Shape | None:
    return below(shape, name) if name is not None else shape.inner if shape else None


def _expression_errors(rule: Obj, shape: Shape | None, at: str, uncorrelated: str) -> Iterator[FieldError]:
    if shape is None:
        why = "failed to construct type information for x-kubernetes-validations rules"
        yield FieldError(at.rpartition("[")[0], "InternalError", f"Internal error: internal error: {why}")
        return
    for field, compile_one in (("rule", rule_step), ("messageExpression", message_step)):
        if wrong := _wrong(lambda: compile_one(rule, shape)):  # noqa: B023 - called at once
            yield _shown(f"{at}.{field}", rule, wrong)
            return
    yield from _transition_errors(rule, at, uncorrelated)


def _wrong(compile_one: Callable[[], Any]) -> str:
    try:
        compile_one()
    except InvalidExpressionError as error:
        return str(error)
    except BeyondUsError:
        # Refused elsewhere, by name.
        return ""
    return ""


def _shown(at: str, rule: Obj, wrong: str) -> FieldError:
    """The whole rule is shown, as Go writes it."""
    value = json.dumps(in_go({**_UNSET, **rule}, _IN_GO), separators=(",", ":"), ensure_ascii=False).translate(_HTML)
    return FieldError(at, "FieldValueInvalid", f"Invalid value: {value}: {wrong}")


def _transition_errors(rule: Obj, at: str, uncorrelated: str) -> Iterator[FieldError]:
    uses_old = _uses_old(rule["rule"])
    if uses_old and uncorrelated:
        why = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {uncorrelated}"
        yield invalid(f"{at}.rule", rule["rule"], why)
    if not uses_old and rule.get("optionalOldSelf") is not None:
        why = "may not be set if oldSelf is not used in rule"
        yield invalid(f"{at}.optionalOldSelf", rule["optionalOldSelf"], why)


def _uses_old(text: str) -> bool:
    try:
        return "oldSelf" in names_in(parse(text))
    except (BeyondUsError, DoesNotCompileError):
        return False


def _default(schema: Schema, path: str) -> Iterator[FieldError]:
    """A default keeps the rules below it."""
    value = schema.get("default")
    if value is None or not has_rules(schema):
        return
    try:
        rules = rules_of(schema, is_root=bool(schema.get(EMBEDDED)))
    except BeyondUsError:
        return
    if rules:
        at = f"{path}.default"
        yield from judge(rules, value, value, path=at) or judge(rules, value, None, path=at)


def _beyond_us(text: str) -> str:
    try:
        parse(text)
    except BeyondUsError as error:
        return str(error)
    return ""
