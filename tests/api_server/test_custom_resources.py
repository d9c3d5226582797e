"""A CustomResourceDefinition makes the API serve its kind: validated, defaulted, pruned, listed, scaled, described."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.api.apply import apply
from cluster.api.context import User
from cluster.api.core import Core
from cluster.api.custom import schema as structural
from cluster.api.custom.jsonpath import find, is_path
from cluster.api.discovery import aggregated, group
from cluster.api.local import LocalClient
from cluster.api.openapi import document
from cluster.api.patching import Sent, parse_patch
from cluster.api.tables.table import render
from cluster.api.verbs import WriteOptions
from cluster.client import ApiError, BadRequest, Invalid, NotImplementedHere, Obj
from cluster.custom import DEFINITIONS
from tests.api_server.definitions import SPEC, WIDGETS, definition, widget, with_version

NS = "default"


def establish(client: LocalClient, made: Obj | None = None) -> None:
    """Create a definition and accept it, as the controller does."""
    client.create(DEFINITIONS, made or definition())
    status = {"conditions": [{"type": "Established", "status": "True"}]}
    client.patch(DEFINITIONS, WIDGETS, "", {"status": status}, subresource="status")


class TestDefinitions:
    def test_what_they_define_is_served_only_once_they_are_established(self, client: LocalClient) -> None:
        client.create(DEFINITIONS, definition())
        with pytest.raises(ApiError) as refused:
            client.list(WIDGETS)
        assert refused.value.code == 404

    def test_names_and_the_finalizer_are_filled_in(self, client: LocalClient) -> None:
        made = client.create(DEFINITIONS, definition())
        assert (made["spec"]["names"]["singular"], made["spec"]["names"]["listKind"]) == ("widget", "WidgetList")
        assert made["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
        assert made["status"]["storedVersions"] == ["v1"]

    @pytest.mark.parametrize(
        ("change", "cause"),
        [
            ({"group": "other.com"}, 'metadata.name: Invalid value: "widgets.example.com": must be spec.names.plural'),
            ({"scope": "Galaxy"}, 'spec.scope: Unsupported value: "Galaxy"'),
            ({"versions": []}, "must have exactly one version marked as storage version"),
            ({"preserveUnknownFields": True}, "spec.preserveUnknownFields: Invalid value: true: cannot set to true"),
        ],
    )
    def test_what_cannot_be_served_is_refused_with_the_field(
        self, client: LocalClient, change: dict[str, Any], cause: str
    ) -> None:
        made = definition()
        with pytest.raises(Invalid) as refused:
            client.create(DEFINITIONS, {**made, "spec": {**made["spec"], **change}})
        assert cause in refused.value.message

    @pytest.mark.parametrize(
        ("spec", "cause"),
        [
            (
                {"properties": {}},
                "[spec].type: Required value: must not be empty for specified object fields",
            ),
            ({"type": "array", "items": {}, "pattern": "("}, "must be a valid regular expression"),
            ({"type": "thing"}, 'properties[spec].type: Unsupported value: "thing"'),
        ],
    )
    def test_schemas_must_be_structural(self, client: LocalClient, spec: dict[str, Any], cause: str) -> None:
        with pytest.raises(Invalid) as refused:
            client.create(DEFINITIONS, definition(spec))
        assert cause in refused.value.message

    @pytest.mark.parametrize("more", [{}, {"allOf": [{"anyOf": [{"type": "integer"}, {"type": "string"}]}]}])
    def test_int_or_string_may_be_said_twice(self, client: LocalClient, more: dict[str, Any]) -> None:
        either = more or {"anyOf": [{"type": "integer"}, {"type": "string"}], "pattern": "^[0-9]+%?$"}
        size = {"type": "integer"}
        properties = {"size": size, "share": {"x-kubernetes-int-or-string": True, **either}}
        establish(client, definition({"type": "object", "properties": properties}))
        client.create(WIDGETS, widget("text", share="5%"), NS)
        client.create(WIDGETS, widget("number", share=5), NS)
        with pytest.raises(Invalid, match=r"spec\.share"):
            client.create(WIDGETS, widget(share=[]), NS)

    def test_elsewhere_conditions_have_no_types(self, client: LocalClient) -> None:
        made = definition({**SPEC, "anyOf": [{"type": "integer"}]})
        with pytest.raises(Invalid, match="must be empty to be structural"):
            client.create(DEFINITIONS, made)

    def test_webhook_conversion_is_refused_by_name(self, client: LocalClient) -> None:
        made = definition()
        with pytest.raises(NotImplementedHere, match="conversion"):
            client.create(DEFINITIONS, {**made, "spec": {**made["spec"], "conversion": {"strategy": "Webhook"}}})


class TestObjects:
    def test_are_defaulted_and_pruned(self, client: LocalClient) -> None:
        establish(client)
        made = client.create(WIDGETS, widget(unknown=1, free={"any": {"thing": []}}, parts=[{"name": "", "x": 1}]), NS)
        assert made["spec"] == {"size": 3, "colour": "red", "free": {"any": {"thing": []}}, "parts": [{"name": ""}]}
        assert made["metadata"]["generation"] == 1
        assert "status" not in made

    @pytest.mark.parametrize(
        ("spec", "cause"),
        [
            ({"size": "x"}, 'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"'),
            ({"size": 0}, "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"),
            ({"size": 10}, "spec.size: Invalid value: 10: spec.size in body should be less than or equal to 9"),
            ({"colour": "blue"}, 'spec.colour: Unsupported value: "blue": supported values: "red", "green"'),
            ({"code": "A"}, "spec.code: Invalid value: \"A\": spec.code in body should match '^[a-z]+$'"),
            ({"code": "abcde"}, "spec.code: Too long: may not be more than 4 bytes"),
            ({"port": {}}, "spec.port in body must be of type integer,string"),
            ({"labels": {"a": 1}}, 'spec.labels.a in body must be of type string: "integer"'),
            ({"parts": [{}, {}, {}]}, "spec.parts: Too many: 3: must have at most 2 items"),
            ({"parts": [{"n": "x"}]}, "spec.parts[0].n in body must be of type integer"),
        ],
    )
    def test_are_held_to_the_schema(self, client: LocalClient, spec: dict[str, Any], cause: str) -> None:
        establish(client)
        with pytest.raises(Invalid) as refused:
            client.create(WIDGETS, widget(**spec), NS)
        assert cause in refused.value.message

    def test_match_patterns_as_go_does(self, client: LocalClient) -> None:
        establish(client)
        with pytest.raises(Invalid, match=r"spec\.code in body should match"):
            client.create(WIDGETS, widget(code="ab\n"), NS)

    def test_need_what_is_required_and_may_be_null_where_that_is_allowed(self, client: LocalClient) -> None:
        establish(client)
        with pytest.raises(Invalid, match=r"spec\.size: Required value"):
            client.create(WIDGETS, {"metadata": {"name": "one"}, "spec": {}}, NS)
        assert client.create(WIDGETS, widget(note=None, port="http"), NS)["spec"]["note"] is None

    def test_unknown_fields_are_an_error_where_strictness_is_asked_for(self, core: Core, client: LocalClient) -> None:
        establish(client)
        strict = WriteOptions(user=User("u"), unknown_fields="Strict")
        with pytest.raises(BadRequest, match=r'strict decoding error: unknown field "spec\.unknown"'):
            core.verbs.create(core.verbs.resource(WIDGETS), NS, widget(unknown=1), strict)

    def test_status_is_written_apart_and_scale_finds_its_figures(self, client: LocalClient) -> None:
        establish(client)
        client.create(WIDGETS, {**widget(), "status": {"size": 9}}, NS)
        status = {"size": 2, "selector": "a=b"}
        written = client.patch(WIDGETS, "one", NS, {"spec": {"size": 9}, "status": status}, subresource="status")
        assert (written["spec"]["size"], written["status"], written["metadata"]["generation"]) == (3, status, 1)
        scaled = client.patch(WIDGETS, "one", NS, {"spec": {"replicas": 5}}, subresource="scale")
        assert (scaled["spec"], scaled["status"]) == ({"replicas": 5}, {"replicas": 2, "selector": "a=b"})
        after = client.get(WIDGETS, "one", NS)
        assert (after["spec"]["size"], after["metadata"]["generation"]) == (5, 2)

    def test_other_versions_show_the_same_object(self, core: Core, client: LocalClient) -> None:
        establish(client, with_version(definition(), "v1beta1"))
        beta = core.cluster.resources.get(WIDGETS, "v1beta1")
        assert beta is not None
        made = core.verbs.create(
            beta, NS, {**widget(), "apiVersion": "example.com/v1beta1"}, WriteOptions(user=User("u"))
        )
        assert made.object["apiVersion"] == "example.com/v1beta1"
        assert client.get(WIDGETS, "one", NS)["apiVersion"] == "example.com/v1"
        found = group(core.cluster.resources.served(), "example.com")
        assert found is not None
        assert [version["version"] for version in found["versions"]] == ["v1", "v1beta1"]

    def test_columns_are_the_definitions(self, core: Core, client: LocalClient) -> None:
        establish(client)
        client.create(WIDGETS, widget(), NS)
        ready = {"conditions": [{"type": "Other", "status": "x"}, {"type": "Ready", "status": "True"}]}
        obj = client.patch(WIDGETS, "one", NS, {"status": ready}, subresource="status")
        table = render(core.verbs.resource(WIDGETS).table, [obj], core.cluster.clock(), "None", {})
        assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Size", "Ready", "Age"]
        assert table["rows"] == [{"cells": ["one", 3, "True", "0s"]}]

    def test_appliers_own_their_fields_key_by_key(self, core: Core, client: LocalClient) -> None:
        establish(client)
        kind = core.verbs.resource(WIDGETS)

        def applied(live: Obj, manager: str, **spec: Any) -> Obj:
            return apply(live, {**widget(), "spec": spec}, kind, manager=manager, force=False, now=0)

        both = applied(applied({}, "a", size=3, free={"x": 1}), "b", free={"y": 2})
        assert both["spec"] == {"size": 3, "free": {"x": 1, "y": 2}}
        with pytest.raises(ApiError, match=r"conflict with \"a\".*: .spec.free.x"):
            applied(both, "b", free={"x": 2})
        assert applied(both, "a", size=3)["spec"]["free"] == {"y": 2}

    def test_strategic_merge_is_for_kinds_with_tables(self, core: Core, client: LocalClient) -> None:
        establish(client)
        sent = Sent(resource=core.verbs.resource(WIDGETS), subresource="", body=b"{}", query={}, now=0)
        with pytest.raises(ApiError) as refused:
            parse_patch(sent, "application/strategic-merge-patch+json")
        assert refused.value.code == 415


def test_clients_discover_and_explain_what_is_defined(core: Core, client: LocalClient) -> None:
    establish(client)
    served = core.cluster.resources.served()
    (found,) = [item for item in aggregated(served, core=False)["items"] if item["metadata"]["name"] == "example.com"]
    (kind,) = found["versions"][0]["resources"]
    assert (kind["resource"], kind["singularResource"], kind["shortNames"]) == ("widgets", "widget", ["wd"])
    schema = document(served, "example.com", "v1")["components"]["schemas"]["com.example.v1.Widget"]
    assert schema["properties"]["spec"]["properties"]["size"]["type"] == "integer"
    assert schema["x-kubernetes-group-version-kind"] == [{"group": "example.com", "version": "v1", "kind": "Widget"}]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*SPEC["properties"], "x"]), inner),
    max_leaves=20,
)


@given(json_values)
def test_whatever_is_sent_is_pruned_and_judged_and_what_was_pruned_stays_so(value: Any) -> None:
    kept = structural.prune(value, SPEC, "spec", [])
    structural.fill(kept, SPEC)
    list(structural.check(kept, SPEC, "spec"))
    unknown: list[str] = []
    assert structural.prune(kept, SPEC, "spec", unknown) == kept
    assert unknown == []


@pytest.mark.parametrize(
    ("format", "good", "bad"),
    [
        ("duration", "1h30m", "soon"),
        ("duration", "2 days", "2 parsecs"),
        ("byte", "QUI=", "QUI"),
        ("date", "2026-02-28", "2026-02-30"),
        ("date-time", "2026-02-28T00:00:00Z", "2026-02-28"),
        ("uuid", "123E4567-e89b-12d3-a456-426614174000", "123e4567"),
        ("uuid4", "123e4567-e89b-42d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"),
        ("ipv4", "010.0.0.1", "10.0.0.256"),
        ("ipv6", "fe80::1", "fe80::1%eth0"),
        ("cidr", "10.0.0.0/8", "10.0.0.0/33"),
        ("mac", "00:00:5e:00:53:01", "00:00:5e:00:53"),
        ("uri", "https://a.b/c", "a b"),
    ],
)
def test_formats_are_held_to_and_unknown_ones_promise_nothing(format: str, good: str, bad: str) -> None:
    schema = {"type": "string", "format": format}
    assert list(structural.check(good, schema, "at")) == []
    (error,) = structural.check(bad, schema, "at")
    assert error.message == f'Invalid value: "{bad}": at in body must be of type {format}: "{bad}"'
    assert list(structural.check(bad, {**schema, "format": "other"}, "at")) == []
    assert list(structural.check(bad, {**schema, "anyOf": [{"format": format}]}, "at"))


words = st.sampled_from([word for those in structural._WORDS.values() for word in those])
schemas = st.dictionaries(words, json_values | st.dictionaries(words, json_values), max_size=4)


@given(schemas, json_values)
def test_a_schema_that_is_taken_can_judge_anything(schema: dict[str, Any], value: Any) -> None:
    root = {"type": "object", "properties": {"spec": schema}}
    if list(structural.structural_errors(root, "schema")):
        return
    kept = structural.prune({"spec": value}, root, "", [])
    structural.fill(kept, root)
    list(structural.check(kept, root, ""))


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".a.b", [1]),
        (".a['b']", [1]),
        (".l[0].n", ["x"]),
        (".l[-1].n", ["y"]),
        (".l[*].n", ["x", "y"]),
        ('.l[?(@.n=="y")].v', [2]),
        (".no.thing", []),
        (r".a.k8s\.io/x", [3]),
    ],
)
def test_paths_lead_where_they_say(path: str, found: list[Any]) -> None:
    assert is_path(path)
    assert find({"a": {"b": 1, "k8s.io/x": 3}, "l": [{"n": "x"}, {"n": "y", "v": 2}]}, path) == found


def test_paths_that_cannot_be_read_are_told() -> None:
    assert not is_path(".a..b")
    assert not is_path("{.a}")
