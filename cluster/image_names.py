"""How images are called: `python:3.12-slim` and `docker.io/library/python:3.12-slim` are one."""


def image_reference(name: str) -> str:
    """An image's full reference, as a running container's status shows it: docker.io/library/python:3.12-slim.

    Of a tag and a digest the digest counts, as for containerd: docker.io/library/python@sha256:….
    """
    repository, suffix = _split(name)
    first, _, rest = repository.partition("/")
    if not rest:
        return f"docker.io/library/{first}{suffix}"
    if "." in first or ":" in first or first == "localhost":
        return f"{repository}{suffix}"
    return f"docker.io/{repository}{suffix}"


def by_digest(name: str, digest: str) -> str:
    """The reference of what a digest means in the repository of `name`."""
    return image_reference(f"{_split(name)[0]}@{digest}")


def digest_of(name: str) -> str:
    """The digest that a name asks for, "sha256:…"; "" for one that asks for a tag."""
    return name.partition("@")[2]


def _split(name: str) -> tuple[str, str]:
    """The repository, and its digest or else its tag with the sign before it; without one, the tag is latest."""
    tagged, at, digest = name.partition("@")
    colon = tagged.rfind(":")
    repository, tag = (tagged[:colon], tagged[colon:]) if colon > tagged.rfind("/") else (tagged, ":latest")
    return repository, at + digest or tag
