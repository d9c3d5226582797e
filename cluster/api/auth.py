"""Who is asking: client certificates, bearer tokens, nobody; and who they say they are instead (impersonation).

Sources: the authentication page of the Kubernetes reference; names and groups as recorded on a real cluster.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Protocol

from cluster.api.authorize import Authorizer
from cluster.api.context import User
from cluster.api.rules import Attributes
from cluster.api.tokens import AUDIENCE, Claims, Tokens
from cluster.client import BadRequest, Obj, Unauthorized
from cluster.store import Store

AUTHENTICATED = "system:authenticated"
ANONYMOUS = User("system:anonymous", frozenset({"system:unauthenticated"}))
_ACCOUNT = "system:serviceaccount:"
_KEY = "authentication.kubernetes.io"
_EXTRA = "impersonate-extra-"


class Headers(Protocol):
    """Request headers: names in any case, some more than once."""

    def get(self, name: str, /) -> str | None: ...
    def getall(self, name: str, default: list[str], /) -> list[str]: ...
    def __iter__(self) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticator:
    store: Store
    tokens: Tokens

    def user(self, headers: Headers, certificate: Mapping[str, Any] | None, now: float, raw: bytes = b"") -> User:
        """`raw` is the certificate as it came. No credentials at all is somebody anonymous.

        Raises `Unauthorized` for a token that is no good.
        """
        scheme, _, token = (headers.get("Authorization") or "").partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            return self.of_token(token.strip(), now)
        return user_of_certificate(certificate, raw) if certificate else ANONYMOUS

    def of_token(self, token: str, now: float, audience: str = AUDIENCE) -> User:
        claims = self.tokens.claims(token, now, audience)
        about = claims["kubernetes.io"]
        self._check_alive("serviceaccounts", about["namespace"], about["serviceaccount"])
        if "pod" in about:
            self._check_alive("pods", about["namespace"], about["pod"])
        return user_of_claims(claims)

    def _check_alive(self, resource: str, namespace: str, reference: Obj) -> None:
        """A token dies with what it is bound to, even when that comes again under the same name."""
        entry = self.store.get(resource, namespace, reference["name"])
        if entry is None:
            raise AccountGone("Unauthorized", what=f'{resource} "{reference["name"]}" not found')
        if entry.object["metadata"]["uid"] != reference["uid"]:
            raise Unauthorized("Unauthorized")


@dataclass(eq=False)
class AccountGone(Unauthorized):
    """`what` a token is bound to is no more. A review tells so; who shows the token is told nothing."""

    what: str = ""


def user_of_certificate(certificate: Mapping[str, Any], raw: bytes) -> User:
    """From a verified certificate as `ssl.getpeercert()` gives it, and its bytes, by which it is told from others."""
    pairs = [pair for rdn in certificate.get("subject", ()) for pair in rdn]
    names = [value for kind, value in pairs if kind == "commonName"]
    groups = {value for kind, value in pairs if kind == "organizationName"}
    extra = {f"{_KEY}/credential-id": (f"X509SHA256={sha256(raw).hexdigest()}",)}
    return User(names[-1] if names else "", frozenset(groups | {AUTHENTICATED}), extra=extra)


def user_of_claims(claims: Claims) -> User:
    about = claims["kubernetes.io"]
    namespace, account = about["namespace"], about["serviceaccount"]
    extra = {f"{_KEY}/credential-id": (f"JTI={claims['jti']}",)}
    for what in ("node", "pod"):
        if what in about:
            extra |= {f"{_KEY}/{what}-{field}": (value,) for field, value in about[what].items()}
    return User(f"{_ACCOUNT}{namespace}:{account['name']}", account_groups(namespace), account["uid"], extra)


def account_groups(namespace: str) -> frozenset[str]:
    return frozenset({"system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED})


def impersonate(user: User, headers: Headers, authorizer: Authorizer) -> User:
    """The user to act as. Raises `Forbidden` unless `user` may impersonate each name, group, uid and extra given."""
    name, uid = headers.get("Impersonate-User"), headers.get("Impersonate-Uid") or ""
    groups = headers.getall("Impersonate-Group", [])
    extra = _extra(headers)
    if not name:
        if groups or uid or extra:
            who = _in_go(groups, uid, extra)
            raise BadRequest(f"requested {who} without impersonating a user name")
        return user
    for asked in _impersonations(name, groups, uid, extra):
        authorizer.check(user, asked)
    return _impersonated(User(name, frozenset(groups), uid, extra))


def _in_go(groups: list[str], uid: str, extra: Mapping[str, tuple[str, ...]]) -> str:
    """Who is asked for, as Kubernetes' program prints it."""
    shown = f"[]string{{{', '.join(map(_quoted, groups))}}}" if groups else "[]string(nil)"
    more = ", ".join(f"{_quoted(k)}:[]string{{{', '.join(map(_quoted, v))}}}" for k, v in sorted(extra.items()))
    rest = f"map[string][]string{{{more}}}" if extra else "map[string][]string(nil)"
    return f'&user.DefaultInfo{{Name:"", UID:{_quoted(uid)}, Groups:{shown}, Extra:{rest}}}'


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _impersonated(user: User) -> User:
    groups = user.groups
    if "namespace" in _subject(user.name) and not groups:
        groups = account_groups(user.name.removeprefix(_ACCOUNT).partition(":")[0])
    if user.name == ANONYMOUS.name:
        return replace(user, groups=groups | ANONYMOUS.groups)
    return replace(user, groups=groups | {AUTHENTICATED})


def _impersonations(name: str, groups: list[str], uid: str, extra: Mapping[str, tuple[str, ...]]) -> list[Attributes]:
    asked = [_impersonation(_subject(name))]
    asked += [_impersonation({"resource": "groups", "name": group}) for group in groups]
    of_key = {"group": "authentication.k8s.io"}
    if uid:
        asked.append(_impersonation({**of_key, "resource": "uids", "name": uid}))
    for key, values in extra.items():
        about = {**of_key, "resource": "userextras", "subresource": key}
        asked += [_impersonation({**about, "name": value}) for value in values]
    return asked


def _subject(name: str) -> dict[str, str]:
    if name.startswith(_ACCOUNT) and name.count(":") == 3:
        namespace, account = name.removeprefix(_ACCOUNT).split(":")
        return {"resource": "serviceaccounts", "namespace": namespace, "name": account}
    return {"resource": "users", "name": name}


def _impersonation(about: dict[str, str]) -> Attributes:
    return Attributes(verb="impersonate", **about)


def _extra(headers: Headers) -> dict[str, tuple[str, ...]]:
    names = {name.lower() for name in headers if name.lower().startswith(_EXTRA)}
    return {name.removeprefix(_EXTRA): tuple(headers.getall(name, [])) for name in names}
