"""The provisioner `seawall.dev/folder`: makes a volume for each claim that asks for one, and deletes what is released.

A volume is a folder of the cluster that every node reaches, like a network disk: whichever node the pod moves to, its
data is there. Events as those of Kubernetes' library for external provisioners.
"""

import asyncio
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cluster.client import AlreadyExists, Client, NotFound, Obj, WatchEvent
from cluster.controllers.context import Context
from cluster.controllers.loop import Controller
from cluster.events import EventRecorder
from cluster.objects import Key, annotations_of, is_going, key_of
from cluster.volumes import (
    CLAIMS,
    CLASSES,
    FOLDER_PROVISIONER,
    PROVISIONED_BY,
    SELECTED_NODE,
    STORAGE_PROVISIONER,
    VOLUMES,
    class_of,
    reference_to,
)


def controller(context: Context) -> Controller:
    reconciler = _Reconciler(context.client, context.recorder(FOLDER_PROVISIONER), context.volumes)
    return Controller(
        name="volume-provisioner",
        watches={CLAIMS: _wanting, VOLUMES: _released},
        reconcile=reconciler.reconcile,
    )


@dataclass(frozen=True, slots=True)
class _Reconciler:
    client: Client
    recorder: EventRecorder
    folder: Path

    async def reconcile(self, key: Key) -> None:
        """Keys with a namespace are claims, those without are volumes."""
        try:
            if key.namespace:
                self._provide(self.client.get(CLAIMS, key.name, key.namespace))
            else:
                await self._delete(self.client.get(VOLUMES, key.name))
        except NotFound:
            return

    def _provide(self, claim: Obj) -> None:
        storage_class = self.client.get(CLASSES, class_of(claim))
        if not is_wanted(claim, storage_class):
            return
        volume, key = volume_for(claim, storage_class), key_of(claim)
        said = f'External provisioner is provisioning volume for claim "{key.namespace}/{key.name}"'
        self.recorder.event(claim, "Normal", "Provisioning", said)
        try:
            self.client.create(VOLUMES, volume)
        except AlreadyExists:
            return
        done = f"Successfully provisioned volume {volume['metadata']['name']}"
        self.recorder.event(claim, "Normal", "ProvisioningSucceeded", done)

    async def _delete(self, volume: Obj) -> None:
        if not is_disposable(volume):
            return
        await asyncio.to_thread(shutil.rmtree, self.folder / volume["spec"]["csi"]["volumeHandle"], ignore_errors=True)
        self.client.delete(VOLUMES, volume["metadata"]["name"], uid=volume["metadata"]["uid"])


def is_wanted(claim: Obj, storage_class: Obj) -> bool:
    """Whether the binder asked this provisioner for a volume, and it is known where (if that has to be known). Pure."""
    notes = annotations_of(claim)
    is_asked = notes.get(STORAGE_PROVISIONER) == FOLDER_PROVISIONER == storage_class["provisioner"]
    is_placed = storage_class.get("volumeBindingMode") != "WaitForFirstConsumer" or SELECTED_NODE in notes
    return is_asked and is_placed and not claim["spec"].get("volumeName") and not is_going(claim)


def is_disposable(volume: Obj) -> bool:
    """Whether it is ours, released, and to be deleted with its data. Pure."""
    is_ours = annotations_of(volume).get(PROVISIONED_BY) == FOLDER_PROVISIONER and "csi" in volume["spec"]
    is_released = (volume.get("status") or {}).get("phase") == "Released"
    return is_ours and is_released and volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete"


def volume_for(claim: Obj, storage_class: Obj) -> Obj:
    """The volume that serves the claim, bound to it from the start. Pure."""
    name = f"pvc-{claim['metadata']['uid']}"
    return {
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: FOLDER_PROVISIONER}},
        "spec": {
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "accessModes": claim["spec"]["accessModes"],
            "volumeMode": claim["spec"]["volumeMode"],
            "persistentVolumeReclaimPolicy": storage_class["reclaimPolicy"],
            "storageClassName": storage_class["metadata"]["name"],
            "claimRef": reference_to(claim),
            "csi": {"driver": FOLDER_PROVISIONER, "volumeHandle": name},
        },
    }


def _wanting(event: WatchEvent) -> Iterable[Key]:
    claim = event.object
    asked = annotations_of(claim).get(STORAGE_PROVISIONER) == FOLDER_PROVISIONER
    return (key_of(claim),) if asked and event.type != "DELETED" else ()


def _released(event: WatchEvent) -> Iterable[Key]:
    return (key_of(event.object),) if event.type != "DELETED" and is_disposable(event.object) else ()
