"""intern-script: a clean-up script with the workload's account deletes the wrong namespace, which is production.

Production is a namespace that the run makes for it, with something in it to lose; it is deleted for real.
"""

from chaos.faults.beside import beside
from chaos.faults.identity import Action, account_of, attempt, steal, user_name, who_am_i
from chaos.faults.kind import Arena, FaultKind, Injury, Params, Sighting, pick_pods
from chaos.kube import Kube, Obj, Refused
from chaos.needs import TOKENS, Needs


class InternScript(Params):
    """Nothing to choose."""


def inject(arena: Arena, params: InternScript) -> list[Injury]:  # noqa: ARG001  # every fault is called alike
    pod = pick_pods(arena, 1)[0]
    account = account_of(arena, pod)
    script = arena.kube.as_bearer(steal(arena, pod, account))
    production = beside(arena, "production")
    uid = arena.kube.get(production)["metadata"]["uid"]
    arena.kube.create(_ledger(), production.rpartition("/")[2])
    known = who_am_i(script)
    answer = _run(script, production)
    data = {"account": account, "user": user_name(arena, account), "known": known, "namespace": production, "uid": uid}
    detail = f"a script with the account {account} deletes namespace {production.rpartition('/')[2]}"
    return [Injury(target=pod, detail=detail, undo=None, data={**data, "answer": answer})]


def _ledger() -> Obj:
    metadata = {"name": "ledger"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"orders": "17 today, all paid"}}


def _run(script: Kube, namespace: str) -> Obj:
    return attempt(script, Action(f"delete namespace {namespace.rpartition('/')[2]}", "DELETE", namespace))


def witness(arena: Arena, params: InternScript, injury: Injury) -> Sighting:  # noqa: ARG001  # see above
    """Somebody else looks after the namespace. The script bit if it is going, and was tried if it was told 403."""
    standing = _standing(arena, injury)
    answer, known = injury.data["answer"], injury.data["known"].get("user") == injury.data["user"]
    seen = {"standing": standing}
    if not standing:
        return Sighting(ok=True, detail="the namespace is going, with everything in it", data=seen)
    turned_away = known and answer["code"] == 403
    said = answer["message"] or f"HTTP {answer['code']}"
    detail = f"the namespace stands, and the script was told: {said}"
    return Sighting(ok=turned_away, detail=detail, data=seen)


def _standing(arena: Arena, injury: Injury) -> bool:
    try:
        found = arena.kube.get(injury.data["namespace"])
    except Refused as refusal:
        if refusal.code == 404:
            return False
        raise
    return found["metadata"]["uid"] == injury.data["uid"] and "deletionTimestamp" not in found["metadata"]


INTERN_SCRIPT = FaultKind(
    name="intern-script",
    summary="a script with the workload's account deletes a namespace that stands for production",
    params=InternScript,
    exercises=("rbac",),
    inject=inject,
    witness=witness,
    asks=Needs(permissions=TOKENS),
)
