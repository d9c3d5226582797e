"""How images are called: `python:3.12-slim` and `docker.io/library/python:3.12-slim` are one."""


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
