"""pods/binding: the scheduler's word, written once."""

from cluster.api.conditions import with_condition
from cluster.api.context import private_copy
from cluster.api.errors import conflict
from cluster.api.identity import uid_mismatch
from cluster.api.resource import Resource
from cluster.api.resources.gates import is_gated
from cluster.api.verbs import Verbs, WriteOptions
from cluster.client import BadRequest, Obj

_BINDING = Resource(plural="pods/binding", kind="Binding")
_PLACES = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")


def bind(verbs: Verbs, resource: Resource, namespace: str, name: str, body: Obj, options: WriteOptions) -> Obj:
    """Give a pod its node and mark it scheduled. Raises `Conflict` if it has one or is going."""
    pod = verbs.get(resource, namespace, name).object
    node = (body.get("target") or {}).get("name")
    if not node or (body.get("target") or {}).get("kind", "Node") not in ("", "Node"):
        raise BadRequest('Binding is invalid: target: Required value: a target of kind "Node" with a name')
    _check_bindable(resource, pod, (body.get("metadata") or {}).get("uid"))
    bound = private_copy(pod)
    bound["spec"]["nodeName"] = node
    if annotations := (body.get("metadata") or {}).get("annotations"):
        bound["metadata"]["annotations"] = {**(bound["metadata"].get("annotations") or {}), **annotations}
    if places := _places(verbs, node):
        bound["metadata"]["labels"] = (bound["metadata"].get("labels") or {}) | places
    bound["status"] = with_condition(bound.get("status") or {}, "PodScheduled", "True", verbs.cluster.clock())
    # Room that was made for it has been found (KEP-5278).
    bound["status"].pop("nominatedNodeName", None)
    verbs.put(resource, bound, options.dry_run)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def _places(verbs: Verbs, node: str) -> Obj:
    """What a pod takes over of its node's labels: where in the world it is (KEP-4742)."""
    entry = verbs.cluster.store.get("nodes", "", node)
    labels = (entry.object["metadata"].get("labels") or {}) if entry else {}
    return {name: labels[name] for name in _PLACES if name in labels}


def _check_bindable(resource: Resource, pod: Obj, uid: str | None) -> None:
    name = pod["metadata"]["name"]
    if uid and uid != pod["metadata"]["uid"]:
        raise uid_mismatch(resource, name, uid, pod["metadata"]["uid"])
    if "deletionTimestamp" in pod["metadata"]:
        raise conflict(_BINDING, name, f"pod {name} is being deleted, cannot be assigned to a host")
    if is_gated(pod["spec"]):
        raise conflict(_BINDING, name, f"pod {name} has non-empty .spec.schedulingGates")
    if node := pod["spec"].get("nodeName"):
        raise conflict(_BINDING, name, f'pod {name} is already assigned to node "{node}"')
