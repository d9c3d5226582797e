"""PodTemplates: kept and shown; nothing makes pods from them."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError
from cluster.api.resource import Resource
from cluster.api.resources.pod_warnings import template_warnings
from cluster.api.resources.podspec import fill_template
from cluster.api.resources.podspec_rules import check_template
from cluster.api.resources.unsupported import check_pod_spec
from cluster.api.tables.workloads import POD_TEMPLATES
from cluster.client import NotImplementedHere, Obj


def fill(template: Obj) -> None:
    fill_template(template.setdefault("template", {}))


def rules(template: Obj, _old: Obj | None) -> Iterator[FieldError]:
    return check_template(template["template"], "template")


def unsupported(template: Obj) -> Iterator[NotImplementedHere]:
    return check_pod_spec(template["template"]["spec"], "template.spec")


RESOURCE = Resource(
    plural="podtemplates",
    kind="PodTemplate",
    table=POD_TEMPLATES,
    desired=lambda template: template["template"],
    fill=fill,
    rules=rules,
    unsupported=unsupported,
    warnings=template_warnings("template", named=False),
)
