"""All functions, found by their name, by how they are called and by what they are given."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cluster.api.custom.cel.library.comparison import COMPARISON
from cluster.api.custom.cel.library.conversion import CONVERSION
from cluster.api.custom.cel.library.formats import FORMAT_FUNCTIONS
from cluster.api.custom.cel.library.formatting import FORMATTING
from cluster.api.custom.cel.library.lists import LISTS
from cluster.api.custom.cel.library.networks import NETWORKS
from cluster.api.custom.cel.library.numbers import NUMBERS
from cluster.api.custom.cel.library.optionals import OPTIONALS
from cluster.api.custom.cel.library.patterns import PATTERNS
from cluster.api.custom.cel.library.quantities import QUANTITIES
from cluster.api.custom.cel.library.strings import STRINGS
from cluster.api.custom.cel.library.times import TIMES
from cluster.api.custom.cel.library.urls import URLS
from cluster.api.custom.cel.library.versions import VERSIONS
from cluster.api.custom.cel.problems import NoSuchOverloadError
from cluster.api.custom.cel.types import Type, parse_type, parse_types

_SUBJECTS = (
    NUMBERS,
    COMPARISON,
    STRINGS,
    FORMATTING,
    LISTS,
    CONVERSION,
    TIMES,
    PATTERNS,
    URLS,
    QUANTITIES,
    NETWORKS,
    OPTIONALS,
    FORMAT_FUNCTIONS,
    VERSIONS,
)


@dataclass(frozen=True, slots=True)
class Overload:
    """`params` begin with the receiver of a method."""

    name: str
    is_method: bool
    params: tuple[Type, ...]
    result: Type
    run: Callable[..., Any]


def _read(signature: str, run: Callable[..., Any]) -> Overload:
    receiver, dot, call = signature.rpartition(" . ")
    name, _, rest = call.partition("(")
    own = (parse_type(receiver),) if dot else ()
    end = _closing(rest)
    return Overload(name, bool(dot), (*own, *parse_types(rest[:end])), parse_type(rest[end + 2 :]), run)


def _closing(text: str) -> int:
    """Where the parenthesis ends that was opened before the text."""
    depth = 1
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return place
    raise ValueError(text)


def _by_name() -> dict[str, tuple[Overload, ...]]:
    found: dict[str, tuple[Overload, ...]] = {}
    for subject in _SUBJECTS:
        for signature, run in subject.items():
            overload = _read(signature, run)
            found[overload.name] = (*found.get(overload.name, ()), overload)
    return found


OVERLOADS = _by_name()


def overloads(name: str, *, is_method: bool, count: int) -> tuple[Overload, ...]:
    """Those of that name with so many parameters, a receiver counted."""
    return tuple(o for o in OVERLOADS.get(name, ()) if o.is_method == is_method and len(o.params) == count)


@lru_cache(maxsize=4096)
def implementation(name: str, is_method: bool, kinds: tuple[str, ...]) -> Callable[..., Any]:
    """The function for values of these kinds. Raises `NoSuchOverloadError`."""
    for overload in overloads(name, is_method=is_method, count=len(kinds)):
        if all(_takes(param, kind) for param, kind in zip(overload.params, kinds, strict=True)):
            return overload.run
    raise NoSuchOverloadError


def _takes(param: Type, kind: str) -> bool:
    return param.is_param or param.name in ("dyn", kind)
