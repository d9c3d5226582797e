"""ReplicaSets."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError
from cluster.api.metadata import immutable
from cluster.api.resource import Resource, spec_of
from cluster.api.resources.checks import check_not_negative
from cluster.api.resources.pod_warnings import template_warnings
from cluster.api.resources.podspec import fill_template
from cluster.api.resources.status_rules import check_counts
from cluster.api.resources.templates import changed, check_selected, unchanged, unsupported_template
from cluster.api.tables.workloads import REPLICA_SETS
from cluster.client import Obj

AMONG = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")
COUNTS = ("replicas", *AMONG, "observedGeneration", "terminatingReplicas")


def fill(replica_set: Obj) -> None:
    spec = replica_set.setdefault("spec", {})
    fill_template(spec.setdefault("template", {}))
    spec.setdefault("replicas", 1)


def rules(replica_set: Obj, old: Obj | None) -> Iterator[FieldError]:
    yield from check_counts(replica_set, old, COUNTS, AMONG)
    if unchanged(replica_set, old):
        return
    yield from check_not_negative(replica_set["spec"], "spec", "replicas", "minReadySeconds")
    yield from check_selected(replica_set["spec"], "deployment", kept="ReplicaSet")
    if changed(replica_set, old, "selector"):
        yield immutable("spec.selector", replica_set["spec"].get("selector"))


def initial_status(_replica_set: Obj) -> Obj:
    return {"replicas": 0}


RESOURCE = Resource(
    group="apps",
    plural="replicasets",
    kind="ReplicaSet",
    short_names=("rs",),
    categories=("all",),
    subresources=("scale", "status"),
    table=REPLICA_SETS,
    desired=spec_of,
    fill=fill,
    rules=rules,
    initial_status=initial_status,
    unsupported=unsupported_template("spec", "template"),
    warnings=template_warnings("spec", "template"),
)
