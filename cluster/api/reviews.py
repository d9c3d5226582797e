"""Questions posed as objects: may I, may they, what may I, who am I, whose token is this. Nothing is stored."""

from collections.abc import Callable
from dataclasses import dataclass

from cluster.api.auth import AccountGone, Authenticator
from cluster.api.authorize import Authorizer
from cluster.api.context import User
from cluster.api.decode import decode_as
from cluster.api.field_errors import invalid, refuse
from cluster.api.rules import Attributes, Rule
from cluster.api.tokens import AUDIENCE
from cluster.client import BadRequest, Invalid, Obj, Unauthorized

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
    asked, _ = decode_as(f"{key.split('.')[1]}.{kind}", kind, body)
    spec = asked.get("spec") or {}
    status = review(reviewer, user, namespace, spec)
    shown = {"spec": {} if kind == "SelfSubjectRulesReview" else spec} if spec else {}
    return {"kind": kind, "apiVersion": version, "metadata": {}, **shown, "status": status}


def _self_access(reviewer: Reviewer, user: User, _namespace: str, spec: Obj) -> Obj:
    return _access(reviewer, user, spec)


def _access_of(reviewer: Reviewer, _user: User, _namespace: str, spec: Obj) -> Obj:
    if not spec.get("user") and not spec.get("groups"):
        raise _wrong("spec.user", "", "at least one of user or group must be specified")
    extra = {key: tuple(values) for key, values in (spec.get("extra") or {}).items()}
    subject = User(spec.get("user") or "", frozenset(spec.get("groups") or ()), spec.get("uid") or "", extra)
    return _access(reviewer, subject, spec)


def _wrong(field: str, value: object, why: str) -> Invalid:
    """Reviews are refused without a kind, as real servers do it."""
    return refuse([invalid(field, value, why)], group=_AUTHORIZATION, kind="", name="")


def _local_access_of(reviewer: Reviewer, user: User, namespace: str, spec: Obj) -> Obj:
    if (spec.get("resourceAttributes") or {}).get("namespace") != namespace:
        asked = (spec.get("resourceAttributes") or {}).get("namespace", "")
        raise _wrong("spec.resourceAttributes.namespace", asked, "must match metadata.namespace")
    return _access_of(reviewer, user, namespace, spec)


def _access(reviewer: Reviewer, subject: User, spec: Obj) -> Obj:
    decision = reviewer.authorizer.decide(subject, _asked(spec))
    return {"allowed": decision.allowed, **({"reason": decision.reason} if decision.reason else {})}


def _asked(spec: Obj) -> Attributes:
    resource, other = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and other is not None:
        raise _wrong("spec.nonResourceAttributes", other, "cannot be specified in combination with resourceAttributes")
    if resource is None and other is None:
        why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        raise _wrong("spec.resourceAttributes", None, why)
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
    return {"user": {}, "error": "[invalid bearer token]"}


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
