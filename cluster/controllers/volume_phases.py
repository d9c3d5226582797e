"""What phase a volume is in: Available, Bound, Released or Failed (the other half of the persistentvolume-controller).

The data of a released volume stays where its reclaim policy says so; volumes of the cluster's own provisioner are
deleted by `volume_provisioner`, and nobody can delete those that somebody made by hand.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from cluster.client import Client, NotFound, Obj, WatchEvent
from cluster.controllers.context import Context
from cluster.controllers.loop import Controller, own_key
from cluster.events import EventRecorder
from cluster.objects import Key, annotations_of, is_going
from cluster.timestamps import format_time
from cluster.volumes import BOUND_BY_CONTROLLER, CLAIMS, PROVISIONED_BY, VOLUMES


def controller(context: Context) -> Controller:
    recorder = context.recorder("persistentvolume-controller")
    return Controller(
        name="volume-phases",
        watches={VOLUMES: own_key, CLAIMS: _volume_of_claim},
        reconcile=_Reconciler(context, context.client, recorder).reconcile,
    )


@dataclass(frozen=True, slots=True)
class _Reconciler:
    context: Context
    client: Client
    recorder: EventRecorder

    async def reconcile(self, key: Key) -> None:
        try:
            volume = self.client.get(VOLUMES, key.name)
        except NotFound:
            return
        reference = volume["spec"].get("claimRef") or {}
        if not reference.get("uid"):
            self._set_phase(volume, "Available")
            return
        claim = self._claim(reference)
        bound_to = claim["spec"].get("volumeName") if claim else None
        if claim is None:
            self._release(volume)
        elif bound_to == key.name:
            self._set_phase(volume, "Bound")
        elif bound_to and BOUND_BY_CONTROLLER in annotations_of(volume):
            self._unbind(volume)

    def _claim(self, reference: Obj) -> Obj | None:
        try:
            claim = self.client.get(CLAIMS, reference["name"], reference["namespace"])
        except NotFound:
            return None
        return claim if claim["metadata"]["uid"] == reference["uid"] else None

    def _release(self, volume: Obj) -> None:
        is_foreign = PROVISIONED_BY not in annotations_of(volume)
        if volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain" or not is_foreign or is_going(volume):
            self._set_phase(volume, "Released")
        elif (volume.get("status") or {}).get("phase") != "Failed":
            name = volume["metadata"]["name"]
            nobody = f'error getting deleter volume plugin for volume "{name}": no deletable volume plugin matched'
            self._set_phase(volume, "Failed", nobody)
            self.recorder.event(volume, "Warning", "VolumeFailedDelete", nobody)

    def _unbind(self, volume: Obj) -> None:
        """The claim took another volume: this one is free again."""
        patch = {"metadata": {"annotations": {BOUND_BY_CONTROLLER: None}}, "spec": {"claimRef": None}}
        self.client.patch(VOLUMES, volume["metadata"]["name"], "", patch)

    def _set_phase(self, volume: Obj, phase: str, message: str = "") -> None:
        if (volume.get("status") or {}).get("phase") == phase:
            return
        now = format_time(self.context.clock())
        status = {"phase": phase, "message": message or None, "lastPhaseTransitionTime": now}
        self.client.patch(VOLUMES, volume["metadata"]["name"], "", {"status": status}, subresource="status")


def _volume_of_claim(event: WatchEvent) -> Iterable[Key]:
    """The volume that a claim names; of a claim that is gone, the one that it was bound to."""
    name = event.object["spec"].get("volumeName")
    return (Key("", name),) if name else ()
