"""Jobs."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, invalid, not_one_of, required, too_long
from cluster.api.metadata import check_domain_path, immutable, label
from cluster.api.resource import Resource, spec_of
from cluster.api.resources.checks import (
    check_not_negative,
    check_optional_enum,
    check_selector,
)
from cluster.api.resources.job_rules import check_failure_policy, check_indexes, check_success_policy, policy_in_go
from cluster.api.resources.pod_warnings import template_warnings
from cluster.api.resources.podspec import fill_template
from cluster.api.resources.podspec_rules import check_template
from cluster.api.resources.templates import changed, unsupported_template
from cluster.api.tables.jobs import JOBS
from cluster.client import NotImplementedHere, Obj
from cluster.selectors import matches_selector

UID_LABEL, NAME_LABEL = "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"
NO_LIMIT = 2**31 - 1
MANAGER_BYTES_MAX = 63
_COUNTS = (
    *("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"),
    *("backoffLimitPerIndex", "maxFailedIndexes"),
)
_IMMUTABLE = (
    *("selector", "template", "completionMode", "podFailurePolicy"),
    *("backoffLimitPerIndex", "managedBy", "successPolicy"),
)


def fill(job: Obj) -> None:
    fill_spec(job.setdefault("spec", {}))


def _fill_policy(policy: Obj) -> None:
    for rule in policy.get("rules") or ():
        for condition in rule.get("onPodConditions") or ():
            condition.setdefault("status", "True")


def fill_spec(spec: Obj) -> None:
    fill_template(spec.setdefault("template", {}))
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6 if spec.get("backoffLimitPerIndex") is None else NO_LIMIT)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    _fill_policy(spec.get("podFailurePolicy") or {})
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
    fresh = old is None or spec.get("selector") != old["spec"].get("selector")
    if fresh and not spec.get("manualSelector") and spec.get("selector") != generated(job):
        yield invalid("spec.selector", spec.get("selector"), "`selector` not auto-generated")
    found = [*check_job_spec(spec, "spec"), *_check_selector(spec)]
    yield from found
    yield from _check_host_names(job)
    if old is not None:
        # Of an update Kubernetes checks the whole as well as the change, and lists what is wrong with the whole twice.
        yield from found
        yield from _check_change(job, old)


def _check_change(job: Obj, old: Obj) -> Iterator[FieldError]:
    spec = job["spec"]
    if changed(job, old, "completions"):
        yield from _check_completions(spec)
    for name in _IMMUTABLE:
        if changed(job, old, name) and not _may_change(name, job, old):
            yield immutable(f"spec.{name}", policy_in_go(spec.get(name)) if "Policy" in name else spec.get(name))


def _check_host_names(job: Obj) -> Iterator[FieldError]:
    """The pods of an Indexed Job are hosts called by its name and their index."""
    spec, name = job["spec"], job["metadata"].get("name", "")
    last = f"{name}-{(spec.get('completions') or 0) - 1}"
    if spec.get("completionMode") == "Indexed" and (spec.get("completions") or 0) > 0 and label(last):
        yield invalid("metadata.name", name, f"will not able to create pod with invalid DNS label: {last}")


def _check_completions(spec: Obj) -> Iterator[FieldError]:
    """An Indexed Job may grow and shrink as a whole (KEP-2214)."""
    if spec.get("completionMode") != "Indexed":
        yield immutable("spec.completions", spec.get("completions"))
    elif spec.get("completions") not in (None, spec.get("parallelism")):
        yield invalid("spec.completions", spec["completions"], "can only be modified in tandem with parallelism")


def _may_change(name: str, job: Obj, old: Obj) -> bool:
    """A Job that was never started may still learn where its pods are to run, and what they ask for."""
    if name != "template" or not old["spec"].get("suspend") or (old.get("status") or {}).get("startTime"):
        return False
    return _without_directives(job) == _without_directives(old)


def _without_directives(job: Obj) -> Obj:
    template = job["spec"]["template"]
    pod = {
        key: value for key, value in template["spec"].items() if key not in ("nodeSelector", "affinity", "tolerations")
    }
    kept = {key: value for key, value in template["metadata"].items() if key not in ("labels", "annotations")}
    containers = [{key: value for key, value in c.items() if key != "resources"} for c in pod.get("containers") or ()]
    return {**template, "metadata": kept, "spec": {**pod, "containers": containers}}


def _check_selector(spec: Obj) -> Iterator[FieldError]:
    selector, labels = spec.get("selector"), spec["template"]["metadata"].get("labels")
    if selector is None:
        yield required("spec.selector")
    elif wrong := list(check_selector(selector, "spec.selector")):
        yield from wrong
        return
    if selector is None or not matches_selector(selector, labels or {}):
        yield invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")


def check_job_spec(spec: Obj, path: str) -> Iterator[FieldError]:
    yield from check_not_negative(spec, path, *_COUNTS)
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        yield required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
    yield from _check_manager(spec.get("managedBy"), f"{path}.managedBy")
    yield from check_indexes(spec, path)
    yield from check_failure_policy(spec, f"{path}.podFailurePolicy")
    yield from check_success_policy(spec, f"{path}.successPolicy")
    replaced = ("Failed",) if spec.get("podFailurePolicy") is not None else ("Failed", "TerminatingOrFailed")
    yield from check_optional_enum(spec, path, "podReplacementPolicy", replaced)
    yield from check_template(spec["template"], f"{path}.template")
    yield from _check_ending(spec, f"{path}.template.spec.restartPolicy")


def _check_manager(manager: str | None, path: str) -> Iterator[FieldError]:
    if manager is not None:
        yield from check_domain_path(manager, path)
    if manager is not None and len(manager.encode()) > MANAGER_BYTES_MAX:
        yield too_long(path, MANAGER_BYTES_MAX)


def _check_ending(spec: Obj, path: str) -> Iterator[FieldError]:
    """Pods of a Job end; those whose failures are judged are not restarted before."""
    policy = spec["template"]["spec"].get("restartPolicy")
    if policy == "Always":
        yield required(path, 'valid values: "OnFailure", "Never"')
    elif policy not in ("OnFailure", "Never"):
        yield not_one_of(path, policy, ("OnFailure", "Never"))
    elif spec.get("podFailurePolicy") is not None and policy != "Never":
        yield invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')


def unsupported(job: Obj) -> Iterator[NotImplementedHere]:
    yield from unsupported_job(job["spec"], "spec")
    yield from unsupported_template("spec", "template")(job)


def unsupported_job(spec: Obj, path: str) -> Iterator[NotImplementedHere]:
    if spec.get("managedBy") not in (None, "kubernetes.io/job-controller"):
        why = "Jobs have one controller; remove it or use a real cluster"
        yield NotImplementedHere(f"{path}.managedBy is not supported by this cluster: {why}")


def selectable(job: Obj) -> dict[str, str]:
    return {"status.successful": str(job.get("status", {}).get("succeeded", 0))}


RESOURCE = Resource(
    group="batch",
    plural="jobs",
    kind="Job",
    categories=("all",),
    subresources=("status",),
    orphans=True,
    table=JOBS,
    desired=spec_of,
    fill=fill,
    rules=rules,
    on_create=complete,
    fields=selectable,
    unsupported=unsupported,
    warnings=template_warnings("spec", "template"),
)
