"""$(NAME) in commands, arguments and environment values. Pure."""

import re
from collections.abc import Iterator, Mapping

# Two dollars are one that is left alone; a reference is a name in parentheses.
_REFERENCE = re.compile(r"\$(?:(\$)|\(([^)]*)\))")


def references(text: str) -> Iterator[str]:
    """The names that `text` refers to."""
    return (match[2] for match in _REFERENCE.finditer(text) if match[2])


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace references to known names; unknown ones stay as written, and `$$(NAME)` gives `$(NAME)`."""

    def replace(match: re.Match[str]) -> str:
        if match[1]:
            return "$"
        return values.get(match[2], match[0])

    return _REFERENCE.sub(replace, text)
