"""Small rules that many kinds share. Each yields nothing when the value is right or absent."""

import re
from collections.abc import Collection, Iterator
from typing import Any

from cluster.api.field_errors import FieldError, forbidden, invalid, not_supported, required
from cluster.api.metadata import NameRule, check_labels, label_value, path_segment, qualified_name, subdomain
from cluster.client import Obj
from cluster.quantity import parse_quantity

PROTOCOLS = ("SCTP", "TCP", "UDP")

_PORT_NAME = re.compile(r"[-a-z0-9]+")
_LETTER = re.compile(r"[a-z]")
_PERCENT = re.compile(r"[0-9]+%")
_OPERATORS = ("DoesNotExist", "Exists", "In", "NotIn")


def child(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def check_required(obj: Obj, path: str, *names: str) -> Iterator[FieldError]:
    """These fields may be neither absent nor empty."""
    for name in names:
        if obj.get(name) in (None, "", [], {}):
            yield required(child(path, name))


def check_enum(obj: Obj, path: str, name: str, valid: Collection[str]) -> Iterator[FieldError]:
    """A field that was defaulted has one of the known words."""
    if not obj.get(name):
        yield required(child(path, name))
    elif obj[name] not in valid:
        yield not_supported(child(path, name), obj[name], valid)


def check_optional_enum(obj: Obj, path: str, name: str, valid: Collection[str]) -> Iterator[FieldError]:
    if obj.get(name) is not None:
        yield from check_enum(obj, path, name, valid)


def check_range(value: int | None, path: str, low: int, high: int) -> Iterator[FieldError]:
    if value is not None and not low <= value <= high:
        yield invalid(path, value, f"must be between {low} and {high}, inclusive")


def check_not_negative(obj: Obj, path: str, *names: str) -> Iterator[FieldError]:
    for name in names:
        if obj.get(name) is not None and obj[name] < 0:
            yield invalid(child(path, name), obj[name], "must be greater than or equal to 0")


def check_port(value: Any, path: str) -> Iterator[FieldError]:
    """A port number, or the name of one."""
    if isinstance(value, str):
        yield from check_name(value, path, port_name)
    else:
        yield from check_range(value, path, 1, 65535)


def port_name(name: str) -> list[str]:
    """All that is wrong with the name of a port (RFC 6335)."""
    wrong = {
        "must be no more than 15 characters": len(name.encode()) > 15,
        "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)": not _PORT_NAME.fullmatch(name),
        "must contain at least one letter (a-z)": not _LETTER.search(name),
        "must not contain consecutive hyphens": "--" in name,
        "must not begin or end with a hyphen": name.startswith("-") or name.endswith("-"),
    }
    return [why for why, is_so in wrong.items() if is_so]


def check_name(name: str, path: str, rule: NameRule) -> Iterator[FieldError]:
    yield from (invalid(path, name, wrong) for wrong in rule(name))


def check_typed_reference(reference: Obj, path: str) -> Iterator[FieldError]:
    """A reference to an object of whatever kind."""
    if reference.get("apiGroup") is not None:
        yield from check_name(reference["apiGroup"], f"{path}.apiGroup", subdomain)
    for name in ("kind", "name"):
        if not reference.get(name):
            yield required(f"{path}.{name}")
        else:
            yield from check_name(reference[name], f"{path}.{name}", path_segment)


def check_int_or_percent(value: int | str | None, path: str) -> Iterator[FieldError]:
    """A count, or a share such as "25%"."""
    if isinstance(value, str) and not _PERCENT.fullmatch(value):
        yield invalid(
            path,
            value,
            "a valid percent string must be a numeric string followed by an ending '%' "
            "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
        )
    if isinstance(value, int) and value < 0:
        yield invalid(path, value, "must be greater than or equal to 0")


def amount_of(value: int | str | None) -> int:
    """The figure of a count or of a share; 0 of what is neither."""
    digits = value.removesuffix("%") if isinstance(value, str) else value
    return int(digits) if isinstance(digits, int) or (digits and digits.isascii() and digits.isdecimal()) else 0


def shares_in_go(rolling: Obj) -> Obj:
    """How many pods a roll-out may do without and have more, as the struct that Kubernetes shows."""
    return {"MaxUnavailable": rolling.get("maxUnavailable", 0), "MaxSurge": rolling.get("maxSurge", 0)}


def check_share(value: int | str | None, path: str) -> Iterator[FieldError]:
    """A count, or a share of no more than all."""
    yield from check_int_or_percent(value, path)
    yield from check_not_above(value, path)


def check_not_above(value: int | str | None, path: str) -> Iterator[FieldError]:
    """A share of no more than all."""
    if isinstance(value, str) and _PERCENT.fullmatch(value) and int(value.rstrip("%")) > 100:
        yield invalid(path, value, "must not be greater than 100%")


def check_quantities(amounts: Obj | None, path: str) -> Iterator[FieldError]:
    for name, amount in (amounts or {}).items():
        if parse_quantity(amount) < 0:
            yield invalid(f"{path}[{name}]", amount, "must be greater than or equal to 0")


def check_selector(selector: Obj | None, path: str) -> Iterator[FieldError]:
    """A LabelSelector."""
    selector = selector or {}
    yield from check_labels(selector.get("matchLabels"), f"{path}.matchLabels")
    for i, expression in enumerate(selector.get("matchExpressions") or ()):
        yield from _check_expression(expression, f"{path}.matchExpressions[{i}]")


def _check_expression(expression: Obj, path: str) -> Iterator[FieldError]:
    operator, values = expression.get("operator", ""), expression.get("values") or []
    yield from check_operator(operator, values, path)
    if operator not in _OPERATORS:
        yield invalid(f"{path}.operator", operator, "not a valid selector operator")
    yield from check_name(expression.get("key", ""), f"{path}.key", qualified_name)
    for i, value in enumerate(values):
        yield from check_name(value, f"{path}.values[{i}]", label_value)


def check_operator(operator: str, values: list[str], path: str) -> Iterator[FieldError]:
    """Whether there are values where the operator of a selector compares with some, and none where it does not."""
    if operator in ("In", "NotIn") and not values:
        yield required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist") and values:
        why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        yield forbidden(f"{path}.values", why)
