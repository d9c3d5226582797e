"""How images are called: `python:3.12-slim` and `docker.io/library/python:3.12-slim` are one."""

import re


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


def wrong_reference(name: str) -> str:
    """What is wrong with the name of an image, in the words of the parser that the kubelet uses; "" if nothing is.

    Source: the grammar of github.com/distribution/reference. What comes before the first slash is a domain if it has a
    dot, a colon or a capital in it, or is localhost.
    """
    if re.fullmatch(r"[a-f0-9]{64}", name):
        return f"invalid repository name ({name}), cannot specify 64-byte hexadecimal strings"
    first, slash, rest = name.partition("/")
    is_domain = slash and (first != first.lower() or first == "localhost" or "." in first or ":" in first)
    remainder = rest if is_domain else name
    repository = remainder.partition(":")[0]
    if repository != repository.lower():
        return f"invalid reference format: repository name ({repository}) must be lowercase"
    whole = _REMAINDER.fullmatch(remainder) and (not is_domain or _DOMAIN.fullmatch(first))
    return "" if whole else "invalid reference format"


_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REMAINDER = re.compile(
    rf"{_COMPONENT}(?:/{_COMPONENT})*(?::[\w][\w.-]{{0,127}})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{{32,}})?"
)
_DOMAIN = re.compile(r"(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])(?:\.(?:[A-Za-z0-9-]+))*(?::[0-9]+)?")


def _split(name: str) -> tuple[str, str]:
    """The repository, and its digest or else its tag with the sign before it; without one, the tag is latest."""
    tagged, at, digest = name.partition("@")
    colon = tagged.rfind(":")
    repository, tag = (tagged[:colon], tagged[colon:]) if colon > tagged.rfind("/") else (tagged, ":latest")
    return repository, at + digest or tag
