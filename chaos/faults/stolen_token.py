"""stolen-token: somebody holds the token of the workload's account and tries how far it reaches.

Nothing is changed: what would change something is asked as a server-side dry run. So there is nothing to undo.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from chaos.faults.identity import Action, account_of, attempt, deny_matrix, steal, user_name, who_am_i
from chaos.faults.kind import Arena, FaultKind, Injury, Params, Sighting, pick_pods, pod_path
from chaos.kube import Obj
from chaos.needs import TOKENS, Needs

_NEED = re.compile(r"(?P<verb>get|list) (?P<resource>[a-z]+)(?:\.(?P<group>[a-z0-9.-]+))?(?:/(?P<name>[a-z0-9.-]+))?")


def _is_need(text: str) -> str:
    found = _NEED.fullmatch(text)
    if found is None or (found["verb"] == "get") != bool(found["name"]):
        raise ValueError(f"{text!r} is no need; write `get configmaps/flags` or `list deployments.apps`")
    return text


class StolenToken(Params):
    """`needs`: what the workload itself asks of the API server, `get configmaps/flags` or `list deployments.apps`."""

    needs: tuple[Annotated[str, AfterValidator(_is_need)], ...] = Field(default=())


def inject(arena: Arena, params: StolenToken) -> list[Injury]:  # noqa: ARG001  # every fault is called alike
    pod = pick_pods(arena, 1)[0]
    account = account_of(arena, pod)
    steal(arena, pod, account)
    data = {"pod": pod, "account": account, "user": user_name(arena, account), "mounted": _mounts_token(arena, pod)}
    return [Injury(target=pod, detail=f"the token of account {account} is in strange hands", undo=None, data=data)]


def _mounts_token(arena: Arena, pod: str) -> bool:
    """Whether the running pod holds a token for the API server, as admission left it."""
    volumes = arena.kube.get(pod_path(arena, pod))["spec"].get("volumes") or ()
    return any("serviceAccountToken" in s for v in volumes for s in (v.get("projected") or {}).get("sources") or ())


def witness(arena: Arena, params: StolenToken, injury: Injury) -> Sighting:
    """Is the thief taken for the account, and what does each request get? A refusal counts only for who is known."""
    thief = arena.kube.as_bearer(steal(arena, injury.target, injury.data["account"]))
    known = who_am_i(thief)
    if known.get("user") != injury.data["user"]:
        taken = f"takes the token for {known['user']}" if "user" in known else f"does not tell: {known['problem']}"
        return Sighting(ok=False, detail=f"the API server {taken}", data=known)
    tried = [attempt(thief, action) for action in deny_matrix(arena, injury.target)]
    needed = [attempt(thief, _need(arena, text)) for text in params.needs]
    refused = sum(a["code"] == 403 for a in tried)
    detail = f"as {known['user']}: {refused} of {len(tried)} forbidden things refused with 403"
    return Sighting(ok=True, detail=detail, data={**known, "tried": tried, "needed": needed})


def _need(arena: Arena, text: str) -> Action:
    found = _NEED.fullmatch(text)
    parts: Obj = found.groupdict() if found else {}
    root = f"/apis/{parts['group']}/v1" if parts["group"] else "/api/v1"
    path = f"{root}/namespaces/{arena.namespace}/{parts['resource']}"
    return Action(text, "GET", path + (f"/{parts['name']}" if parts["name"] else ""))


STOLEN_TOKEN = FaultKind(
    name="stolen-token",
    summary="somebody with the token of the workload's account tries how far it reaches",
    params=StolenToken,
    exercises=("rbac",),
    inject=inject,
    witness=witness,
    asks=Needs(permissions=TOKENS),
)
