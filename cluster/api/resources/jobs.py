"""Jobs."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, invalid, required
from cluster.api.metadata import immutable
from cluster.api.resource import Resource, spec_of
from cluster.api.resources.checks import check_enum, check_not_negative, check_optional_enum, check_required
from cluster.api.resources.pod_warnings import template_warnings
from cluster.api.resources.podspec import fill_template
from cluster.api.resources.podspec_rules import FOR_JOBS, check_template
from cluster.api.resources.templates import unsupported_template
from cluster.api.tables.jobs import JOBS
from cluster.client import NotImplementedHere, Obj

UID_LABEL, NAME_LABEL = "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"
_COUNTS = ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished")
_IMMUTABLE = ("completions", "selector", "template", "completionMode", "podFailurePolicy", "backoffLimitPerIndex")


def fill(job: Obj) -> None:
    fill_spec(job.setdefault("spec", {}))


def fill_spec(spec: Obj) -> None:
    fill_template(spec.setdefault("template", {}))
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("podReplacementPolicy", "TerminatingOrFailed" if not spec.get("podFailurePolicy") else "Failed")


def complete(job: Obj) -> None:
    """Its own selector, and where it has no labels those of its pods (recording `job-failing`)."""
    own_selector(job)
    labels = job["spec"]["template"]["metadata"].get("labels")
    if labels and not job["metadata"].get("labels"):
        job["metadata"]["labels"] = dict(labels)


def own_selector(job: Obj) -> None:
    """A Job selects its own pods by its uid, unless it manages the selector itself."""
    spec = job["spec"]
    if spec.get("manualSelector"):
        return
    spec["manualSelector"] = False
    uid, name = job["metadata"]["uid"], job["metadata"].get("name", "")
    labels = spec["template"]["metadata"].setdefault("labels", {})
    labels |= {UID_LABEL: uid, NAME_LABEL: name, "controller-uid": uid, "job-name": name}
    selector = spec["selector"] = spec.get("selector") or {}
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), UID_LABEL: uid}


def generated(job: Obj) -> Obj:
    """The selector of a Job that does not manage its own."""
    return {"matchLabels": {UID_LABEL: job["metadata"].get("uid", "")}}


def rules(job: Obj, old: Obj | None) -> Iterator[FieldError]:
    spec = job["spec"]
    if spec.get("selector") is None:
        yield required("spec.selector")
    if old is None and not spec.get("manualSelector") and spec.get("selector") != generated(job):
        yield invalid("spec.selector", spec.get("selector"), "`selector` not auto-generated")
    yield from check_job_spec(spec, "spec")
    for name in _IMMUTABLE:
        if old is not None and spec.get(name) != old["spec"].get(name):
            yield immutable(f"spec.{name}", spec.get(name))


def check_job_spec(spec: Obj, path: str) -> Iterator[FieldError]:
    yield from check_not_negative(spec, path, *_COUNTS)
    yield from check_optional_enum(spec, path, "completionMode", ("Indexed", "NonIndexed"))
    if spec.get("completionMode") == "Indexed" and spec.get("completions") is None:
        yield required(f"{path}.completions", "when completion mode is Indexed")
    yield from check_template(spec["template"], f"{path}.template", *FOR_JOBS)
    policy = spec.get("podFailurePolicy")
    if policy is not None:
        yield from _check_policy(policy, f"{path}.podFailurePolicy")
        if spec["template"]["spec"].get("restartPolicy") != "Never":
            restarts = spec["template"]["spec"].get("restartPolicy")
            why = 'only "Never" is supported when podFailurePolicy is specified'
            yield invalid(f"{path}.template.spec.restartPolicy", restarts, why)


def _check_policy(policy: Obj, path: str) -> Iterator[FieldError]:
    for i, rule in enumerate(policy.get("rules") or ()):
        at = f"{path}.rules[{i}]"
        yield from check_enum(rule, at, "action", ("Count", "FailIndex", "FailJob", "Ignore"))
        if bool(rule.get("onExitCodes")) == bool(rule.get("onPodConditions")):
            yield invalid(at, "", "specifying one of OnExitCodes and OnPodConditions is required")
        if codes := rule.get("onExitCodes"):
            yield from check_enum(codes, f"{at}.onExitCodes", "operator", ("In", "NotIn"))
            yield from check_required(codes, f"{at}.onExitCodes", "values")


def unsupported(job: Obj) -> Iterator[NotImplementedHere]:
    yield from unsupported_job(job["spec"], "spec")
    yield from unsupported_template("spec", "template")(job)


def unsupported_job(spec: Obj, path: str) -> Iterator[NotImplementedHere]:
    if any(rule.get("action") == "FailIndex" for rule in (spec.get("podFailurePolicy") or {}).get("rules") or ()):
        yield NotImplementedHere(f"{path}.podFailurePolicy.rules[*].action: FailIndex is not supported by this cluster")
    for name in ("successPolicy", "backoffLimitPerIndex", "maxFailedIndexes", "managedBy"):
        if spec.get(name) is not None:
            yield NotImplementedHere(
                f"{path}.{name} is not supported by this cluster: Jobs fail by backoffLimit and "
                "activeDeadlineSeconds; remove it or use a real cluster"
            )


def selectable(job: Obj) -> dict[str, str]:
    return {"status.successful": str(job.get("status", {}).get("succeeded", 0))}


RESOURCE = Resource(
    group="batch",
    plural="jobs",
    kind="Job",
    categories=("all",),
    subresources=("status",),
    table=JOBS,
    desired=spec_of,
    fill=fill,
    rules=rules,
    on_create=complete,
    fields=selectable,
    unsupported=unsupported,
    warnings=template_warnings("spec", "template"),
)
