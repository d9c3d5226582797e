"""The scale subresource: an autoscaling/v1 Scale that stands for spec.replicas of the object behind it."""

from cluster.api.custom.jsonpath import first, put
from cluster.api.decode import decode_as
from cluster.api.resource import USUAL, Replicas, Resource
from cluster.api.verbs import Edit, Verbs, WriteOptions
from cluster.client import Invalid, Obj, StatusCause
from cluster.selectors import format_selector

_METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def read_scale(obj: Obj, where: Replicas = USUAL) -> Obj:
    """The Scale of an object that has replicas. Pure."""
    spec, metadata = obj.get("spec") or {}, obj["metadata"]
    shown: Obj = {"replicas": first(obj, where.found) or 0}
    if where.selector:
        shown["selector"] = first(obj, where.selector) or ""
    elif selector := spec.get("selector"):
        shown["selector"] = format_selector(
            selector if "matchLabels" in selector or "matchExpressions" in selector else {"matchLabels": selector}
        )
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {field: metadata[field] for field in _METADATA if field in metadata},
        "spec": {"replicas": first(obj, where.wanted) or 0},
        "status": shown,
    }


def edit_scale(verbs: Verbs, resource: Resource, namespace: str, name: str, edit: Edit, options: WriteOptions) -> Obj:
    """Change spec.replicas by editing the Scale; returns the new Scale."""

    def with_replicas(obj: Obj) -> Obj:
        if options.is_apply:
            return edit(obj)
        scale, _ = decode_as("autoscaling_v1.Scale", "Scale", edit(read_scale(obj, resource.replicas)))
        metadata = scale.get("metadata") or {}
        put(obj, resource.replicas.wanted, _replicas(resource, name, scale))
        for precondition in ("resourceVersion", "uid"):
            if metadata.get(precondition):
                obj["metadata"][precondition] = metadata[precondition]
        return obj

    changed = verbs.edit(resource, namespace, name, with_replicas, options).object
    return read_scale(changed, resource.replicas)


def _replicas(resource: Resource, name: str, scale: Obj) -> int:
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if replicas < 0:
        message = f"Invalid value: {replicas}: must be greater than or equal to 0"
        cause = StatusCause("FieldValueInvalid", message, "spec.replicas")
        text = f'Scale.autoscaling "{name}" is invalid: spec.replicas: {message}'
        raise Invalid(text, group=resource.group, kind="Scale", name=name, causes=(cause,))
    return int(replicas)
