"""Names of properties as expressions write them (`a-b` is `a__dash__b`).

Source: "Common Expression Language in Kubernetes", escaping.
"""

import re

from cluster.api.custom.cel.tokens import RESERVED

_RESERVED = RESERVED | {"true", "false", "null", "in"}
_SIGNS = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_SIGN = re.compile(r"__|[-./]")
_KNOWN = re.compile(r"[A-Za-z_./-][\w./-]*", re.ASCII)


def escape(name: str) -> str | None:
    """None for a name that no expression can say."""
    if name in _RESERVED:
        return f"__{name}__"
    return _SIGN.sub(lambda sign: _SIGNS[sign[0]], name) if _KNOWN.fullmatch(name) else None
