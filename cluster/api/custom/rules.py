"""Rules in CEL (`x-kubernetes-validations`), made ready to be evaluated. Pure.

Source: the page "Extend the Kubernetes API with CustomResourceDefinitions", validation rules.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cluster.api.custom.cel import types
from cluster.api.custom.cel.checker import check
from cluster.api.custom.cel.escaping import escape
from cluster.api.custom.cel.literal_checks import invalid_pattern
from cluster.api.custom.cel.nodes import Call, Node, inner, names_in
from cluster.api.custom.cel.parser import parse
from cluster.api.custom.cel.problems import DoesNotCompileError, report
from cluster.api.custom.cel.program import compiled
from cluster.api.custom.cel.run import Step
from cluster.api.custom.cel.shape import Shape, shape_of
from cluster.api.custom.cel.types import Type
from cluster.api.custom.field_path import field_path
from cluster.api.custom.schema import EMBEDDED, RULES, Schema, has_rules
from cluster.client import Obj

SELF_TYPE = "selfType"


class InvalidExpressionError(Exception):
    """What a real server says of an expression that it does not take."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`path` is where its failure is reported, below the value; `message` is "" where it has none of its own."""

    text: str
    message: str
    reason: str
    path: str
    step: Step
    message_text: str
    message_step: Step | None
    uses_old: bool
    optional_old: bool

    @property
    def shown(self) -> str:
        return self.message or self.text


@dataclass(frozen=True, slots=True)
class Rules:
    """Those of a schema and, below it, of the schemas within that have any."""

    schema: Schema
    read: Callable[[Any], Any]
    """Of a value that has rules of its own: as they see it. Raises `EvaluationError`."""
    own: tuple[Rule, ...]
    properties: Mapping[str, "Rules"]
    items: "Rules | None"
    values: "Rules | None"


def rules_of(schema: Schema, *, is_root: bool = False) -> Rules | None:
    """None without any. Raises `InvalidExpressionError`, `BeyondUsError`."""
    return _rules(schema, None, is_root=is_root)


def _rules(schema: Schema, shape: Shape | None, *, is_root: bool = False) -> Rules | None:
    if not has_rules(schema):
        return None
    if shape is None and schema.get(RULES):
        shape = own_shape(schema, is_root=is_root)
    properties = {name: _rules(sub, below(shape, name)) for name, sub in (schema.get("properties") or {}).items()}
    more = schema.get("additionalProperties")
    inner_shape = shape.inner if shape else None
    return Rules(
        schema,
        shape.read if shape else _unread,
        tuple(compile_rule(rule, shape, schema) for rule in schema.get(RULES) or ()) if shape else (),
        {name: rules for name, rules in properties.items() if rules},
        _rules(schema["items"], inner_shape) if schema.get("items") else None,
        _rules(more, inner_shape) if isinstance(more, dict) else None,
    )


def _unread(value: Any) -> Any:
    return value


def own_shape(schema: Schema, *, is_root: bool) -> Shape | None:
    return shape_of(schema, SELF_TYPE, is_root=is_root or bool(schema.get(EMBEDDED)))


def below(shape: Shape | None, name: str) -> Shape | None:
    known = shape.fields.get(escape(name) or "") if shape else None
    return known.shape if known else None


def compile_rule(rule: Obj, shape: Shape, schema: Schema) -> Rule:
    """Raises `InvalidExpressionError`, `BeyondUsError`."""
    step = rule_step(rule, shape)
    return Rule(
        text=rule["rule"].strip(),
        message=(rule.get("message") or "").strip(),
        reason=rule.get("reason") or "FieldValueInvalid",
        path=field_path(rule.get("fieldPath") or "", schema) or "",
        step=step,
        message_text=rule.get("messageExpression") or "",
        message_step=message_step(rule, shape),
        uses_old="oldSelf" in names_in(parse(rule["rule"])),
        optional_old=bool(rule.get("optionalOldSelf")),
    )


def rule_step(rule: Obj, shape: Shape) -> Step:
    """Raises `InvalidExpressionError`, `BeyondUsError`."""
    return _step(rule["rule"], rule, shape, types.BOOL)


def message_step(rule: Obj, shape: Shape) -> Step | None:
    """Raises `InvalidExpressionError`, `BeyondUsError`."""
    text = rule.get("messageExpression") or ""
    return _step(text, rule, shape, types.STRING) if text else None


def _step(text: str, rule: Obj, shape: Shape, wanted: Type) -> Step:
    prefix = "messageExpression " if wanted == types.STRING else ""
    try:
        node = parse(text)
        found = check(node, _variables(rule, shape))
    except DoesNotCompileError as error:
        raise InvalidExpressionError(f"{prefix}compilation failed: {report(error.problems, text)}") from None
    if found.type != wanted:
        what = "messageExpression must evaluate to a string" if prefix else "cel expression must evaluate to a bool"
        raise InvalidExpressionError(what)
    if wrong := next(filter(None, map(invalid_pattern, _calls(node))), ""):
        raise InvalidExpressionError(f"{prefix or 'program '}instantiation failed: {wrong}")
    return compiled(node, found.resolved)


def _variables(rule: Obj, shape: Shape) -> dict[str, Type]:
    old = types.optional_of(shape.type) if rule.get("optionalOldSelf") else shape.type
    return {"self": shape.type, "oldSelf": old}


def _calls(node: Node) -> Iterator[Call]:
    if isinstance(node, Call):
        yield node
    for part in inner(node):
        yield from _calls(part)
