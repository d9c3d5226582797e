"""Questions posed as objects: may I, may they, what may I, who am I, whose token is this. Nothing is stored."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cluster.api.auth import AccountGone, Authenticator
from cluster.api.authorize import Authorizer
from cluster.api.context import User
from cluster.api.decode import decode_as
from cluster.api.field_errors import FieldError, in_go, invalid, refuse
from cluster.api.rules import Attributes, Rule
from cluster.api.tokens import AUDIENCE
from cluster.client import BadRequest, Obj, Unauthorized

Review = Callable[["Reviewer", User, str, Obj], Obj]
"""(reviewer, who asks, namespace of the URL, spec) -> status."""


@dataclass(frozen=True, slots=True)
class Reviewer:
    authorizer: Authorizer
    authenticator: Authenticator
    clock: Callable[[], float]


def answer(reviewer: Reviewer, key: str, user: User, namespace: str, body: Obj) -> Obj:
    """The review with its status, for a key of `REVIEWS`. Raises `BadRequest` if the question is none."""
    kind, version, review = REVIEWS[key]
    asked = _decoded(key.split(".")[1], kind, body)
    spec = asked.get("spec") or {}
    status = review(reviewer, user, namespace, spec)
    shown = {"spec": {} if kind == "SelfSubjectRulesReview" else spec} if spec else {}
    return {"kind": kind, "apiVersion": version, "metadata": {}, **shown, "status": status}


def _decoded(package: str, kind: str, body: Obj) -> Obj:
    sent, short = body.get("kind") or kind, (body.get("apiVersion") or "v1").rpartition("/")[2]
    why = f"converting ({short}.{sent}) to ({package}.{kind}): unknown conversion"
    if sent == kind:
        try:
            return decode_as(f"{package}.{kind}", kind, body)[0]
        except BadRequest as error:
            why = error.message
    raise BadRequest(f'{sent} in version "{short}" cannot be handled as a {kind}: {why}')


def _self_access(reviewer: Reviewer, user: User, _namespace: str, spec: Obj) -> Obj:
    _check(spec)
    return _access(reviewer, user, spec)


def _access_of(reviewer: Reviewer, _user: User, _namespace: str, spec: Obj) -> Obj:
    _check(spec, nobody=not spec.get("user") and not spec.get("groups"))
    extra = {key: tuple(values) for key, values in (spec.get("extra") or {}).items()}
    subject = User(spec.get("user") or "", frozenset(spec.get("groups") or ()), spec.get("uid") or "", extra)
    return _access(reviewer, subject, spec)


def _check(spec: Obj, *, nobody: bool = False, local: bool = False, namespace: str = "") -> None:
    """Raise all that is wrong with a question at once. Reviews are refused without a kind, as real servers do it."""
    if errors := [*_check_attributes(spec), *_check_user(nobody=nobody), *_check_local(spec, namespace, local=local)]:
        raise refuse(errors, group=_AUTHORIZATION, kind="", name="")


def _check_attributes(spec: Obj) -> Iterator[FieldError]:
    resource, other = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and other is not None:
        why = "cannot be specified in combination with resourceAttributes"
        yield invalid("spec.nonResourceAttributes", in_go(other, "Path Verb"), why)
    if resource is None and other is None:
        why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        yield invalid("spec.resourceAttributes", None, why)
    for name in ("fieldSelector", "labelSelector"):
        selector = (resource or {}).get(name) or {}
        if selector.get("rawSelector") and selector.get("requirements"):
            at, why = (
                f"spec.resourceAttributes.{name}.rawSelector",
                "may not specified at the same time as requirements",
            )
            yield invalid(at, selector["rawSelector"], why)


def _check_user(*, nobody: bool) -> Iterator[FieldError]:
    if nobody:
        yield invalid("spec.user", "", "at least one of user or group must be specified")


def _check_local(spec: Obj, namespace: str, *, local: bool) -> Iterator[FieldError]:
    resource, other = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if local and resource is not None and resource.get("namespace", "") != namespace:
        yield invalid(
            "spec.resourceAttributes.namespace", resource.get("namespace", ""), "must match metadata.namespace"
        )
    if local and other is not None:
        why = "disallowed on this kind of request"
        yield invalid("spec.nonResourceAttributes", in_go(other, "Path Verb"), why)


def _local_access_of(reviewer: Reviewer, user: User, namespace: str, spec: Obj) -> Obj:
    nobody = not spec.get("user") and not spec.get("groups")
    _check(spec, nobody=nobody, local=True, namespace=namespace)
    return _access_of(reviewer, user, namespace, spec)


def _access(reviewer: Reviewer, subject: User, spec: Obj) -> Obj:
    decision = reviewer.authorizer.decide(subject, _asked(spec))
    return {"allowed": decision.allowed, **({"reason": decision.reason} if decision.reason else {})}


def _asked(spec: Obj) -> Attributes:
    resource, other = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if other is not None:
        return Attributes(verb=other.get("verb", ""), path=other.get("path", ""))
    fields = ("verb", "group", "resource", "subresource", "namespace", "name")
    return Attributes(**{field: (resource or {}).get(field) or "" for field in fields})


def _self_rules(reviewer: Reviewer, user: User, _namespace: str, spec: Obj) -> Obj:
    if not spec.get("namespace"):
        raise BadRequest("no namespace on request")
    rules = reviewer.authorizer.rules(user, spec["namespace"])
    return {
        "resourceRules": [_resource_rule(rule) for rule in rules if rule.get("resources")],
        "nonResourceRules": [_path_rule(rule) for rule in rules if rule.get("nonResourceURLs")],
        "incomplete": False,
    }


def _resource_rule(rule: Rule) -> Rule:
    return {field: rule[field] for field in ("verbs", "apiGroups", "resources", "resourceNames") if rule.get(field)}


def _path_rule(rule: Rule) -> Rule:
    return {field: rule[field] for field in ("verbs", "nonResourceURLs")}


def _self(_reviewer: Reviewer, user: User, _namespace: str, _spec: Obj) -> Obj:
    return {"userInfo": _user_info(user)}


def _token(reviewer: Reviewer, _user: User, _namespace: str, spec: Obj) -> Obj:
    if not spec.get("token"):
        raise BadRequest("token is required for TokenReview in authentication")
    audiences = list(spec.get("audiences") or [AUDIENCE])
    for audience in audiences:
        try:
            user = reviewer.authenticator.of_token(spec.get("token") or "", reviewer.clock(), audience)
        except AccountGone as gone:
            return {"user": {}, "error": f"[invalid bearer token, {gone.what}]"}
        except Unauthorized:
            continue
        return {"authenticated": True, "user": _user_info(user), "audiences": [audience]}
    return {"user": {}, "error": _unknown_token(reviewer, spec, audiences)}


def _unknown_token(reviewer: Reviewer, spec: Obj, audiences: list[str]) -> str:
    meant = reviewer.authenticator.tokens.audiences(spec["token"])
    if not meant:
        return "invalid bearer token"
    shown, wanted = (" ".join(json.dumps(name) for name in names) for names in (meant, audiences))
    return f"[invalid bearer token, token audiences [{shown}] is invalid for the target audiences [{wanted}]]"


def _user_info(user: User) -> Obj:
    known = {
        "username": user.name,
        "uid": user.uid,
        "groups": user.groups_in_order,
        "extra": {key: list(values) for key, values in user.extra.items()},
    }
    return {field: value for field, value in known.items() if value}


_AUTHORIZATION, _AUTHENTICATION = "authorization.k8s.io", "authentication.k8s.io"
REVIEWS: dict[str, tuple[str, str, Review]] = {
    f"{kind.lower()}s.{group}": (kind, f"{group}/v1", review)
    for kind, group, review in (
        ("SelfSubjectAccessReview", _AUTHORIZATION, _self_access),
        ("SubjectAccessReview", _AUTHORIZATION, _access_of),
        ("LocalSubjectAccessReview", _AUTHORIZATION, _local_access_of),
        ("SelfSubjectRulesReview", _AUTHORIZATION, _self_rules),
        ("SelfSubjectReview", _AUTHENTICATION, _self),
        ("TokenReview", _AUTHENTICATION, _token),
    )
}
