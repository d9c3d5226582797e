"""ReplicationControllers: listed, so that `kubectl get all` works, but never run; Deployments do their work."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, invalid, required
from cluster.api.resource import Resource, spec_of
from cluster.api.resources.checks import check_not_negative
from cluster.api.resources.podspec import fill_template
from cluster.api.resources.podspec_rules import check_template
from cluster.api.resources.unsupported import not_run
from cluster.api.tables.workloads import REPLICATION_CONTROLLERS
from cluster.client import Obj
from cluster.selectors import matches_selector


def fill(controller: Obj) -> None:
    spec = controller.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    fill_template(spec.setdefault("template", {}))
    if labels := spec["template"]["metadata"].get("labels"):
        spec.setdefault("selector", dict(labels))


def rules(controller: Obj, _old: Obj | None) -> Iterator[FieldError]:
    spec = controller["spec"]
    yield from check_not_negative(spec, "spec", "minReadySeconds")
    selector, labels = spec.get("selector") or {}, spec["template"]["metadata"].get("labels")
    if not selector:
        yield required("spec.selector")
    yield from check_not_negative(spec, "spec", "replicas")
    if selector and not matches_selector({"matchLabels": selector}, labels or {}):
        yield invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")
    yield from check_template(spec["template"], "spec.template", "Always")


def selectable(controller: Obj) -> dict[str, str]:
    return {"status.replicas": str(controller.get("status", {}).get("replicas", 0))}


RESOURCE = Resource(
    plural="replicationcontrollers",
    kind="ReplicationController",
    short_names=("rc",),
    categories=("all",),
    subresources=("status",),
    table=REPLICATION_CONTROLLERS,
    desired=spec_of,
    fill=fill,
    rules=rules,
    fields=selectable,
    unsupported=not_run("ReplicationControllers", "use a Deployment"),
)
