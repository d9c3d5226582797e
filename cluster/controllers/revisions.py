"""ControllerRevisions: the pod templates that a StatefulSet or DaemonSet has had, numbered.

Each is the patch that restores the template, as `kubectl rollout undo` sends it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cluster.client import AlreadyExists, Client, Obj
from cluster.controllers.ownership import claim
from cluster.controllers.template_hash import template_hash
from cluster.objects import controller_reference, is_controlled_by, key_of, labels_of

RESOURCE = "controllerrevisions.apps"
LABEL = "controller-revision-hash"


@dataclass(frozen=True, slots=True)
class Revision:
    """One template; `hash` is the last part of its name."""

    name: str
    number: int
    template: Obj

    @property
    def hash(self) -> str:
        return self.name.rpartition("-")[2]


def present_revision(client: Client, owner: Obj) -> tuple[Revision, list[Revision]]:
    """The revision of the owner's present template, made the newest if it is not, and all of them, oldest first."""
    template = owner["spec"]["template"]
    known = revisions_of(client, owner)
    same = next((r for r in known if r.template == template), None)
    newest = known[-1].number if known else 0
    if same is None:
        return _created(client, owner, newest + 1), revisions_of(client, owner)
    if same.number < newest:
        client.patch(RESOURCE, same.name, key_of(owner).namespace, {"revision": newest + 1})
        return Revision(same.name, newest + 1, template), revisions_of(client, owner)
    return same, known


def revisions_of(client: Client, owner: Obj) -> list[Revision]:
    """Oldest first."""
    owned = [r for r in claim(client, RESOURCE, owner) if is_controlled_by(r, owner)]
    return sorted(map(_read, owned), key=lambda r: r.number)


def forget_history(client: Client, owner: Obj, known: Sequence[Revision], is_used: Callable[[Revision], bool]) -> None:
    """Delete the oldest revisions that no pod is of, beyond revisionHistoryLimit."""
    unused = [r for r in known if not is_used(r)]
    surplus = max(0, len(unused) - owner["spec"].get("revisionHistoryLimit", 10))
    for revision in unused[:surplus]:
        client.delete(RESOURCE, revision.name, key_of(owner).namespace)


def _created(client: Client, owner: Obj, number: int) -> Revision:
    template = owner["spec"]["template"]
    hash = template_hash(template, (owner.get("status") or {}).get("collisionCount", 0))
    name = f"{owner['metadata']['name']}-{hash}"
    body = {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": name,
            "labels": {**(template["metadata"].get("labels") or {}), LABEL: hash},
            "ownerReferences": [controller_reference(owner)],
        },
        "data": {"spec": {"template": {**template, "$patch": "replace"}}},
        "revision": number,
    }
    try:
        client.create(RESOURCE, body, key_of(owner).namespace)
    except AlreadyExists:
        _count_collision(client, owner)
        raise
    return Revision(name, number, template)


def _count_collision(client: Client, owner: Obj) -> None:
    resource = {"StatefulSet": "statefulsets.apps", "DaemonSet": "daemonsets.apps"}[owner["kind"]]
    key, collisions = key_of(owner), (owner.get("status") or {}).get("collisionCount", 0)
    patch = {"status": {"collisionCount": collisions + 1}}
    client.patch(resource, key.name, key.namespace, patch, subresource="status")


def _read(obj: Obj) -> Revision:
    template = {k: v for k, v in obj["data"]["spec"]["template"].items() if k != "$patch"}
    return Revision(obj["metadata"]["name"], int(obj["revision"]), template)


def revision_of(pod: Obj) -> str:
    """What the pod's label says: a name for StatefulSets, a hash for DaemonSets."""
    return labels_of(pod).get(LABEL, "")
