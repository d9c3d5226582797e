"""Which node has which network volume attached (kube-controller-manager's attach-detach controller).

A volume that one node at a time may use is attached where its pod is; a pod on another node waits with a Multi-Attach
error until it is let go. A node that is silent does not let go: its volumes are taken from it six minutes later, or at
once when somebody taints it out of service. Folders of a node's own disk are not attached.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from cluster.client import Client, NotFound, Obj, WatchEvent
from cluster.controllers.context import Context
from cluster.controllers.loop import Controller, lost_key
from cluster.controllers.storage_protection import uses
from cluster.events import EventRecorder
from cluster.objects import Key, condition, is_condition_true, is_pod_finished, node_of, uid_of
from cluster.timestamps import parse_time
from cluster.volumes import CLAIMS, VOLUMES, attachment_of, claim_names, is_attached, is_exclusive

FORCED_AFTER_SECONDS = 360.0
"""How long after it fell silent a node's volumes are taken from it (maxWaitForUnmountDuration)."""

OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"


def controller(context: Context) -> Controller:
    return Controller(
        name="attach-detach",
        watches={
            "pods": _volumes_of_pod(context.client),
            CLAIMS: _volume_of_claim,
            VOLUMES: lost_key,
            "nodes": _volumes_of_node(context.client),
        },
        reconcile=_Reconciler(context, context.client, context.recorder("attachdetach-controller")).reconcile,
    )


@dataclass(frozen=True, slots=True)
class _Reconciler:
    context: Context
    client: Client
    recorder: EventRecorder
    told: set[tuple[str, str]] = field(default_factory=set)
    """(pod uid, volume): who has been told that it must wait."""

    async def reconcile(self, key: Key) -> float | None:
        try:
            volume = self.client.get(VOLUMES, key.name)
        except NotFound:
            self._forget(key.name)
            return None
        if "csi" not in volume["spec"]:
            return None
        users = self._users(volume)
        holders = [node for node in self.client.list("nodes") if is_attached(node, volume)]
        left = [s for node in holders if (s := self._detach(node, volume, users)) is not None]
        self._attach(volume, users)
        return min(left, default=None)

    def _users(self, volume: Obj) -> list[Obj]:
        """The pods that have it mounted or are about to, oldest first."""
        claim = volume["spec"].get("claimRef") or {}
        if not claim:
            return []
        pods = self.client.list("pods", claim["namespace"])
        return sorted((p for p in pods if uses(p, claim["name"])), key=lambda p: p["metadata"]["creationTimestamp"])

    def _detach(self, node: Obj, volume: Obj, users: Sequence[Obj]) -> float | None:
        """Take the volume from a node whose pods no longer use it; the seconds left where the node cannot say so."""
        name = node["metadata"]["name"]
        if any(node_of(pod) == name for pod in users):
            return None
        left = seconds_to_wait(node, self.context.clock())
        if left > 0:
            return left
        self._set(node, [a for a in _attachments(node) if a["name"] != attachment_of(volume)])
        return None

    def _attach(self, volume: Obj, users: Sequence[Obj]) -> None:
        for pod in users:
            nodes = self.client.list("nodes")
            node = next((n for n in nodes if n["metadata"]["name"] == node_of(pod)), None)
            if node is None or is_attached(node, volume):
                continue
            if is_exclusive(volume) and any(is_attached(n, volume) for n in nodes):
                self._refuse(pod, volume, users)
            else:
                self._set(node, [*_attachments(node), {"name": attachment_of(volume), "devicePath": ""}])
                said = f'AttachVolume.Attach succeeded for volume "{volume["metadata"]["name"]}" '
                self.recorder.event(pod, "Normal", "SuccessfulAttachVolume", said)

    def _refuse(self, pod: Obj, volume: Obj, users: Sequence[Obj]) -> None:
        key = (uid_of(pod), volume["metadata"]["name"])
        if key not in self.told:
            self.told.add(key)
            self.recorder.event(pod, "Warning", "FailedAttachVolume", multi_attach(pod, volume, users))

    def _forget(self, volume: str) -> None:
        """A provisioned volume that is gone is attached nowhere."""
        for node in self.client.list("nodes"):
            kept = [a for a in _attachments(node) if not a["name"].endswith(f"^{volume}")]
            if kept != _attachments(node):
                self._set(node, kept)

    def _set(self, node: Obj, attached: list[Obj]) -> None:
        patch = {"status": {"volumesAttached": attached or None}}
        self.client.patch("nodes", node["metadata"]["name"], "", patch, subresource="status")


def multi_attach(pod: Obj, volume: Obj, users: Sequence[Obj]) -> str:
    """What the pod that has to wait is told. Pure."""
    others = [p["metadata"]["name"] for p in users if node_of(p) != node_of(pod)]
    why = (
        f"Volume is already used by pod(s) {', '.join(others)}"
        if others
        else "Volume is already exclusively attached to one node and can't be attached to another"
    )
    return f'Multi-Attach error for volume "{volume["metadata"]["name"]}" {why}'


def seconds_to_wait(node: Obj, now: float) -> float:
    """How long the volumes of a node without pods that use them stay its own; 0 for one that answers. Pure."""
    if is_condition_true(node, "Ready") or any(t["key"] == OUT_OF_SERVICE for t in node["spec"].get("taints") or ()):
        return 0.0
    ready = condition(node, "Ready")
    silent_since = parse_time(ready["lastTransitionTime"]) if ready else now
    return max(0.0, silent_since + FORCED_AFTER_SECONDS - now)


def _attachments(node: Obj) -> list[Obj]:
    attached: list[Obj] = (node.get("status") or {}).get("volumesAttached") or []
    return attached


def _volumes_of_pod(client: Client) -> Callable[[WatchEvent], Iterable[Key]]:
    def keys(event: WatchEvent) -> Iterable[Key]:
        pod, old = event.object, event.old
        is_news = old is None or event.type == "DELETED" or _place(pod) != _place(old)
        names = claim_names(pod) if is_news else []
        for name in names:
            try:
                claim = client.get(CLAIMS, name, pod["metadata"]["namespace"])
            except NotFound:
                continue
            yield from _volume_of_claim(WatchEvent("MODIFIED", claim))

    return keys


def _place(pod: Obj) -> tuple[str, bool]:
    return node_of(pod), is_pod_finished(pod)


def _volume_of_claim(event: WatchEvent) -> Iterable[Key]:
    name = event.object["spec"].get("volumeName")
    return (Key("", name),) if name else ()


def _volumes_of_node(client: Client) -> Callable[[WatchEvent], Iterable[Key]]:
    """Those that it has, when it falls silent, answers again or is put out of service."""

    def keys(event: WatchEvent) -> Iterable[Key]:
        node, old = event.object, event.old
        if not _attachments(node) or (old is not None and _answers(old) == _answers(node)):
            return ()
        network = (v for v in client.list(VOLUMES) if "csi" in v["spec"])
        return [Key("", v["metadata"]["name"]) for v in network if is_attached(node, v)]

    return keys


def _answers(node: Obj) -> tuple[bool, object]:
    return is_condition_true(node, "Ready"), node["spec"].get("taints")
