"""What is wrong with a certificate and its key, in the words of Go's `crypto/tls`."""

import re
from collections.abc import Iterator

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

_BLOCK = re.compile(rb"-----BEGIN ([^-]+)-----\s.*?-----END \1-----", re.DOTALL)
_PUBLIC = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
_NO_KEY = "tls: failed to parse private key"
_SKIPPED = "after skipping PEM blocks of the following types"
_SWITCHED = (
    "tls: failed to find certificate PEM data in certificate input, but did find a private key; "
    "PEM inputs may have been switched"
)


def key_pair_warnings(cert: bytes, key: bytes) -> Iterator[str]:
    """At most one, of the first thing that is wrong with these PEM texts."""
    certificates, others = _blocks(cert)
    if not certificates:
        yield _without_certificate(others)
        return
    keys = [block for block in _BLOCK.finditer(key) if _type(block).endswith("PRIVATE KEY")]
    if not keys:
        yield _without_key([_type(block) for block in _BLOCK.finditer(key)])
        return
    if wrong := _mismatch(certificates[0], keys[0].group(0)):
        yield wrong


def _type(block: re.Match[bytes]) -> str:
    return block.group(1).decode(errors="replace")


def _blocks(text: bytes) -> tuple[list[bytes], list[str]]:
    """The certificates, and the types of everything else."""
    blocks = list(_BLOCK.finditer(text))
    return (
        [block.group(0) for block in blocks if _type(block) == "CERTIFICATE"],
        [_type(block) for block in blocks if _type(block) != "CERTIFICATE"],
    )


def _without_certificate(others: list[str]) -> str:
    if not others:
        return "tls: failed to find any PEM data in certificate input"
    if len(others) == 1 and others[0].endswith("PRIVATE KEY"):
        return _SWITCHED
    return f'tls: failed to find "CERTIFICATE" PEM block in certificate input {_SKIPPED}: [{" ".join(others)}]'


def _without_key(others: list[str]) -> str:
    if not others:
        return "tls: failed to find any PEM data in key input"
    if others == ["CERTIFICATE"]:
        return "tls: found a certificate rather than a key in the PEM for the private key"
    what = 'PEM block with type ending in "PRIVATE KEY" in key input'
    return f"tls: failed to find {what} {_SKIPPED}: [{' '.join(others)}]"


def _mismatch(cert: bytes, key: bytes) -> str:
    try:
        public = x509.load_pem_x509_certificate(cert).public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "x509: malformed certificate"
    try:
        private = load_pem_private_key(key, password=None).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return _NO_KEY
    if type(public) is not type(private):
        return "tls: private key type does not match public key type"
    same = public.public_bytes(*_PUBLIC) == private.public_bytes(*_PUBLIC)
    return "" if same else "tls: private key does not match public key"
