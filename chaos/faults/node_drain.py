"""node-drain: a node is cordoned and its pods are asked to leave through the eviction API, as `kubectl drain` does.

A 429 is an answer, not a failure: a disruption budget says "not yet", and the eviction is asked for again.
"""

from collections.abc import Iterator

from chaos.faults.kind import Arena, Deed, FaultKind, Injury, Params, Sighting, pod_path
from chaos.faults.nodes import busiest, check_room, cordon, is_cordoned, still_there
from chaos.kube import KubeError, Obj, Refused, Unreachable
from chaos.needs import CORDON, Needs


class NodeDrain(Params):
    """The node with the most pods of the target is drained."""


def inject(arena: Arena, params: NodeDrain) -> list[Injury]:  # noqa: ARG001  # every fault is called alike
    node = busiest(arena, str)
    check_room(arena, {node})
    return [cordon(arena, node)]


def go_on(arena: Arena, params: NodeDrain, injury: Injury) -> Iterator[Deed]:  # noqa: ARG001  # every fault is called alike
    """Ask every pod that is still there to leave, once."""
    for pod in still_there(arena, injury):
        yield _evict(arena, pod, str(injury.data["pods"][pod]))


def _evict(arena: Arena, pod: str, uid: str) -> Deed:
    code, said, causes = ask_to_leave(arena, pod, uid)
    word = "eviction granted" if code == 201 else "eviction refused" if code == 429 else "eviction failed"
    detail = f"{word}: {said} (HTTP {code})" if said else f"{word} (HTTP {code})"
    return Deed(target=pod, ok=code == 201, detail=detail, data={"code": code, "causes": list(causes), "uid": uid})


def ask_to_leave(arena: Arena, pod: str, uid: str, *, dry_run: bool = False) -> tuple[int, str, tuple[str, ...]]:
    """The eviction API's answer: status code, message, causes. Raises KubeError when it gave none."""
    query = {"dryRun": "All"} if dry_run else None
    try:
        arena.kube.json("POST", f"{pod_path(arena, pod)}/eviction", query=query, body=_eviction(arena, pod, uid))
    except Refused as refusal:
        return refusal.code, refusal.message, refusal.causes
    except Unreachable as error:
        if isinstance(error.__cause__, Refused):
            return error.__cause__.code, error.__cause__.message, error.__cause__.causes
        raise
    return 201, "", ()


def _eviction(arena: Arena, pod: str, uid: str) -> Obj:
    return {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": arena.namespace},
        "deleteOptions": {"preconditions": {"uid": uid}},
    }


def witness(arena: Arena, params: NodeDrain, injury: Injury) -> Sighting:  # noqa: ARG001  # every witness is called alike
    """Is the node shut, and has a pod left it, or does a budget refuse that one leaves? Asked in a dry run."""
    node, pods = injury.target, injury.data["pods"]
    if not is_cordoned(arena, node):
        return Sighting(ok=False, detail=f"node {node} is open to pods")
    left = still_there(arena, injury)
    if len(left) < len(pods):
        return Sighting(
            ok=True, detail=f"node {node} is cordoned and {len(pods) - len(left)} of {len(pods)} pods left it"
        )
    return _refused(arena, node, left, pods)


def _refused(arena: Arena, node: str, left: list[str], pods: dict[str, str]) -> Sighting:
    for pod in left:
        try:
            code, said, causes = ask_to_leave(arena, pod, pods[pod], dry_run=True)
        except KubeError as error:
            return Sighting(ok=False, detail=f"the eviction API gave no answer: {error}")
        if (code == 429 and "DisruptionBudget" in causes) or code == 500:
            return Sighting(
                ok=True, detail=f"node {node} is cordoned and pod {pod} may not leave: {said} (HTTP {code})"
            )
    return Sighting(ok=False, detail=f"node {node} is cordoned, and nobody has left it yet")


NODE_DRAIN = FaultKind(
    name="node-drain",
    summary="a node is cordoned and its pods are evicted, as kubectl drain does",
    params=NodeDrain,
    exercises=("replicas",),
    inject=inject,
    go_on=go_on,
    witness=witness,
    node_wide=True,
    asks=Needs(nodes=2, permissions=CORDON | {"create pods/eviction"}),
)
