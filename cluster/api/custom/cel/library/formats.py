"""Texts of a certain form: names, labels and what schemas call formats."""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from cluster.api.custom.cel.library.optionals import NONE, some
from cluster.api.custom.cel.library.times import timestamp
from cluster.api.custom.cel.library.urls import wrong_url
from cluster.api.custom.cel.problems import EvaluationError
from cluster.api.custom.cel.values import Optional
from cluster.api.metadata import label, label_1035, label_value, qualified_name, subdomain

_UUID = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Format:
    """`wrong` says all that is wrong with a text."""

    name: str
    wrong: Callable[[str], list[str]]


def _prefix(wrong: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """Of a name that something is put after: it may end with a dash."""
    return lambda text: wrong(f"{text[:-2]}a" if len(text) > 1 and text.endswith("-") else text)


def _unless_read(read: Callable[[str], object], otherwise: str) -> Callable[[str], list[str]]:
    def wrong(text: str) -> list[str]:
        try:
            read(text)
        except (ValueError, binascii.Error, EvaluationError):
            return [otherwise]
        return []

    return wrong


def _uuid(text: str) -> list[str]:
    return [] if _UUID.fullmatch(text) else ["does not match the UUID format"]


def _uri(text: str) -> list[str]:
    why = wrong_url(text)
    return [f'parse "{text}": {why}'] if why else []


FORMATS = {
    "dns1123Label": label,
    "dns1123LabelPrefix": _prefix(label),
    "dns1123Subdomain": subdomain,
    "dns1123SubdomainPrefix": _prefix(subdomain),
    "dns1035Label": label_1035,
    "dns1035LabelPrefix": _prefix(label_1035),
    "qualifiedName": qualified_name,
    "labelValue": label_value,
    "uri": _uri,
    "uuid": _uuid,
    "byte": _unless_read(lambda text: base64.b64decode(text, validate=True), "invalid base64"),
    "date": _unless_read(date.fromisoformat, "invalid date"),
    "datetime": _unless_read(timestamp, "invalid datetime"),
}
_KNOWN = {name: Format(name, wrong) for name, wrong in FORMATS.items()}


def _named(name: str) -> Optional:
    return some(_KNOWN[name]) if name in _KNOWN else NONE


def _validate(format: Format, text: str) -> Optional:
    wrong = format.wrong(text)
    return some(wrong) if wrong else NONE


def _constant(format: Format) -> Callable[[], Format]:
    return lambda: format


FORMAT_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{f"format.{name}() kubernetes.NamedFormat": _constant(format) for name, format in _KNOWN.items()},
    "format.named(string) optional_type(kubernetes.NamedFormat)": _named,
    "kubernetes.NamedFormat . validate(string) optional_type(list(string))": _validate,
}
