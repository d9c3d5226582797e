"""Label selectors (as text and as LabelSelector objects) and field selectors, with Kubernetes' meaning.

A requirement that a label *is not* something also holds where the label is absent. Errors are `BadRequest`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from cluster.client import BadRequest

Operator = Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on a label. `values` has one integer for Gt and Lt, none for Exists and DoesNotExist."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def matches(self, labels: Labels) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "In":
                return value in self.values
            case "NotIn":
                return value not in self.values
            case "Exists":
                return value is not None
            case "DoesNotExist":
                return value is None
            case _:
                return self._compares(value)

    def _compares(self, value: str | None) -> bool:
        bound = next(iter(self.values), "")
        if value is None or not _INTEGER.fullmatch(value) or not _INTEGER.fullmatch(bound):
            return False
        return int(value) > int(bound) if self.operator == "Gt" else int(value) < int(bound)


LabelSelector = tuple[Requirement, ...]


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    """`field = value`, or `field != value` when not `equal`."""

    field: str
    value: str
    equal: bool = True


FieldSelector = tuple[FieldRequirement, ...]


def matches_labels(selector: str | LabelSelector, labels: Labels | None) -> bool:
    """Whether labels satisfy a selector in kubectl's syntax; the empty one selects everything."""
    requirements = parse_labels(selector) if isinstance(selector, str) else selector
    return all(requirement.matches(labels or {}) for requirement in requirements)


def matches_selector(selector: Mapping[str, Any] | None, labels: Labels | None) -> bool:
    """Whether labels satisfy a LabelSelector object: empty selects everything, None nothing."""
    if selector is None:
        return False
    labels = labels or {}
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_expression(e).matches(labels) for e in selector.get("matchExpressions") or ())


def format_selector(selector: Mapping[str, Any] | None) -> str:
    """A LabelSelector object in kubectl's syntax, sorted by key; "" for the one that selects everything."""
    if selector is None:
        return "<none>"
    plain = [(key, f"{key}={value}") for key, value in (selector.get("matchLabels") or {}).items()]
    rich = [(e["key"], _format_expression(e)) for e in selector.get("matchExpressions") or ()]
    return ",".join(text for _, text in sorted(plain + rich))


@lru_cache(maxsize=1024)
def parse_labels(text: str) -> LabelSelector:
    """`a=b,c!=d,e in (f,g),h notin (i),j,!k`. Raises BadRequest naming what could not be read."""
    tokens = _Tokens(text)
    requirements = [] if tokens.peek() == "" else [_requirement(tokens)]
    while tokens.peek() == ",":
        tokens.take()
        if tokens.peek() in _SYMBOLS - {"!"}:
            raise BadRequest(f"found '{tokens.peek()}', expected: identifier after ','")
        requirements.append(_requirement(tokens))
    if tokens.peek():
        raise tokens.unexpected("',' or 'end of string'")
    return tuple(sorted(requirements, key=lambda r: r.key))


@lru_cache(maxsize=1024)
def parse_fields(text: str) -> FieldSelector:
    """`metadata.name=web,status.phase!=Running`; a backslash escapes a comma, an equals sign and itself in values."""
    return tuple(_field_requirement(term) for term in _FIELD_TERM.findall(text) if term)


def matches_fields(selector: str | FieldSelector, fields: Mapping[str, str]) -> bool:
    """Whether an object's selectable fields satisfy a field selector. An absent field counts as empty."""
    requirements = parse_fields(selector) if isinstance(selector, str) else selector
    return all((fields.get(r.field, "") == r.value) is r.equal for r in requirements)


_INTEGER = re.compile(r"[+-]?\d{1,19}")
_TOKEN = re.compile(r"\s*(==|!=|[=!,()<>]|[^\s=!,()<>]+|$)")
_SYMBOLS = frozenset({"==", "!=", "=", "!", ",", "(", ")", "<", ">", ""})
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_KEY = re.compile(rf"(?:(?=.{{1,253}}/)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*/)?{_NAME}")
_VALUE_MAX = 63
_VALUE = re.compile(rf"(?:{_NAME})?")
_FIELD_TERM = re.compile(r"(?:[^,\\]|\\.?)+", re.DOTALL)
_FIELD = re.compile(r"((?:[^=!\\]|\\.)*)(==|!=|=)(.*)", re.DOTALL)
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)


class _Tokens:
    """The words and symbols of a selector, one ahead; "" is the end."""

    def __init__(self, text: str) -> None:
        self._found: Iterator[str] = (match.group(1) for match in _TOKEN.finditer(text))
        self._next = next(self._found, "")

    def peek(self) -> str:
        return self._next

    def take(self) -> str:
        token, self._next = self._next, next(self._found, "")
        return token

    def word(self) -> str:
        if self._next in _SYMBOLS:
            raise self.unexpected("identifier")
        return self.take()

    def expect(self, symbol: str) -> None:
        if self._next != symbol:
            raise BadRequest(f"unable to parse requirement: found '{self._next}' expected: '{symbol}'")
        self.take()

    def unexpected(self, wanted: str) -> BadRequest:
        return BadRequest(f"unable to parse requirement: found '{self._next}', expected: {wanted}")


def _requirement(tokens: _Tokens) -> Requirement:
    if tokens.peek() == "!":
        tokens.take()
        return Requirement(_key(tokens.word()), "DoesNotExist")
    key = _key(tokens.word())
    match tokens.peek():
        case "" | ",":
            return Requirement(key, "Exists")
        case "in" | "notin":
            operator: Operator = "In" if tokens.take() == "in" else "NotIn"
            return Requirement(key, operator, _values(tokens, key))
        case "=" | "==" | "!=":
            operator = "NotIn" if tokens.take() == "!=" else "In"
            if tokens.peek() in _SYMBOLS - {"", ","}:
                raise tokens.unexpected("identifier")
            return Requirement(key, operator, frozenset({_value(_optional_word(tokens), key)}))
        case ">" | "<":
            operator = "Gt" if tokens.take() == ">" else "Lt"
            return Requirement(key, operator, frozenset({_integer(tokens.word())}))
    raise tokens.unexpected("in, notin, =, ==, !=, gt, lt")


def _values(tokens: _Tokens, key: str) -> frozenset[str]:
    tokens.expect("(")
    values = [_value(_optional_word(tokens), key)]
    while tokens.peek() == ",":
        tokens.take()
        values.append(_value(_optional_word(tokens), key, len(values)))
    tokens.expect(")")
    return frozenset(values)


def _optional_word(tokens: _Tokens) -> str:
    return "" if tokens.peek() in _SYMBOLS else tokens.take()


def _key(text: str) -> str:
    if not _KEY.fullmatch(text):
        raise BadRequest(f'unable to parse requirement: <nil>: Invalid value: "{text}": {QUALIFIED_NAME}')
    return text


def _value(text: str, key: str, place: int = 0) -> str:
    if not _VALUE.fullmatch(text):
        why = f"must be no more than {_VALUE_MAX} bytes" if len(text) > _VALUE_MAX else LABEL_VALUE
        raise BadRequest(f'unable to parse requirement: values[{place}][{key}]: Invalid value: "{text}": {why}')
    return text


def _integer(text: str) -> str:
    if not _INTEGER.fullmatch(text):
        raise BadRequest(
            f'unable to parse requirement: values[0]: Invalid value: "{text}": '
            "for 'Gt', 'Lt' operators, the value must be an integer"
        )
    return text


def _expression(expression: Mapping[str, Any]) -> Requirement:
    # One that is yet to be checked may lack anything.
    key, operator = expression.get("key", ""), expression.get("operator", "")
    return Requirement(key, operator, frozenset(expression.get("values") or ()))


def _format_expression(expression: Mapping[str, Any]) -> str:
    key, values = expression["key"], ",".join(sorted(expression.get("values") or ()))
    match expression["operator"]:
        case "In":
            return f"{key} in ({values})"
        case "NotIn":
            return f"{key} notin ({values})"
        case "DoesNotExist":
            return f"!{key}"
    return str(key)


def _field_requirement(term: str) -> FieldRequirement:
    match = _FIELD.fullmatch(term)
    if match is None:
        raise BadRequest(f"invalid selector: '{term}'; can't understand '{term}'")
    field, operator, value = match.groups()
    return FieldRequirement(field.strip(), _unescape(value), operator != "!=")


def _unescape(value: str) -> str:
    for escaped in _ESCAPE.findall(value):
        if escaped not in ("\\", ",", "="):
            raise BadRequest(f"invalid field selector: invalid escape sequence in value: {value}")
    return _ESCAPE.sub(r"\1", value)


# What Kubernetes says of a malformed label; also used by the validation of objects.
QUALIFIED_NAME = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation "
    "is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
