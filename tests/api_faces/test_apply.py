"""Server-side apply: owners, conflicts, force, and fields that go when nobody wants them any more."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.api.apply import LAST_APPLIED, apply
from cluster.api.field_sets import decode, encode, fields_of, show
from cluster.api.managers import track_create, track_update
from cluster.api.resources import registry
from cluster.api.schema import lookup
from cluster.api.typed import misfits
from cluster.client import BadRequest, Conflict

Obj = dict[str, Any]
NOW = 1_700_000_000.0
DEPLOYMENT = registry["deployments.apps"]


def config(replicas: int | None = 2, image: str = "i:1", **labels: str) -> Obj:
    container = {"name": "app", "image": image, "ports": [{"containerPort": 8080}]}
    spec = {"template": {"spec": {"containers": [container]}}, **({"replicas": replicas} if replicas else {})}
    return {"metadata": {"name": "app", "labels": {"app": "app", **labels}}, "spec": spec}


def by(manager: str, live: Obj, applied: Obj, *, force: bool = False) -> Obj:
    before = copy.deepcopy((live, applied))
    result = apply(live, applied, DEPLOYMENT, manager=manager, force=force, now=NOW)
    assert (live, applied) == before
    return result


def owned(obj: Obj, manager: str) -> set[str]:
    entries = [e for e in obj["metadata"]["managedFields"] if e["manager"] == manager]
    return {show(path) for entry in entries for path in decode(entry["fieldsV1"])}


def test_the_applier_owns_exactly_what_it_applied() -> None:
    made = by("one", {}, config())
    assert made["metadata"]["managedFields"] == [
        {
            "manager": "one",
            "operation": "Apply",
            "apiVersion": "apps/v1",
            "time": "2023-11-14T22:13:20Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:metadata": {"f:labels": {"f:app": {}}},
                "f:spec": {
                    "f:replicas": {},
                    "f:template": {
                        "f:spec": {
                            "f:containers": {
                                'k:{"name":"app"}': {
                                    ".": {},
                                    "f:image": {},
                                    "f:name": {},
                                    "f:ports": {
                                        'k:{"containerPort":8080,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}
                                    },
                                }
                            }
                        }
                    },
                },
            },
        }
    ]


def test_another_wish_for_an_owned_field_conflicts() -> None:
    live = by("one", {}, config())
    with pytest.raises(Conflict) as refused:
        by("two", live, config(replicas=5))
    assert refused.value.message == 'Apply failed with 1 conflict: conflict with "one": .spec.replicas'
    assert [(c.reason, c.message, c.field) for c in refused.value.causes] == [
        ("FieldManagerConflict", 'conflict with "one"', ".spec.replicas")
    ]


def test_several_conflicts_are_listed() -> None:
    live = by("one", {}, config())
    with pytest.raises(Conflict) as refused:
        by("two", live, config(replicas=5, image="i:2"))
    assert refused.value.message == (
        'Apply failed with 2 conflicts: conflicts with "one":\n- .spec.replicas\n'
        '- .spec.template.spec.containers[name="app"].image'
    )


def test_the_same_wish_is_shared() -> None:
    live = by("two", by("one", {}, config()), config())
    assert owned(live, "one") == owned(live, "two")


def test_force_takes_the_field_over() -> None:
    live = by("two", by("one", {}, config()), {"metadata": {"name": "app"}, "spec": {"replicas": 5}}, force=True)
    assert live["spec"]["replicas"] == 5
    assert ".spec.replicas" in owned(live, "two")
    assert ".spec.replicas" not in owned(live, "one")


def test_what_is_no_longer_applied_goes_unless_another_owns_it() -> None:
    live = by("one", {}, config(extra="1"))
    live = by("two", live, {"metadata": {"labels": {"app": "app"}}})
    live = by("one", live, {"metadata": {"name": "app"}, "spec": {"replicas": 2}})
    assert live["metadata"]["labels"] == {"app": "app"}
    assert live["spec"] == {"replicas": 2}


def test_what_was_never_applied_stays() -> None:
    live = by("one", {}, config())
    live["spec"]["template"]["spec"]["containers"].append({"name": "injected"})
    live = by("one", live, config(image="i:2"))
    assert [c["name"] for c in live["spec"]["template"]["spec"]["containers"]] == ["app", "injected"]
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "i:2"


def test_untracked_writers_conflict_as_before_first_apply() -> None:
    with pytest.raises(Conflict, match=r'conflict with "before-first-apply" using apps/v1: \.spec\.replicas'):
        by("one", config(replicas=1), config(replicas=2))


def test_a_later_write_takes_what_it_changed() -> None:
    live = by("one", {}, config())
    scaled = copy.deepcopy(live)
    scaled["spec"]["replicas"] = 7
    track_update(live, scaled, DEPLOYMENT, manager="scaler", now=NOW)
    assert owned(scaled, "scaler") == {".spec.replicas"}
    with pytest.raises(Conflict, match=r'conflict with "scaler" using apps/v1: \.spec\.replicas'):
        by("one", scaled, config())


def test_kubectl_takes_over_what_it_applied_client_side() -> None:
    annotations = {LAST_APPLIED: json.dumps({"spec": {"replicas": 2}})}
    live = {"metadata": {"name": "app", "annotations": annotations}, "spec": {"replicas": 2, "minReadySeconds": 1}}
    again = {"metadata": {"name": "app"}, "spec": {"replicas": 3}}
    assert by("kubectl", live, again)["spec"]["replicas"] == 3
    with pytest.raises(Conflict):
        by("another", live, again)
    with pytest.raises(Conflict):
        by("kubectl", live, {"metadata": {"name": "app"}, "spec": {"minReadySeconds": 2}})


def test_applying_again_changes_nothing() -> None:
    live = by("one", {}, config())
    assert apply(live, config(), DEPLOYMENT, manager="one", force=False, now=NOW + 9) == live


def test_a_manager_is_needed_and_managed_fields_are_not_applied() -> None:
    with pytest.raises(BadRequest, match="fieldManager: Required value"):
        by("", {}, config())
    with pytest.raises(BadRequest, match="managedFields must be nil"):
        by("one", {}, by("one", {}, config()))


containers: st.SearchStrategy[Obj] = st.fixed_dictionaries(
    {"name": st.sampled_from("abc")}, optional={"image": st.sampled_from("ij")}
)
specs: st.SearchStrategy[Obj] = st.fixed_dictionaries(
    {},
    optional={
        "hostname": st.sampled_from("xy"),
        "nodeSelector": st.dictionaries(st.sampled_from("kl"), st.sampled_from("12"), min_size=1),
        "containers": st.lists(containers, unique_by=lambda c: str(c["name"]), min_size=1),
    },
)


@given(specs)
def test_field_sets_survive_their_encoding(spec: Obj) -> None:
    fields = fields_of({"spec": spec}, lookup("core.Pod"))
    assert decode(encode(fields)) == fields


@given(specs, specs)
def test_one_manager_always_gets_exactly_what_it_applied_last(first: Obj, second: Obj) -> None:
    """A single applier's object is its last configuration, whatever it applied before."""
    pods = registry["pods"]
    live: Obj = {}
    for spec in (first, second):
        live = apply(live, {"spec": spec}, pods, manager="one", force=False, now=NOW)
    assert {k: v for k, v in live.get("spec", {}).items() if v} == second


def test_a_creator_owns_also_what_its_fields_are_in() -> None:
    made = {**config(), "apiVersion": "apps/v1", "kind": "Deployment"}
    track_create(made, DEPLOYMENT, manager="kubectl-create", now=NOW)
    mine = owned(made, "kubectl-create")
    assert {".metadata.labels", ".metadata.labels.app"} <= mine
    assert ".spec.template.spec.containers" not in mine
    assert ".metadata.name" not in mine


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (
            {"replicas": "two"},
            '.spec.replicas: expected numeric (int or float), got &value.valueUnstructured{Value:"two"}',
        ),
        ({"strange": 1}, ".spec.strange: field not declared in schema"),
        ({"paused": 1}, ".spec.paused: expected boolean, got &value.valueUnstructured{Value:1}"),
        (
            {"template": {"spec": {"containers": [{"name": "a"}, {"name": "a", "args": [True]}]}}},
            '.spec.template.spec.containers: duplicate entries for key [name="a"]',
        ),
    ],
)
def test_what_is_no_configuration_of_its_kind_is_told_as_it_is_compared(spec: Obj, why: str) -> None:
    assert why in list(misfits({"metadata": {"name": "app"}, "spec": spec}, DEPLOYMENT.type))


def test_a_configuration_of_its_kind_fits() -> None:
    assert list(misfits(config(), DEPLOYMENT.type)) == []
