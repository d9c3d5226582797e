"""What a pod's claims mean for its place: where their volumes are, and which still wait for a node to be chosen.

Messages as recorded in `storage-pvc-pending`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cluster.client import Client, NotFound, Obj
from cluster.objects import annotations_of, is_going
from cluster.scheduler.facts import NodeFacts, PodFacts
from cluster.scheduler.filters import Filter, Refusal, matches_node_selector

SELECTED_NODE = "volume.kubernetes.io/selected-node"
ELSEWHERE = Refusal(("node(s) didn't match PersistentVolume's node affinity",), final=True)


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of one pod: volumes that are bound, and claims that wait for their first consumer."""

    volumes: Sequence[Obj] = ()
    delayed: Sequence[Obj] = ()
    problem: str = ""
    """Why the pod cannot be scheduled at all."""


def claims_of(client: Client, pod: PodFacts) -> Claims:
    """Look the pod's claims up."""
    volumes, delayed = [], []
    for name in _claim_names(pod):
        try:
            claim = client.get("persistentvolumeclaims", name, pod.namespace)
        except NotFound:
            return Claims(problem=f'persistentvolumeclaim "{name}" not found')
        if is_going(claim):
            return Claims(problem=f'persistentvolumeclaim "{name}" is being deleted')
        if volume := _bound_volume(client, claim):
            volumes.append(volume)
        elif _waits_for_consumer(client, claim):
            delayed.append(claim)
        else:
            return Claims(problem="pod has unbound immediate PersistentVolumeClaims")
    return Claims(volumes, delayed)


def volume_filter(volumes: Sequence[Obj]) -> Filter:
    """A node must be one that every bound volume can be used from."""
    required = [a["required"] for v in volumes if (a := v["spec"].get("nodeAffinity")) and a.get("required")]

    def reachable(_: PodFacts, node: NodeFacts) -> Refusal | None:
        return None if all(matches_node_selector(r, node) for r in required) else ELSEWHERE

    return reachable


def choose_node(client: Client, claims: Sequence[Obj], node: str) -> None:
    """Tell whoever provisions volumes where the pod wants to be."""
    for claim in claims:
        if annotations_of(claim).get(SELECTED_NODE) != node:
            metadata = claim["metadata"]
            chosen = {"metadata": {"annotations": {SELECTED_NODE: node}}}
            client.patch("persistentvolumeclaims", metadata["name"], metadata["namespace"], chosen)


def _claim_names(pod: PodFacts) -> Iterator[str]:
    for volume in pod.spec.get("volumes") or ():
        if "persistentVolumeClaim" in volume:
            yield volume["persistentVolumeClaim"]["claimName"]
        elif "ephemeral" in volume:
            yield f"{pod.obj['metadata']['name']}-{volume['name']}"


def _bound_volume(client: Client, claim: Obj) -> Obj | None:
    if (claim.get("status") or {}).get("phase") != "Bound":
        return None
    try:
        return client.get("persistentvolumes", claim["spec"]["volumeName"])
    except NotFound:
        return None


def _waits_for_consumer(client: Client, claim: Obj) -> bool:
    name = claim["spec"].get("storageClassName")
    if not name or claim["spec"].get("volumeName"):
        return False
    try:
        found = client.get("storageclasses.storage.k8s.io", name)
    except NotFound:
        return False
    return bool(found.get("volumeBindingMode") == "WaitForFirstConsumer")
