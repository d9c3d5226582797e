"""serviceaccounts/token: a TokenRequest answered with a token bound to its service account and, if asked, to a pod."""

from collections.abc import Callable

from cluster.api.errors import conflict, not_found
from cluster.api.identity import new_uid
from cluster.api.resource import Resource
from cluster.api.tokens import AUDIENCE, ISSUER, Claims, Tokens
from cluster.api.verbs import Verbs, WriteOptions
from cluster.client import BadRequest, Invalid, NotImplementedHere, Obj, StatusCause
from cluster.timestamps import format_time

_DEFAULT_SECONDS = 3600
_LEAST_SECONDS = 600
_MOST_SECONDS = 1 << 32
# What admission asks for pods that only name the default volume; such tokens really live a year, so that
# programs that never reread the file keep working (KEP-1205, extended validity).
_POD_DEFAULT_SECONDS = 3607
_YEAR_SECONDS = 365 * 24 * 3600


def request_token(tokens: Tokens) -> Callable[[Verbs, Resource, str, str, Obj, WriteOptions], Obj]:
    """The POST handler, with the key it signs by."""

    def post(verbs: Verbs, resource: Resource, namespace: str, name: str, body: Obj, _options: WriteOptions) -> Obj:
        account = verbs.get(resource, namespace, name).object["metadata"]
        spec = body.get("spec") or {}
        seconds, now = _seconds(spec.get("expirationSeconds")), int(verbs.cluster.clock())
        bound = _bound_pod(verbs, account, spec.get("boundObjectRef"))
        audiences = list(spec.get("audiences") or [AUDIENCE])
        claims = _claims(account, bound, audiences, seconds, now) | {"jti": new_uid(verbs.cluster.random)}
        ref = spec.get("boundObjectRef")
        return {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {k: account[k] for k in ("name", "namespace", "uid", "creationTimestamp")},
            "spec": {"audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": ref},
            "status": {"token": tokens.sign(claims), "expirationTimestamp": format_time(now + seconds)},
        }

    return post


def _claims(account: Obj, pod: Obj | None, audiences: list[str], seconds: int, now: int) -> Claims:
    namespace, name = account["namespace"], account["name"]
    about: Obj = {"namespace": namespace, "serviceaccount": {"name": name, "uid": account["uid"]}}
    lives = seconds
    if pod is not None:
        about["pod"] = {"name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
        if seconds == _POD_DEFAULT_SECONDS:
            about["warnafter"], lives = now + seconds, _YEAR_SECONDS
        if node := pod["spec"].get("nodeName"):
            about["node"] = {"name": node}
    return {
        "aud": audiences,
        "exp": now + lives,
        "iat": now,
        "iss": ISSUER,
        "kubernetes.io": about,
        "nbf": now,
        "sub": f"system:serviceaccount:{namespace}:{name}",
    }


def _bound_pod(verbs: Verbs, account: Obj, ref: Obj | None) -> Obj | None:
    if not ref:
        return None
    if ref.get("kind") != "Pod":
        if ref.get("kind") in ("Secret", "Node"):
            why = f"tokens are bound to a Pod here, not to a {ref['kind']}"
            raise NotImplementedHere(f"spec.boundObjectRef.kind: {why}")
        group, _, version = (ref.get("apiVersion") or "").rpartition("/")
        raise BadRequest(f"cannot bind token to object of type {group}/{version}, Kind={ref.get('kind', '')}")
    pods = verbs.resource("pods")
    entry = verbs.cluster.store.get("pods", account["namespace"], ref.get("name", ""))
    if entry is None:
        raise not_found(pods, ref.get("name", ""))
    metadata = entry.object["metadata"]
    if ref.get("uid") and ref["uid"] != metadata["uid"]:
        found = f"the UID in the bound object reference ({ref['uid']}) does not match the UID in record"
        why = f"{found}. The object might have been deleted and then recreated"
        raise conflict(pods, metadata["name"], why)
    if entry.object["spec"].get("serviceAccountName") != account["name"]:
        who = f'cannot bind token for serviceaccount "{account["name"]}"'
        raise BadRequest(f"{who} to pod running with different serviceaccount name.")
    return entry.object


def _seconds(asked: object) -> int:
    if asked is None:
        return _DEFAULT_SECONDS
    if not isinstance(asked, int) or isinstance(asked, bool):
        raise BadRequest(f"spec.expirationSeconds: {asked!r} is no whole number of seconds")
    if asked < _LEAST_SECONDS:
        raise _bad_seconds(asked, "may not specify a duration less than 10 minutes")
    if asked > _MOST_SECONDS:
        raise _bad_seconds(asked, "may not specify a duration larger than 2^32 seconds")
    return asked


def _bad_seconds(asked: int, why: str) -> Invalid:
    field, message = "spec.expirationSeconds", f"Invalid value: {asked}: {why}"
    group, kind = "authentication.k8s.io", "TokenRequest"
    text = f'{kind}.{group} "" is invalid: {field}: {message}'
    return Invalid(text, group=group, kind=kind, causes=(StatusCause("FieldValueInvalid", message, field),))
