"""ReplicationControllers: the selector is a map of labels, by default those of the template."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, invalid, required
from cluster.api.resource import Resource, spec_of
from cluster.api.resources.checks import check_not_negative
from cluster.api.resources.pod_warnings import template_warnings
from cluster.api.resources.podspec import fill_template
from cluster.api.resources.podspec_rules import check_template
from cluster.api.resources.replicasets import AMONG, COUNTS, initial_status
from cluster.api.resources.status_rules import check_counts
from cluster.api.resources.templates import MISSED, check_kept_running, unsupported_template
from cluster.api.tables.workloads import REPLICATION_CONTROLLERS
from cluster.client import Obj


def fill(controller: Obj) -> None:
    spec = controller.setdefault("spec", {})
    template = spec.get("template") or {}
    if template:
        fill_template(template)
    labels = (template.get("metadata") or {}).get("labels") or {}
    if labels and not spec.get("selector"):
        spec["selector"] = dict(labels)
    if labels and not controller["metadata"].get("labels"):
        controller["metadata"]["labels"] = dict(labels)
    spec.setdefault("replicas", 1)


def rules(controller: Obj, old: Obj | None) -> Iterator[FieldError]:
    yield from check_counts(controller, old, COUNTS, AMONG)
    spec = controller["spec"]
    if old is not None and spec == old["spec"]:
        return
    yield from check_not_negative(spec, "spec", "minReadySeconds")
    selector = spec.get("selector") or {}
    if not selector:
        yield required("spec.selector")
    yield from check_not_negative(spec, "spec", "replicas")
    if spec.get("template") is None:
        yield required("spec.template")
        return
    labels = (spec["template"].get("metadata") or {}).get("labels") or {}
    if not selector.items() <= labels.items():
        yield invalid("spec.template.metadata.labels", dict(sorted(labels.items())) or None, MISSED)
    yield from check_template(spec["template"], "spec.template")
    yield from check_kept_running(spec, "ReplicationController")


def selectable(controller: Obj) -> dict[str, str]:
    return {"status.replicas": str(controller.get("status", {}).get("replicas", 0))}


RESOURCE = Resource(
    plural="replicationcontrollers",
    kind="ReplicationController",
    short_names=("rc",),
    categories=("all",),
    subresources=("scale", "status"),
    orphans=True,
    table=REPLICATION_CONTROLLERS,
    desired=spec_of,
    fill=fill,
    rules=rules,
    initial_status=initial_status,
    fields=selectable,
    unsupported=unsupported_template("spec", "template"),
    warnings=template_warnings("spec", "template"),
)
