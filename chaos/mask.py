"""Nothing secret in results: what looks like a token, a key or a password is masked as text enters a result."""

import re
from typing import Annotated

from pydantic import AfterValidator

MASK = "(masked)"

_WHOLE = re.compile(
    r"eyJ[\w-]{5,}\.[\w-]+\.[\w-]*"  # JSON web tokens
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")
# A letter before the word makes it part of a longer name, such as automountServiceAccountToken.
_NAMED = re.compile(
    r"""(?i)(?<![a-z])(password|passwd|secret|token|api[-_]?key|access[-_]?key)(["']?\s*[:=]\s*["']?)([^\s"',;&]+)"""
)
_IN_URL = re.compile(r"(://[^\s/:@]+:)[^\s/@]+(@)")


def mask(text: str) -> str:
    """The text without its secrets."""
    text = _BEARER.sub(rf"\1 {MASK}", _WHOLE.sub(MASK, text))
    return _IN_URL.sub(rf"\1{MASK}\2", _NAMED.sub(rf"\1\2{MASK}", text))


Text = Annotated[str, AfterValidator(mask)]
