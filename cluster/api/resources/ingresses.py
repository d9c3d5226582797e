"""Ingresses: checked and listed, but never taken: nothing here would route by them."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, invalid
from cluster.api.resource import Resource, spec_of
from cluster.api.resources.checks import check_enum
from cluster.api.resources.unsupported import not_run
from cluster.api.tables.ingresses import INGRESSES
from cluster.client import Obj

_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")


def fill(ingress: Obj) -> None:
    ingress.setdefault("spec", {})


def rules(ingress: Obj, _old: Obj | None) -> Iterator[FieldError]:
    spec = ingress["spec"]
    if not spec.get("rules") and not spec.get("defaultBackend"):
        yield invalid("spec", spec, "either `defaultBackend` or `rules` must be specified")
    for i, rule in enumerate(spec.get("rules") or ()):
        for j, path in enumerate((rule.get("http") or {}).get("paths") or ()):
            at = f"spec.rules[{i}].http.paths[{j}]"
            yield from check_enum(path, at, "pathType", _PATH_TYPES)
            if path.get("pathType") != "ImplementationSpecific" and not path.get("path", "").startswith("/"):
                yield invalid(f"{at}.path", path.get("path", ""), "must be an absolute path")


def initial_status(_ingress: Obj) -> Obj:
    return {"loadBalancer": {}}


RESOURCE = Resource(
    group="networking.k8s.io",
    plural="ingresses",
    kind="Ingress",
    short_names=("ing",),
    subresources=("status",),
    table=INGRESSES,
    desired=spec_of,
    fill=fill,
    rules=rules,
    initial_status=initial_status,
    unsupported=not_run("Ingresses", "reach the Service itself"),
)
