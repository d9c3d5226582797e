"""Service account tokens: JSON Web Tokens signed with the cluster's own key (KEP-1205, RFC 7519, ES256 of RFC 7518)."""

import base64
import hashlib
from collections import OrderedDict
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from cluster.client import Unauthorized

ISSUER = "https://kubernetes.default.svc.cluster.local"
AUDIENCE = ISSUER
_HALF = 32
_REMEMBERED = 1024
_ES256 = ec.ECDSA(hashes.SHA256())

Claims = dict[str, Any]


class Tokens:
    """Signs and checks. What the claims are about is for the caller to look up."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self._public = key.public_key()
        self._kid = _encode(hashlib.sha256(_der(self._public)).digest())
        # A signature costs more to check than all the rest of a request.
        self._checked: OrderedDict[str, Claims] = OrderedDict()

    def sign(self, claims: Claims) -> str:
        head = _encode(orjson.dumps({"alg": "ES256", "kid": self._kid}))
        message = f"{head}.{_encode(orjson.dumps(claims))}"
        r, s = utils.decode_dss_signature(self._key.sign(message.encode(), _ES256))
        return f"{message}.{_encode(r.to_bytes(_HALF, 'big') + s.to_bytes(_HALF, 'big'))}"

    def claims(self, token: str, now: float, audience: str = AUDIENCE) -> Claims:
        """The claims of a token that is ours, in time and meant for `audience`. Raises `Unauthorized`."""
        claims = self._verified(token)
        in_time = claims.get("nbf", 0) <= now < claims.get("exp", 0)
        if not in_time or claims.get("iss") != ISSUER or audience not in claims.get("aud", ()):
            raise Unauthorized("Unauthorized")
        return claims

    def audiences(self, token: str) -> list[str]:
        """Whom a token of ours is meant for; nobody if it is none."""
        try:
            return list(self._verified(token).get("aud", ()))
        except Unauthorized:
            return []

    def _verified(self, token: str) -> Claims:
        if token in self._checked:
            self._checked.move_to_end(token)
            return self._checked[token]
        try:
            claims = self._verify(token)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise Unauthorized("Unauthorized") from error
        self._checked[token] = claims
        if len(self._checked) > _REMEMBERED:
            self._checked.popitem(last=False)
        return claims

    def _verify(self, token: str) -> Claims:
        message, _, signature = token.rpartition(".")
        head, _, body = message.partition(".")
        header, raw = orjson.loads(_decode(head)), _decode(signature)
        if not isinstance(header, dict) or header.get("alg") != "ES256" or len(raw) != 2 * _HALF:
            raise ValueError("not signed by ES256")
        r, s = int.from_bytes(raw[:_HALF], "big"), int.from_bytes(raw[_HALF:], "big")
        self._public.verify(utils.encode_dss_signature(r, s), message.encode(), _ES256)
        claims: Claims = orjson.loads(_decode(body))
        return claims


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _der(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
