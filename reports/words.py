"""How things are said, the same in every report: verdicts, figures with their units, and text that others wrote."""

import re
from typing import Any, NamedTuple

from chaos.result import Result


class Word(NamedTuple):
    """A verdict as people see it: a mark and words, so that nothing hangs on colour alone."""

    mark: str
    text: str

    def __str__(self) -> str:
        return f"{self.mark} {self.text}"


VERDICTS = {
    "held": Word("✔", "held"),
    "broke": Word("✘", "broke"),
    "not_proven": Word("?", "not proven"),
}
NOT_MEASURED = "not measured"
NOT_SEEN = "not seen"

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
# Controls, and the marks that reorder text: in a terminal or a browser they would speak for somebody else.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """Text from a cluster without colours, cursor movements and other control characters; tabs and newlines stay."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))


def one_line(text: str) -> str:
    return " ".join(clean(text).split())


def plain(result: Result) -> Result:
    """The result with every text in it clean: every report but JSON begins with this."""
    return Result.model_validate(_cleaned(result.model_dump()))


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return clean(value)
        case dict():
            return {_cleaned(key): _cleaned(item) for key, item in value.items()}
        case list() | tuple():
            return [_cleaned(item) for item in value]
    return value


def count(number: float) -> str:
    """`1,000`, `2.5`."""
    return f"{round(number, 2):,.10g}" if number % 1 else f"{number:,.0f}"


def share(part: int, whole: int) -> str:
    """`32.5%`. Some is never said as 0.0%, and not all never as 100.0%."""
    if not whole:
        return NOT_MEASURED
    if 0 < part < 0.0005 * whole:
        return "<0.1%"
    if 0.9995 * whole <= part < whole:
        return ">99.9%"
    return f"{part / whole:.1%}"


def seconds(length: float) -> str:
    """`25 s`, `4.1 s`."""
    return f"{length:.0f} s" if length % 1 == 0 else f"{length:.1f} s"


def milliseconds(length: float | None) -> str:
    return NOT_MEASURED if length is None else f"{length:,.0f} ms"


def plural(number: int, one: str, many: str = "") -> str:
    """`1 pod`, `2 pods`."""
    return f"{number} {one if number == 1 else many or one + 's'}"
