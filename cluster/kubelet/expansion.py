"""$(NAME) in commands, arguments and environment values. Pure."""

import re
from collections.abc import Mapping

# Two dollars are one that is left alone; a reference is a name in parentheses.
_REFERENCE = re.compile(r"\$(?:(\$)|\(([^)]*)\))")


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace references to known names; unknown ones stay as written, and `$$(NAME)` gives `$(NAME)`."""

    def replace(match: re.Match[str]) -> str:
        if match[1]:
            return "$"
        return values.get(match[2], match[0])

    return _REFERENCE.sub(replace, text)
