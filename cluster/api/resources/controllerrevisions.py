"""ControllerRevisions: the remembered templates of StatefulSets and DaemonSets."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, required
from cluster.api.metadata import immutable
from cluster.api.resource import Resource
from cluster.api.resources.checks import check_not_negative
from cluster.api.tables.workloads import CONTROLLER_REVISIONS
from cluster.client import Obj


def rules(revision: Obj, old: Obj | None) -> Iterator[FieldError]:
    yield from check_not_negative(revision, "", "revision")
    data = revision.get("data")
    if old is None and data is None:
        yield required("data", "data is mandatory")
    elif old is None and not isinstance(data, dict):
        yield required("data", "data must be a valid JSON object")
    if old is not None and revision.get("data") != old.get("data"):
        yield immutable("data", revision.get("data"))


RESOURCE = Resource(
    group="apps",
    plural="controllerrevisions",
    kind="ControllerRevision",
    table=CONTROLLER_REVISIONS,
    rules=rules,
)
