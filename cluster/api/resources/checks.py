"""Small rules that many kinds share. Each yields nothing when the value is right or absent."""

import re
from collections.abc import Callable, Collection, Iterator
from ipaddress import ip_address
from typing import Any

from cluster.api.field_errors import FieldError, invalid, not_supported, required
from cluster.api.metadata import check_labels, label_value, qualified_name
from cluster.client import Obj
from cluster.quantity import parse_quantity

PROTOCOLS = ("SCTP", "TCP", "UDP")

_PORT_CHARACTERS = re.compile(r"[-a-z0-9]+")
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


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def check_port(value: Any, path: str) -> Iterator[FieldError]:
    """A port number, or the name of one."""
    if isinstance(value, str):
        if wrong := port_name(value):
            yield invalid(path, value, wrong)
    else:
        yield from check_range(value, path, 1, 65535)


def port_name(name: str) -> str:
    """What is wrong with the name of a port (RFC 6335); "" if nothing is."""
    if not 1 <= len(name) <= 15:
        return "must be no more than 15 characters"
    if not _PORT_CHARACTERS.fullmatch(name):
        return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    if "--" in name:
        return "must not contain consecutive hyphens"
    if name[0] == "-" or name[-1] == "-":
        return "must not begin or end with a hyphen"
    return "" if any(c.isalpha() for c in name) else "must contain at least one letter (a-z)"


def check_name(name: str, path: str, rule: Callable[[str], str]) -> Iterator[FieldError]:
    if wrong := rule(name):
        yield invalid(path, name, wrong)


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
    if wrong := qualified_name(expression.get("key", "")):
        yield invalid(f"{path}.key", expression.get("key", ""), wrong)
    if operator not in _OPERATORS:
        yield invalid(f"{path}.operator", operator, "not a valid selector operator")
    elif operator in ("In", "NotIn") and not values:
        yield required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist") and values:
        yield FieldError(
            f"{path}.values",
            "FieldValueForbidden",
            "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        )
    for i, value in enumerate(values):
        yield from check_name(value, f"{path}.values[{i}]", label_value)
