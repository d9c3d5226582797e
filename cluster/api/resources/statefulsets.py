"""StatefulSets."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, forbidden, in_go, invalid, not_one_of
from cluster.api.resource import Resource, spec_of
from cluster.api.resources.checks import check_not_negative
from cluster.api.resources.persistentvolumeclaims import check_claim_spec
from cluster.api.resources.persistentvolumeclaims import fill as fill_claim
from cluster.api.resources.pod_warnings import template_warnings
from cluster.api.resources.podspec import fill_template
from cluster.api.resources.templates import check_workload, unsupported_template
from cluster.api.tables.workloads import STATEFUL_SETS
from cluster.client import Obj

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
    spec.setdefault("replicas", 1)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        strategy["rollingUpdate"] = {"partition": 0} | (strategy.get("rollingUpdate") or {})
    spec.setdefault("revisionHistoryLimit", 10)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    retention.setdefault("whenDeleted", "Retain")
    retention.setdefault("whenScaled", "Retain")
    for claim in spec.get("volumeClaimTemplates") or ():
        claim.update(kind="PersistentVolumeClaim", apiVersion="v1")
        fill_claim(claim)
        claim.setdefault("status", {"phase": "Pending"})


def rules(stateful_set: Obj, old: Obj | None) -> Iterator[FieldError]:
    spec = stateful_set["spec"]
    if spec["podManagementPolicy"] not in ("OrderedReady", "Parallel"):
        yield invalid("spec.podManagementPolicy", spec["podManagementPolicy"], "must be 'OrderedReady' or 'Parallel'")
    yield from _check_strategy(spec["updateStrategy"])
    for when, policy in spec["persistentVolumeClaimRetentionPolicy"].items():
        if policy not in RETENTION:
            yield not_one_of(f"spec.persistentVolumeClaimRetentionPolicy.{when}", policy, RETENTION)
    yield from check_workload(
        {**stateful_set, "spec": _with_claims(spec)}, old and {**old, "spec": _with_claims(old["spec"])}
    )
    for i, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        yield from check_claim_spec(claim["spec"], f"spec.volumeClaimTemplates[{i}].spec")
    if old is not None and _fixed(spec) != _fixed(old["spec"]):
        yield forbidden("spec", ONLY)


def _check_strategy(strategy: Obj) -> Iterator[FieldError]:
    kind, rolling = strategy["type"], strategy.get("rollingUpdate")
    if kind not in ("OnDelete", "RollingUpdate"):
        shown = in_go(strategy, "Type RollingUpdate")
        yield invalid("spec.updateStrategy", shown, "must be 'RollingUpdate' or 'OnDelete'")
    elif kind == "OnDelete" and rolling is not None:
        yield invalid("spec.updateStrategy.rollingUpdate", rolling, "only allowed for updateStrategy 'RollingUpdate'")
    else:
        yield from check_not_negative(rolling or {}, "spec.updateStrategy.rollingUpdate", "partition")


def _fixed(spec: Obj) -> Obj:
    return {k: v for k, v in spec.items() if k not in MUTABLE}


def _with_claims(spec: Obj) -> Obj:
    """The template's containers mount the claims by name as if they were volumes of the template."""
    claims = [
        {"name": claim["metadata"]["name"], "persistentVolumeClaim": {"claimName": "-"}}
        for claim in spec.get("volumeClaimTemplates") or ()
    ]
    pod = spec["template"]["spec"]
    names = {claim["name"] for claim in claims}
    volumes = [volume for volume in pod.get("volumes") or () if volume.get("name") not in names]
    return {**spec, "template": {**spec["template"], "spec": {**pod, "volumes": volumes + claims}}}


def initial_status(_stateful_set: Obj) -> Obj:
    return {"replicas": 0, "availableReplicas": 0}


RESOURCE = Resource(
    group="apps",
    plural="statefulsets",
    kind="StatefulSet",
    short_names=("sts",),
    categories=("all",),
    subresources=("scale", "status"),
    table=STATEFUL_SETS,
    desired=spec_of,
    fill=fill,
    rules=rules,
    initial_status=initial_status,
    unsupported=unsupported_template("spec", "template"),
    warnings=template_warnings("spec", "template"),
)
