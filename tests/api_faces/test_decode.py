"""Decoding keeps what Kubernetes keeps, reports what it does not know, and refuses wrong types by field."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.api.decode import decode, strict_error, wrong_byte
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
        (
            {"containers": {}},
            "cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        ({"hostname": 5}, "cannot unmarshal number into Go struct field PodSpec.spec.hostname of type string"),
        (
            {"activeDeadlineSeconds": "5"},
            "cannot unmarshal string into Go struct field PodSpec.spec.activeDeadlineSeconds",
        ),
        (
            {"priority": 2**31},
            "cannot unmarshal number 2147483648 into Go struct field PodSpec.spec.priority of type int32",
        ),
        ({"hostNetwork": "yes"}, "PodSpec.spec.hostNetwork of type bool"),
        (
            {"containers": [{"name": "a"}, {"name": "b", "env": [{"name": "N", "value": 5}]}]},
            "cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string",
        ),
        (
            {"nodeSelector": {"a": True}},
            "cannot unmarshal bool into Go struct field PodSpec.spec.nodeSelector of type string",
        ),
        ({"containers": [{"ports": [{"containerPort": 80.5}]}]}, "number 80.5 into Go struct field ContainerPort.spec"),
        ({"securityContext": "x"}, "PodSpec.spec.securityContext of type v1.PodSecurityContext"),
        (
            {"restartPolicy": 1.5},
            "cannot unmarshal number into Go struct field PodSpec.spec.restartPolicy of type v1.R",
        ),
        (
            {"containers": [{"resources": {"limits": "x"}}]},
            "Requirements.spec.containers.resources.limits of type v1.R",
        ),
        (
            {"containers": [{"livenessProbe": {"httpGet": "/"}}]},
            "field Probe.spec.containers.livenessProbe.ProbeHandler.httpGet of type v1.HTTPGetAction",
        ),
        (
            {"containers": [{"securityContext": {"capabilities": {"drop": "ALL"}}}]},
            "field Capabilities.spec.containers.securityContext.capabilities.drop of type []v1.Capability",
        ),
        (
            {"containers": [{"livenessProbe": {"httpGet": {"port": [80]}}}]},
            "field HTTPGetAction.spec.containers.livenessProbe.ProbeHandler.httpGet.port of type int32",
        ),
    ],
)
def test_a_wrong_type_names_the_field(pod: Obj, change: Obj, where: str) -> None:
    with pytest.raises(BadRequest, match=re.escape(where)):
        decode(registry["pods"], {**pod, "spec": pod["spec"] | change})


def test_what_a_type_of_its_own_cannot_read_is_told_first(pod: Obj) -> None:
    """Go keeps the first wrong type for the end, but reads no further than such a one."""
    container = {"name": 5, "resources": {"limits": {"memory": "lots"}}}
    with pytest.raises(BadRequest, match="quantities must match"):
        decode(registry["pods"], {**pod, "spec": {"hostname": 5, "containers": [container]}})


def test_a_zero_that_means_nothing_vanishes(pod: Obj) -> None:
    """Where zero is a value of its own it stays."""
    probe = {"exec": {}, "initialDelaySeconds": 0, "terminationGracePeriodSeconds": 0}
    pod["spec"] |= {"hostPID": False, "enableServiceLinks": False, "terminationGracePeriodSeconds": 0}
    pod["spec"]["containers"][0] |= {"livenessProbe": probe, "stdin": False}
    clean, _ = decode(registry["pods"], pod)
    assert "hostPID" not in clean["spec"]
    assert (clean["spec"]["enableServiceLinks"], clean["spec"]["terminationGracePeriodSeconds"]) == (False, 0)
    assert clean["spec"]["containers"][0]["livenessProbe"] == {"exec": {}, "terminationGracePeriodSeconds": 0}
    assert "stdin" not in clean["spec"]["containers"][0]


def test_nulls_and_empty_optional_parts_vanish_but_empty_objects_stay() -> None:
    policy = {
        "metadata": {"name": "n", "labels": {}, "creationTimestamp": None},
        "spec": {"podSelector": {}, "egress": []},
    }
    clean, _ = decode(registry["networkpolicies.networking.k8s.io"], policy)
    assert clean == {"metadata": {"name": "n"}, "spec": {"podSelector": {}}}


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (
            {"apiVersion": "apps/v1", "kind": "Deployment"},
            'Deployment in version "v1" cannot be handled as a Pod: converting (v1.Deployment) to (core.Pod): '
            "unknown conversion",
        ),
        (
            {"apiVersion": "v2", "kind": "Pod"},
            'Pod in version "v2" cannot be handled as a Pod: no kind "Pod" is registered for version "v2" in scheme',
        ),
    ],
)
def test_another_kind_is_refused(head: Obj, why: str) -> None:
    with pytest.raises(BadRequest, match=re.escape(why)):
        decode(registry["pods"], head)


@pytest.mark.parametrize(
    ("text", "byte"), [("not base64!", 3), ("abc", 0), ("abcdab", 4), ("YQ==", None), ("", None), ("YWI=", None)]
)
def test_broken_base64_is_told_by_its_byte(text: str, byte: int | None) -> None:
    assert wrong_byte(text) == byte


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
