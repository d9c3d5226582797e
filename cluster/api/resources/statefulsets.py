"""StatefulSets."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, forbidden, invalid, not_one_of
from cluster.api.metadata import label
from cluster.api.resource import Resource, spec_of
from cluster.api.resources.checks import check_name, check_not_negative, check_selector
from cluster.api.resources.persistentvolumeclaims import check_claim_spec, claim_warnings
from cluster.api.resources.persistentvolumeclaims import fill as fill_claim
from cluster.api.resources.pod_warnings import template_warnings
from cluster.api.resources.podspec import fill_template
from cluster.api.resources.podspec_rules import check_template_metadata
from cluster.api.resources.status_rules import check_counts
from cluster.api.resources.templates import check_kept_running, check_selected, unchanged, unsupported_template
from cluster.api.tables.workloads import STATEFUL_SETS
from cluster.client import Obj

_AMONG = ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
_COUNTS = ("replicas", *_AMONG, "observedGeneration", "collisionCount")
RETENTION = ("Retain", "Delete")
MUTABLE = (
    "minReadySeconds",
    "ordinals",
    "persistentVolumeClaimRetentionPolicy",
    "replicas",
    "revisionHistoryLimit",
    "template",
    "updateStrategy",
)
ONLY = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)


def fill(stateful_set: Obj) -> None:
    spec = stateful_set.setdefault("spec", {})
    fill_template(spec.setdefault("template", {}))
    spec.setdefault("serviceName", "")
    spec.setdefault("replicas", 1)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        strategy.setdefault("rollingUpdate", {})
    if (rolling := strategy.get("rollingUpdate")) is not None:
        # Several pods at a time are an alpha of Kubernetes, which drops the field.
        rolling.pop("maxUnavailable", None)
        if strategy["type"] == "RollingUpdate":
            rolling.setdefault("partition", 0)
    spec.setdefault("revisionHistoryLimit", 10)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    retention.setdefault("whenDeleted", "Retain")
    retention.setdefault("whenScaled", "Retain")
    for claim in spec.get("volumeClaimTemplates") or ():
        claim.update(kind="PersistentVolumeClaim", apiVersion="v1")
        fill_claim(claim)
        claim.setdefault("status", {"phase": "Pending"})


def rules(stateful_set: Obj, old: Obj | None) -> Iterator[FieldError]:
    yield from check_counts(stateful_set, old, _COUNTS, _AMONG, ready="status.readyReplicas")
    if unchanged(stateful_set, old):
        return
    spec = stateful_set["spec"]
    yield from _check_policies(spec)
    for i, claim in enumerate(spec.get("volumeClaimTemplates") or () if old is None else ()):
        yield from check_claim_spec(claim["spec"], f"spec.volumeClaimTemplates[{i}].spec")
    yield from check_not_negative(spec, "spec", "replicas", "minReadySeconds")
    yield from check_not_negative(spec.get("ordinals") or {}, "spec.ordinals", "start")
    if old is None and spec.get("serviceName"):
        yield from check_name(spec["serviceName"], "spec.serviceName", label)
    yield from check_selected(_as_run(spec), "statefulset", why="")
    if not any(check_selector(spec.get("selector"), "")):
        # Kubernetes looks at them twice, and tells what it finds twice.
        yield from check_template_metadata(spec["template"].get("metadata") or {}, "spec.template")
    yield from check_kept_running(spec, "StatefulSet")
    if old is not None and _fixed(spec) != _fixed(old["spec"]):
        yield forbidden("spec", ONLY)


def _check_policies(spec: Obj) -> Iterator[FieldError]:
    if spec["podManagementPolicy"] not in ("OrderedReady", "Parallel"):
        yield invalid("spec.podManagementPolicy", spec["podManagementPolicy"], "must be 'OrderedReady' or 'Parallel'")
    yield from _check_strategy(spec["updateStrategy"])
    for when in ("whenDeleted", "whenScaled"):
        policy = spec["persistentVolumeClaimRetentionPolicy"][when]
        if policy not in RETENTION:
            yield not_one_of(f"spec.persistentVolumeClaimRetentionPolicy.{when}", policy, RETENTION)


def _check_strategy(strategy: Obj) -> Iterator[FieldError]:
    kind, rolling = strategy["type"], strategy.get("rollingUpdate")
    if kind not in ("OnDelete", "RollingUpdate"):
        shown = {"Type": kind, "RollingUpdate": _shown(rolling)}
        yield invalid("spec.updateStrategy", shown, "must be 'RollingUpdate' or 'OnDelete'")
    elif kind == "OnDelete" and rolling is not None:
        yield invalid(
            "spec.updateStrategy.rollingUpdate", _shown(rolling), "only allowed for updateStrategy 'RollingUpdate'"
        )
    else:
        yield from check_not_negative(rolling or {}, "spec.updateStrategy.rollingUpdate", "partition")


def _shown(rolling: Obj | None) -> Obj | None:
    return rolling and {"Partition": rolling.get("partition", 0), "MaxUnavailable": None}


def _fixed(spec: Obj) -> Obj:
    return {k: v for k, v in spec.items() if k not in MUTABLE}


def _as_run(spec: Obj) -> Obj:
    """The template's containers mount the claims by name as if they were volumes; its pods have names of their own."""
    names = dict.fromkeys(claim.get("metadata", {}).get("name", "") for claim in spec.get("volumeClaimTemplates") or ())
    claims = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in names]
    pod = {k: v for k, v in spec["template"]["spec"].items() if k not in ("hostname", "subdomain")}
    volumes = [volume for volume in pod.get("volumes") or () if volume.get("name", "") not in names]
    return {**spec, "template": {**spec["template"], "spec": {**pod, "volumes": claims + volumes}}}


def warnings(stateful_set: Obj, old: Obj | None) -> Iterator[str]:
    yield from template_warnings("spec", "template", named=False)(stateful_set, old)
    spec, part = stateful_set["spec"], "" if old is None else ".Spec"
    for i, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        yield from claim_warnings(claim["spec"], f"spec.volumeClaimTemplates[{i}]{part}")
    if spec["revisionHistoryLimit"] < 0:
        yield (
            "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"
        )


def initial_status(_stateful_set: Obj) -> Obj:
    return {"replicas": 0, "availableReplicas": 0}


RESOURCE = Resource(
    group="apps",
    plural="statefulsets",
    kind="StatefulSet",
    short_names=("sts",),
    categories=("all",),
    subresources=("scale", "status"),
    name_rule=label,
    table=STATEFUL_SETS,
    desired=spec_of,
    fill=fill,
    rules=rules,
    initial_status=initial_status,
    unsupported=unsupported_template("spec", "template"),
    warnings=warnings,
)
