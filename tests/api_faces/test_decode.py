"""Decoding keeps what Kubernetes keeps, reports what it does not know, and refuses wrong types by field."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.api.decode import decode, strict_error
from cluster.api.resources import registry
from cluster.api.schema import is_object, lookup, types_of_package
from cluster.client import BadRequest

Obj = dict[str, Any]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["spec", "name", "a"]), inner),
    max_leaves=8,
)


def test_unknown_fields_are_dropped_and_named(deployment: Obj) -> None:
    deployment["spec"]["template"]["spec"]["containers"][0]["foo"] = 1
    deployment["bar"] = {}
    clean, problems = decode(registry["deployments.apps"], deployment)
    assert sorted(problems) == ['unknown field "bar"', 'unknown field "spec.template.spec.containers[0].foo"']
    assert "foo" not in clean["spec"]["template"]["spec"]["containers"][0]


def test_the_strict_error_is_worded_as_recorded() -> None:
    pod = {"metadata": {"name": "p"}, "spec": {"containrs": []}}
    _, problems = decode(registry["pods"], pod)
    assert strict_error(registry["pods"], problems).message == (
        'Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.containrs"'
    )


def test_null_within_a_list_or_a_map_is_the_zero_of_its_type(pod: Obj) -> None:
    pod["metadata"]["labels"] = {"app": None}
    pod["spec"] |= {"containers": [None], "volumes": [None]}
    clean, problems = decode(registry["pods"], pod)
    assert (clean["metadata"]["labels"], problems) == ({"app": ""}, [])
    assert (clean["spec"]["containers"], clean["spec"]["volumes"]) == ([{}], [{}])


def test_a_bad_quantity_is_worded_as_recorded(pod: Obj) -> None:
    pod["spec"]["containers"][0]["resources"] = {"limits": {"memory": "lots"}}
    with pytest.raises(BadRequest, match=r'Pod in version "v1" cannot be handled as a Pod: quantities must match'):
        decode(registry["pods"], pod)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"containers": {}}, "cannot unmarshal object into Go struct field PodSpec.spec.containers"),
        ({"hostname": 5}, "cannot unmarshal number into Go struct field PodSpec.spec.hostname of type string"),
        (
            {"activeDeadlineSeconds": "5"},
            "cannot unmarshal string into Go struct field PodSpec.spec.activeDeadlineSeconds",
        ),
        (
            {"priority": 2**31},
            "cannot unmarshal number 2147483648 into Go struct field Pod.spec.priority of type int32",
        ),
        ({"hostNetwork": "yes"}, "PodSpec.spec.hostNetwork of type bool"),
    ],
)
def test_a_wrong_type_names_the_field(pod: Obj, change: Obj, where: str) -> None:
    with pytest.raises(BadRequest, match=re.escape(where)):
        decode(registry["pods"], {**pod, "spec": pod["spec"] | change})


def test_nulls_and_empty_optional_parts_vanish_but_empty_objects_stay() -> None:
    policy = {
        "metadata": {"name": "n", "labels": {}, "creationTimestamp": None},
        "spec": {"podSelector": {}, "egress": []},
    }
    clean, _ = decode(registry["networkpolicies.networking.k8s.io"], policy)
    assert clean == {"metadata": {"name": "n"}, "spec": {"podSelector": {}}}


def test_another_kind_is_refused() -> None:
    with pytest.raises(BadRequest, match="does not match the expected API version"):
        decode(registry["pods"], {"apiVersion": "apps/v1", "kind": "Deployment"})


@given(json_values, st.sampled_from(sorted(registry)))
def test_any_body_is_read_or_refused(body: Any, key: str) -> None:
    """Never another exception than BadRequest, and what was read reads the same again."""
    resource = registry[key]
    try:
        clean, _ = decode(resource, {"metadata": {"name": "x"}, "spec": body})
    except BadRequest:
        return
    assert decode(resource, clean) == (clean, [])


def test_every_type_that_the_tables_name_exists() -> None:
    packages = {resource.group.partition(".")[0] or "core" for resource in registry.values()}
    for package in sorted(packages | {"meta", "authentication", "authorization", "autoscaling_v1"}):
        for type in types_of_package(package):
            for field in type.fields.values():
                inner = field.type.strip("[]{}")
                assert not is_object(inner) or lookup(inner)
                assert not field.merge_key or field.merge_key in lookup(inner).fields
