"""StorageClasses."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, duplicate, invalid, required, too_long
from cluster.api.metadata import immutable, qualified_name
from cluster.api.resource import Resource
from cluster.api.resources.checks import check_enum, check_name, check_required
from cluster.api.resources.deprecations import label_warning
from cluster.api.tables.storage import CLASSES
from cluster.client import NotImplementedHere, Obj
from cluster.volumes import FOLDER_PROVISIONER

PARAMETERS_MAX, PARAMETERS_BYTES_MAX = 512, 256 * 1024


def fill(storage_class: Obj) -> None:
    storage_class.setdefault("reclaimPolicy", "Delete")
    storage_class.setdefault("volumeBindingMode", "Immediate")


def rules(storage_class: Obj, old: Obj | None) -> Iterator[FieldError]:
    yield from check_required(storage_class, "", "provisioner")
    if name := storage_class.get("provisioner"):
        yield from check_name(name.lower(), "provisioner", qualified_name)
    yield from _check_parameters(storage_class.get("parameters") or {})
    yield from check_enum(storage_class, "", "reclaimPolicy", ("Delete", "Retain"))
    yield from check_enum(storage_class, "", "volumeBindingMode", ("Immediate", "WaitForFirstConsumer"))
    yield from _check_topologies(storage_class.get("allowedTopologies") or [])
    for name in ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"):
        if old is not None and storage_class.get(name) != old.get(name):
            yield immutable(name, storage_class.get(name))


def _check_parameters(parameters: Obj) -> Iterator[FieldError]:
    if len(parameters) > PARAMETERS_MAX:
        yield too_long("parameters", PARAMETERS_MAX)
        return
    if "" in parameters:
        yield invalid("parameters", "", "field can not be empty.")
    if sum(len(text.encode()) for pair in parameters.items() for text in pair) > PARAMETERS_BYTES_MAX:
        yield too_long("parameters", PARAMETERS_BYTES_MAX)


def _check_topologies(terms: list[Obj]) -> Iterator[FieldError]:
    for i, term in enumerate(terms):
        expressions = term.get("matchLabelExpressions") or []
        keys = [expression.get("key", "") for expression in expressions]
        for j, expression in enumerate(expressions):
            path = f"allowedTopologies[{i}].matchLabelExpressions[{j}]"
            yield from _check_topology(expression, path)
            if keys[j] in keys[:j]:
                yield duplicate(f"{path}.key", keys[j])
        if _sets(term) in map(_sets, terms[:i]):
            yield duplicate(f"allowedTopologies[{i}].matchLabelExpressions", "")


def _sets(term: Obj) -> dict[str, set[str]]:
    return {e.get("key", ""): set(e.get("values") or ()) for e in term.get("matchLabelExpressions") or ()}


def warnings(storage_class: Obj, _old: Obj | None) -> Iterator[str]:
    for i, term in enumerate(storage_class.get("allowedTopologies") or ()):
        for j, expression in enumerate(term.get("matchLabelExpressions") or ()):
            if why := label_warning(expression.get("key", "")):
                yield f"allowedTopologies[{i}].matchLabelExpressions[{j}].key: {why}"


def _check_topology(expression: Obj, path: str) -> Iterator[FieldError]:
    values = expression.get("values") or []
    if not values:
        yield required(f"{path}.values")
    for i, value in enumerate(values):
        if value in values[:i]:
            yield duplicate(f"{path}.values[{i}]", value)
    yield from check_name(expression.get("key", ""), f"{path}.key", qualified_name)


def unsupported(storage_class: Obj) -> Iterator[NotImplementedHere]:
    """What is said to other provisioners is their business; they are not here, and claims that name them wait."""
    for name in ("allowedTopologies", "mountOptions", "parameters"):
        if storage_class["provisioner"] == FOLDER_PROVISIONER and storage_class.get(name):
            yield NotImplementedHere(
                f"{name} is not supported by the provisioner {FOLDER_PROVISIONER}: its volumes are plain folders that "
                "every node reaches; remove it"
            )


RESOURCE = Resource(
    group="storage.k8s.io",
    plural="storageclasses",
    kind="StorageClass",
    namespaced=False,
    short_names=("sc",),
    table=CLASSES,
    fill=fill,
    rules=rules,
    unsupported=unsupported,
    warnings=warnings,
)
