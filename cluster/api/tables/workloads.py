"""The kinds that keep pods running."""

from cluster.api.tables.duration import age
from cluster.api.tables.table import AGE, NAME, Cells, Column, Table, wide
from cluster.api.tables.text import NONE, containers_and_images, labels_text, name
from cluster.client import Obj
from cluster.selectors import format_selector

_WIDE = (wide("Containers"), wide("Images"))
_SELECTOR = wide("Selector")


def _integer(name: str) -> Column:
    return Column(name=name, type="integer")


def deployment(obj: Obj, now: float) -> Cells:
    spec, status = obj.get("spec", {}), obj.get("status", {})
    return [
        name(obj),
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        age(obj, now),
        *containers_and_images(spec.get("template", {})),
        format_selector(spec.get("selector")),
    ]


def replica_set(obj: Obj, now: float) -> Cells:
    spec = obj.get("spec", {})
    return [
        *_counts(obj, now),
        *containers_and_images(spec.get("template", {})),
        format_selector(spec.get("selector")),
    ]


def replication_controller(obj: Obj, now: float) -> Cells:
    spec = obj.get("spec", {})
    return [*_counts(obj, now), *containers_and_images(spec.get("template", {})), labels_text(spec.get("selector"))]


def _counts(obj: Obj, now: float) -> Cells:
    spec, status = obj.get("spec", {}), obj.get("status", {})
    return [
        name(obj),
        spec.get("replicas", 0),
        status.get("replicas", 0),
        status.get("readyReplicas", 0),
        age(obj, now),
    ]


def stateful_set(obj: Obj, now: float) -> Cells:
    spec, status = obj.get("spec", {}), obj.get("status", {})
    return [
        name(obj),
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        age(obj, now),
        *containers_and_images(spec.get("template", {})),
    ]


def daemon_set(obj: Obj, now: float) -> Cells:
    spec, status = obj.get("spec", {}), obj.get("status", {})
    return [
        name(obj),
        status.get("desiredNumberScheduled", 0),
        status.get("currentNumberScheduled", 0),
        status.get("numberReady", 0),
        status.get("updatedNumberScheduled", 0),
        status.get("numberAvailable", 0),
        labels_text(spec.get("template", {}).get("spec", {}).get("nodeSelector")),
        age(obj, now),
        *containers_and_images(spec.get("template", {})),
        format_selector(spec.get("selector")),
    ]


def controller_revision(obj: Obj, now: float) -> Cells:
    owners = [o for o in obj["metadata"].get("ownerReferences") or () if o.get("controller")]
    return [name(obj), _owner(owners[0]) if owners else NONE, obj.get("revision", 0), age(obj, now)]


def pod_template(obj: Obj, _now: float) -> Cells:
    template = obj.get("template") or {}
    return [name(obj), *containers_and_images(template), labels_text((template.get("metadata") or {}).get("labels"))]


def _owner(owner: Obj) -> str:
    group = owner["apiVersion"].rpartition("/")[0]
    kind = owner["kind"].lower()
    return f"{kind}.{group}/{owner['name']}" if group else f"{kind}/{owner['name']}"


_REPLICAS = (NAME, _integer("Desired"), _integer("Current"), _integer("Ready"), AGE, *_WIDE, _SELECTOR)

DEPLOYMENTS = Table(
    (NAME, Column(name="Ready"), Column(name="Up-to-date"), Column(name="Available"), AGE, *_WIDE, _SELECTOR),
    deployment,
)
REPLICA_SETS = Table(_REPLICAS, replica_set)
REPLICATION_CONTROLLERS = Table(_REPLICAS, replication_controller)
STATEFUL_SETS = Table((NAME, Column(name="Ready"), AGE, *_WIDE), stateful_set)
DAEMON_SETS = Table(
    (
        NAME,
        *map(_integer, ("Desired", "Current", "Ready", "Up-to-date", "Available")),
        Column(name="Node Selector"),
        AGE,
        *_WIDE,
        _SELECTOR,
    ),
    daemon_set,
)
CONTROLLER_REVISIONS = Table((NAME, Column(name="Controller"), _integer("Revision"), AGE), controller_revision)
POD_TEMPLATES = Table((NAME, Column(name="Containers"), Column(name="Images"), Column(name="Pod Labels")), pod_template)
