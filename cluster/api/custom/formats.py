"""Formats of texts that schemas name. Formats that nobody knows are no promise, as on a real server."""

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_interface
from typing import Any

from cluster.api.custom.cel.library.urls import wrong_url
from cluster.api.custom.cel.problems import EvaluationError
from cluster.api.custom.cel.shape import shape_of

_HEX = "[0-9a-f]"
_UUIDS = {"uuid": f"{_HEX}{{4}}", "uuid3": f"3{_HEX}{{3}}", "uuid4": f"4{_HEX}{{3}}", "uuid5": f"5{_HEX}{{3}}"}
_VARIANT = {"uuid4": f"[89ab]{_HEX}{{3}}", "uuid5": f"[89ab]{_HEX}{{3}}"}
_ZEROS = re.compile(r"\b0+(?=\d)", re.ASCII)
_MAC = re.compile(rf"({_HEX}{{2}}([:-]{_HEX}{{2}}){{5,7}})|({_HEX}{{4}}(\\.{_HEX}{{4}}){{2,3}})", re.IGNORECASE)


def fits_format(text: str, format: str) -> bool:
    return format not in _FORMATS or _FORMATS[format](text)


def _uuid(format: str) -> Callable[[str], bool]:
    parts = (f"{_HEX}{{8}}", f"{_HEX}{{4}}", _UUIDS[format], _VARIANT.get(format, f"{_HEX}{{4}}"), f"{_HEX}{{12}}")
    pattern = re.compile("-?".join(parts), re.IGNORECASE)
    return lambda text: pattern.fullmatch(text) is not None


def _reads(read: Callable[[str], Any]) -> Callable[[str], bool]:
    def reads(text: str) -> bool:
        try:
            read(text)
        except (ValueError, EvaluationError):
            return False
        return True

    return reads


def _network(text: str) -> None:
    """An address without a zone, a slash and a length."""
    address, slash, length = text.partition("/")
    if not slash or "%" in address or not (length.isascii() and length.isdecimal() and len(length) < 4):
        raise ValueError(text)
    ip_interface(f"{_without_zeros(address)}/{int(length)}")


def _without_zeros(address: str) -> str:
    """Zeros before a number were once allowed, and are so still."""
    return address if ":" in address else _ZEROS.sub("", address)


def _address6(text: str) -> None:
    if IPv6Address(text).scope_id:
        raise ValueError(text)


def _as_rules_read_it(format: str) -> Callable[[str], bool]:
    shape = shape_of({"type": "string", "format": format}, "")
    return _reads(shape.read) if shape else lambda _text: True


_FORMATS: dict[str, Callable[[str], bool]] = {
    **{format: _as_rules_read_it(format) for format in ("duration", "byte", "date")},
    **{format: _uuid(format) for format in _UUIDS},
    "ipv4": _reads(lambda text: IPv4Address(_without_zeros(text))),
    "ipv6": _reads(_address6),
    "cidr": _reads(_network),
    "mac": lambda text: _MAC.fullmatch(text) is not None,
    "uri": lambda text: not wrong_url(text),
}
