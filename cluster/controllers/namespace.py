"""Namespaces: a deleted one is emptied first, then it may go. Conditions tell what it waits for.

Source: the namespace controller's conditions as `kubectl get namespace -o yaml` shows them while one is Terminating.
"""

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from cluster.client import Conflict, NotFound, Obj, WatchEvent
from cluster.controllers.context import Context
from cluster.controllers.custom_resources import custom_kinds
from cluster.controllers.loop import Controller, own_key
from cluster.objects import Key, is_going, key_of, with_condition

FINALIZER = "kubernetes"
RECHECK_SECONDS = 1.0
"""Contents with finalizers or grace periods go when they go; deleted pods are noticed at once."""


def controller(context: Context) -> Controller:
    return Controller(
        name="namespace",
        watches={"namespaces": own_key, "pods": _namespace_of_deleted},
        reconcile=_Reconciler(context).reconcile,
    )


@dataclass(frozen=True, slots=True)
class _Reconciler:
    context: Context

    async def reconcile(self, key: Key) -> float | None:
        client = self.context.client
        try:
            namespace = client.get("namespaces", key.name)
        except NotFound:
            return None
        if not is_going(namespace):
            return None
        remaining = self._empty(key.name)
        if not remaining:
            self._finalize(namespace)
            return None
        self._write_conditions(namespace, remaining)
        return RECHECK_SECONDS

    def _empty(self, name: str) -> dict[str, list[Obj]]:
        """Delete all that is in the namespace; what is still there afterwards, by resource."""
        resources = [k.resource for k in (*self.context.kinds, *custom_kinds(self.context.client)) if k.namespaced]
        for resource in resources:
            for obj in self.context.client.list(resource, name):
                self._delete(resource, obj)
        found = {resource: self.context.client.list(resource, name) for resource in resources}
        return {resource: objects for resource, objects in found.items() if objects}

    def _delete(self, resource: str, obj: Obj) -> None:
        if is_going(obj):
            return
        key = key_of(obj)
        # Deleting one thing may take another along, or change it.
        with suppress(NotFound, Conflict):
            self.context.client.delete(
                resource, key.name, key.namespace, uid=obj["metadata"]["uid"], propagation="Background"
            )

    def _finalize(self, namespace: Obj) -> None:
        left = [f for f in namespace["spec"].get("finalizers") or () if f != FINALIZER]
        done = {**namespace, "spec": {**namespace["spec"], "finalizers": left}}
        self.context.client.update("namespaces", done, subresource="finalize")

    def _write_conditions(self, namespace: Obj, remaining: dict[str, list[Obj]]) -> None:
        status = namespace.get("status") or {}
        conditions = status.get("conditions") or []
        for new in conditions_of(remaining):
            conditions = with_condition(conditions, new, self.context.clock())
        if conditions != status.get("conditions"):
            changed = {**namespace, "status": {**status, "conditions": conditions}}
            self.context.client.update("namespaces", changed, subresource="status")


def conditions_of(remaining: dict[str, list[Obj]]) -> Iterable[Obj]:
    """What a namespace says while these are left in it. Pure."""
    finalizers = Counter(f for all in remaining.values() for o in all for f in o["metadata"].get("finalizers") or ())
    waiting = "Some content in the namespace has finalizers remaining: " + _listed(
        finalizers, "in", "resource instances"
    )
    rest = "Some resources are remaining: " + _listed(
        {r: len(all) for r, all in remaining.items()}, "has", "resource instances"
    )
    yield _condition(
        "NamespaceDeletionDiscoveryFailure", False, "ResourcesDiscovered", "All resources successfully discovered"
    )
    yield _condition(
        "NamespaceDeletionGroupVersionParsingFailure",
        False,
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    )
    yield _condition(
        "NamespaceDeletionContentFailure",
        False,
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    )
    yield _condition("NamespaceContentRemaining", True, "SomeResourcesRemain", rest)
    if finalizers:
        yield _condition("NamespaceFinalizersRemaining", True, "SomeFinalizersRemain", waiting)
    else:
        done = "All content-preserving finalizers finished"
        yield _condition("NamespaceFinalizersRemaining", False, "ContentHasNoFinalizers", done)


def _listed(counts: dict[str, int], verb: str, what: str) -> str:
    parts = (f"{name}{'.' if verb == 'has' else ''} {verb} {count} {what}" for name, count in sorted(counts.items()))
    return ", ".join(parts)


def _condition(type: str, is_true: bool, reason: str, message: str) -> Obj:
    return {"type": type, "status": str(is_true), "reason": reason, "message": message}


def _namespace_of_deleted(event: WatchEvent) -> Iterable[Key]:
    if event.type == "DELETED":
        yield Key("", event.object["metadata"]["namespace"])
