"""Binds claims to volumes, or says why a claim has to wait (the half of the persistentvolume-controller about claims).

Messages and the order of writes as recorded in `storage-pvc-pending` and `storage-statefulset-pv`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cluster.client import Client, NotFound, Obj, WatchEvent
from cluster.controllers.context import Context
from cluster.controllers.loop import Controller, own_key
from cluster.events import EventRecorder
from cluster.objects import Key, annotations_of, is_going, is_pod_finished, key_of, node_of
from cluster.timestamps import format_time
from cluster.volumes import (
    BIND_COMPLETED,
    BOUND_BY_CONTROLLER,
    CLAIMS,
    CLASSES,
    NO_PROVISIONER,
    SELECTED_NODE,
    STORAGE_PROVISIONER,
    STORAGE_PROVISIONER_BETA,
    VOLUMES,
    claim_names,
    class_of,
    default_class,
    is_promised,
    mismatch,
    reference_to,
    set_aside,
    smallest_fit,
)

LOOK_AGAIN_SECONDS = 15.0
"""How often a claim that waits is looked at when nothing happens (pvclaimbinder-sync-period)."""

NOTHING_FITS = "no persistent volumes available for this claim and no storage class is set"
NO_CONSUMER = "waiting for first consumer to be created before binding"


def controller(context: Context) -> Controller:
    reconciler = _Reconciler(context, context.client, context.recorder("persistentvolume-controller"))
    return Controller(
        name="claim-binder",
        watches={
            CLAIMS: own_key,
            VOLUMES: _claims_of_volume(context.client),
            CLASSES: lambda _: _waiting(context.client),
        },
        reconcile=reconciler.reconcile,
    )


@dataclass(frozen=True, slots=True)
class _Reconciler:
    context: Context
    client: Client
    recorder: EventRecorder

    async def reconcile(self, key: Key) -> float | None:
        try:
            claim = self.client.get(CLAIMS, key.name, key.namespace)
        except NotFound:
            return None
        if BIND_COMPLETED in annotations_of(claim):
            self._check_bound(claim)
        elif is_going(claim):
            return None
        elif claim["spec"].get("volumeName"):
            self._bind_to_named(claim)
        elif "storageClassName" not in claim["spec"] and (name := default_class(self.client.list(CLASSES))):
            self._patch(claim, {"spec": {"storageClassName": name}})
        else:
            self._find(claim)
        return LOOK_AGAIN_SECONDS if _is_pending(self.client.get(CLAIMS, key.name, key.namespace)) else None

    # Claims that are not bound yet

    def _find(self, claim: Obj) -> None:
        volumes, storage_class = self.client.list(VOLUMES), self._class(claim)
        delayed = storage_class is not None and storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"
        volume = set_aside(claim, volumes) or (None if delayed else smallest_fit(claim, volumes))
        if volume is not None:
            self._bind(claim, volume)
        elif delayed and SELECTED_NODE not in annotations_of(claim):
            self._say_that_it_waits(claim)
        elif class_of(claim):
            self._ask_for_volume(claim, storage_class)
        else:
            self.recorder.event(claim, "Normal", "FailedBinding", NOTHING_FITS)

    def _class(self, claim: Obj) -> Obj | None:
        try:
            return self.client.get(CLASSES, class_of(claim)) if class_of(claim) else None
        except NotFound:
            return None

    def _say_that_it_waits(self, claim: Obj) -> None:
        pod = next((p for p in self._unscheduled(claim)), None)
        if pod is None:
            self.recorder.event(claim, "Normal", "WaitForFirstConsumer", NO_CONSUMER)
            return
        said = f"waiting for pod {pod['metadata']['name']} to be scheduled"
        self.recorder.event(claim, "Normal", "WaitForPodScheduled", said)

    def _unscheduled(self, claim: Obj) -> Iterable[Obj]:
        pods = self.client.list("pods", key_of(claim).namespace)
        mounting = (p for p in pods if key_of(claim).name in claim_names(p))
        return (p for p in mounting if not node_of(p) and not is_pod_finished(p) and not is_going(p))

    def _ask_for_volume(self, claim: Obj, storage_class: Obj | None) -> None:
        if storage_class is None:
            missing = f'storageclass.storage.k8s.io "{class_of(claim)}" not found'
            self.recorder.event(claim, "Warning", "ProvisioningFailed", missing)
            return
        provisioner = storage_class["provisioner"]
        if provisioner == NO_PROVISIONER:
            nobody = f"no volume plugin matched name: {provisioner}"
            self.recorder.event(claim, "Warning", "ProvisioningFailed", nobody)
            return
        if annotations_of(claim).get(STORAGE_PROVISIONER) != provisioner:
            noted = {STORAGE_PROVISIONER: provisioner, STORAGE_PROVISIONER_BETA: provisioner}
            self._patch(claim, {"metadata": {"annotations": noted}})
        self.recorder.event(claim, "Normal", "ExternalProvisioning", _expected_from(provisioner))

    def _bind_to_named(self, claim: Obj) -> None:
        """The claim's author chose the volume."""
        try:
            volume = self.client.get(VOLUMES, claim["spec"]["volumeName"])
        except NotFound:
            return
        name = volume["metadata"]["name"]
        if is_promised(volume, claim):
            self._bind(claim, volume)
        elif volume["spec"].get("claimRef"):
            taken = f'volume "{name}" already bound to a different claim.'
            self.recorder.event(claim, "Warning", "FailedBinding", taken)
        elif why := mismatch(volume, claim):
            said = f'Cannot bind to requested volume "{name}": {why}'
            self.recorder.event(claim, "Warning", "VolumeMismatch", said)
        else:
            self._bind(claim, volume)

    # Claims that have been bound

    def _check_bound(self, claim: Obj) -> None:
        name = claim["spec"].get("volumeName")
        try:
            volume = self.client.get(VOLUMES, name) if name else None
        except NotFound:
            volume = None
        if volume is None:
            lost = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
            self._lose(claim, "ClaimLost", lost)
        elif not volume["spec"].get("claimRef") or is_promised(volume, claim):
            self._bind(claim, volume)
        else:
            twice = "Two claims are bound to the same volume, this one is bound incorrectly"
            self._lose(claim, "ClaimMisbound", twice)

    def _lose(self, claim: Obj, reason: str, message: str) -> None:
        if (claim.get("status") or {}).get("phase") != "Lost":
            self._patch(claim, {"status": {"phase": "Lost", "accessModes": None, "capacity": None}}, "status")
            self.recorder.event(claim, "Warning", reason, message)

    # Four writes, each only where it is missing: whoever dies between two of them goes on here.

    def _bind(self, claim: Obj, volume: Obj) -> None:
        name = volume["metadata"]["name"]
        if (volume["spec"].get("claimRef") or {}).get("uid") != claim["metadata"]["uid"]:
            note = {} if is_promised(volume, claim) else {"annotations": {BOUND_BY_CONTROLLER: "yes"}}
            self.client.patch(VOLUMES, name, "", {"metadata": note, "spec": {"claimRef": reference_to(claim)}})
        if (volume.get("status") or {}).get("phase") != "Bound":
            status = {"phase": "Bound", "lastPhaseTransitionTime": format_time(self.context.clock())}
            self.client.patch(VOLUMES, name, "", {"status": status}, subresource="status")
        if BIND_COMPLETED not in annotations_of(claim):
            ours = {} if claim["spec"].get("volumeName") else {BOUND_BY_CONTROLLER: "yes"}
            annotations = {BIND_COMPLETED: "yes", **ours}
            self._patch(claim, {"metadata": {"annotations": annotations}, "spec": {"volumeName": name}})
        bound = {
            "phase": "Bound",
            "accessModes": volume["spec"]["accessModes"],
            "capacity": volume["spec"]["capacity"],
        }
        if {**(claim.get("status") or {}), **bound} != claim.get("status"):
            self._patch(claim, {"status": bound}, "status")

    def _patch(self, claim: Obj, patch: Obj, subresource: str = "") -> None:
        key = key_of(claim)
        self.client.patch(CLAIMS, key.name, key.namespace, patch, subresource=subresource)


def _expected_from(provisioner: str) -> str:
    return (
        f"Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the "
        "system administrator. If volume creation is delayed, please verify that the provisioner is running and "
        "correctly registered."
    )


def _is_pending(claim: Obj) -> bool:
    return bool((claim.get("status") or {}).get("phase") == "Pending")


def _waiting(client: Client) -> list[Key]:
    return [key_of(claim) for claim in client.list(CLAIMS) if _is_pending(claim)]


def _claims_of_volume(client: Client) -> Callable[[WatchEvent], Iterable[Key]]:
    """The claim that the volume names; of a free one, all that wait for one of its class."""

    def keys(event: WatchEvent) -> Iterable[Key]:
        volume = event.object
        if reference := volume["spec"].get("claimRef"):
            return (Key(reference["namespace"], reference["name"]),)
        claims = (c for c in client.list(CLAIMS) if _is_pending(c) and class_of(c) == class_of(volume))
        named = (
            c for c in claims if c["spec"].get("volumeName", volume["metadata"]["name"]) == volume["metadata"]["name"]
        )
        return [key_of(claim) for claim in named]

    return keys
