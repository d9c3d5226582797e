"""What a pod's claims mean for its place: where their volumes are, and which still wait for a node to be chosen.

Messages as recorded in `storage-pvc-pending`; those of filters as kube-scheduler's volume plugins have them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cluster.client import Client, NotFound, Obj
from cluster.objects import annotations_of, is_going, is_pod_finished, uid_of
from cluster.scheduler.facts import NodeFacts, PodFacts
from cluster.scheduler.filters import Filter, Refusal, matches_node_selector
from cluster.volumes import (
    BOUND_BY_CONTROLLER,
    CLAIMS,
    CLASSES,
    NO_PROVISIONER,
    SELECTED_NODE,
    VOLUMES,
    claim_names,
    class_of,
    is_promised,
    reference_to,
    set_aside,
    smallest_fit,
)

ELSEWHERE = Refusal(("node(s) didn't match PersistentVolume's node affinity",), final=True)
NOTHING_TO_BIND = Refusal(("node(s) didn't find available persistent volumes to bind",), final=True)
IN_USE = Refusal(
    (
        "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another "
        "pod",
    ),
    final=False,
)


@dataclass(frozen=True, slots=True)
class Delayed:
    """A claim that waits for its first consumer. `is_provided`: its class makes volumes when none is there."""

    claim: Obj
    is_provided: bool


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of one pod: volumes that are bound, and claims that wait; `free` are volumes to be had for those."""

    volumes: Sequence[Obj] = ()
    delayed: Sequence[Delayed] = ()
    free: Sequence[Obj] = ()
    taken: bool = False
    """Whether another pod has a claim that only one pod may use."""
    problem: str = ""
    """Why the pod cannot be scheduled at all."""


def claims_of(client: Client, pod: PodFacts) -> Claims:
    """Look the pod's claims up."""
    volumes, delayed, taken = [], [], False
    for name in claim_names(pod.obj):
        try:
            claim = client.get(CLAIMS, name, pod.namespace)
        except NotFound:
            return Claims(problem=f'persistentvolumeclaim "{name}" not found')
        if is_going(claim):
            return Claims(problem=f'persistentvolumeclaim "{name}" is being deleted')
        taken = taken or _is_taken(client, claim, pod)
        if volume := _bound_volume(client, claim):
            volumes.append(volume)
        elif waiting := _waits_for_consumer(client, claim):
            delayed.append(waiting)
        else:
            return Claims(problem="pod has unbound immediate PersistentVolumeClaims")
    return Claims(volumes, delayed, client.list(VOLUMES) if delayed else (), taken)


def volume_filters(claims: Claims) -> list[Filter]:
    """A node must reach every bound volume, and have or be given one for every claim that waits."""
    required = [a["required"] for v in claims.volumes if (a := v["spec"].get("nodeAffinity")) and a.get("required")]

    def usable(_: PodFacts, node: NodeFacts) -> Refusal | None:
        if claims.taken:
            return IN_USE
        if not all(matches_node_selector(r, node) for r in required):
            return ELSEWHERE
        return None if all(v or d.is_provided for d, v in volumes_on(claims, node)) else NOTHING_TO_BIND

    return [usable] if claims.taken or required or claims.delayed else []


def volumes_on(claims: Claims, node: NodeFacts) -> Iterator[tuple[Delayed, Obj | None]]:
    """For each claim that waits the volume that it would get on that node; None where one has to be made."""
    free = [v for v in claims.free if _is_reachable(v, node)]
    for delayed in claims.delayed:
        found = set_aside(delayed.claim, free) or smallest_fit(delayed.claim, free)
        free = [v for v in free if v is not found]
        yield delayed, found


def choose_node(client: Client, claims: Claims, node: NodeFacts) -> None:
    """Set the node's own volumes aside, and tell whoever provisions others where the pod wants to be."""
    for delayed, volume in volumes_on(claims, node):
        if volume is not None and not is_promised(volume, delayed.claim):
            _promise(client, volume, delayed.claim)
        elif volume is None and annotations_of(delayed.claim).get(SELECTED_NODE) != node.name:
            metadata = delayed.claim["metadata"]
            chosen = {"metadata": {"annotations": {SELECTED_NODE: node.name}}}
            client.patch(CLAIMS, metadata["name"], metadata["namespace"], chosen)


def _promise(client: Client, volume: Obj, claim: Obj) -> None:
    note = {"annotations": {BOUND_BY_CONTROLLER: "yes"}}
    client.patch(VOLUMES, volume["metadata"]["name"], "", {"metadata": note, "spec": {"claimRef": reference_to(claim)}})


def _is_reachable(volume: Obj, node: NodeFacts) -> bool:
    required = (volume["spec"].get("nodeAffinity") or {}).get("required")
    return required is None or matches_node_selector(required, node)


def _is_taken(client: Client, claim: Obj, pod: PodFacts) -> bool:
    if "ReadWriteOncePod" not in claim["spec"]["accessModes"]:
        return False
    others = (p for p in client.list("pods", pod.namespace) if uid_of(p) != pod.uid and not is_pod_finished(p))
    return any(p["spec"].get("nodeName") and claim["metadata"]["name"] in claim_names(p) for p in others)


def _bound_volume(client: Client, claim: Obj) -> Obj | None:
    if (claim.get("status") or {}).get("phase") != "Bound":
        return None
    try:
        return client.get(VOLUMES, claim["spec"]["volumeName"])
    except NotFound:
        return None


def _waits_for_consumer(client: Client, claim: Obj) -> Delayed | None:
    if not class_of(claim) or claim["spec"].get("volumeName"):
        return None
    try:
        found = client.get(CLASSES, class_of(claim))
    except NotFound:
        return None
    if found.get("volumeBindingMode") != "WaitForFirstConsumer":
        return None
    return Delayed(claim, is_provided=found["provisioner"] != NO_PROVISIONER)
