"""How images are called: `python:3.12-slim` and `docker.io/library/python:3.12-slim` are one."""

import re

_WORD = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_WORD}(?:/{_WORD})*(?::\w[\w.-]{{0,127}})?(?:@\w[\w+.-]*:[0-9a-fA-F]{{32,}})?", re.ASCII)


def fault_in(name: str) -> str:
    """What is wrong with a reference, in the words of those who parse it; "" for one that is well formed."""
    first, slash, rest = name.partition("/")
    is_host = bool(slash) and (bool(set(".:") & set(first)) or first == "localhost" or first != first.lower())
    path = rest if is_host else name
    if _PATH.fullmatch(path):
        return ""
    bare = re.split(r"[:@]", path, maxsplit=1)[0]
    if bare != bare.lower() and _PATH.fullmatch(path.lower()):
        return f"invalid reference format: repository name ({bare}) must be lowercase"
    return "invalid reference format"


def image_reference(name: str) -> str:
    """An image's full reference, as a running container's status shows it: docker.io/library/python:3.12-slim."""
    repository, digest = _split(name)
    first, _, rest = repository.partition("/")
    if not rest:
        return f"docker.io/library/{first}{digest}"
    if "." in first or ":" in first or first == "localhost":
        return f"{repository}{digest}"
    return f"docker.io/{repository}{digest}"


def _split(name: str) -> tuple[str, str]:
    """The repository, and its tag or digest with the sign before it; without one, the tag is latest."""
    if "@" in name:
        at = name.index("@")
        return name[:at], name[at:]
    colon = name.rfind(":")
    return (name[:colon], name[colon:]) if colon > name.rfind("/") else (name, ":latest")
