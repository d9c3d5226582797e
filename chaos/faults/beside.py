"""Namespaces that a fault makes beside the variant's own: production to lose, strangers to come from."""

from chaos.faults.kind import Arena, FaultRefused
from chaos.guard import RUN_LABEL, VARIANT_LABEL
from chaos.journal import Undo
from chaos.kube import Obj
from chaos.nodes import HOSTNAME, NODES
from chaos.plan import namespace_name

NAMESPACES = "/api/v1/namespaces"


def beside(arena: Arena, part: str, **labels: str) -> str:
    """Make a namespace of the run's own beside the variant's; its path. It goes when the run ends."""
    own = arena.kube.get(f"{NAMESPACES}/{arena.namespace}")["metadata"]
    if RUN_LABEL not in own.get("labels", {}):
        raise FaultRefused(f"namespace {arena.namespace} carries no label of a run, so none may be made beside it")
    name = namespace_name(own["labels"][RUN_LABEL], f"{own['labels'].get(VARIANT_LABEL, '')}-{part}")
    metadata = {"name": name, "labels": {RUN_LABEL: own["labels"][RUN_LABEL], **labels}}
    metadata["annotations"] = own.get("annotations") or {}
    arena.will_undo(Undo(action="delete-namespace", path=f"{NAMESPACES}/{name}", why=f"delete namespace {name}"))
    arena.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    return f"{NAMESPACES}/{name}"


def bound(arena: Arena, namespace: str, pod: Obj, node: str) -> Obj:
    """The pod as one of the run's own, that no other node but this one may take. `namespace` is a path."""
    run = arena.kube.get(namespace)["metadata"]["labels"][RUN_LABEL]
    hostname = arena.kube.get(f"{NODES}/{node}")["metadata"]["labels"][HOSTNAME]
    metadata = {**pod["metadata"], "labels": {**pod["metadata"]["labels"], RUN_LABEL: run}}
    return {**pod, "metadata": metadata, "spec": {**pod["spec"], "nodeSelector": {HOSTNAME: hostname}}}
