"""Rules in CEL: looked at with the definition, kept by the objects."""

import copy
from typing import Any, ClassVar

import pytest

from cluster.api.context import User
from cluster.api.core import Core
from cluster.api.custom import judging
from cluster.api.custom.checked import Checked
from cluster.api.custom.kin import Kin, Lineage, unchanged
from cluster.api.local import LocalClient
from cluster.api.verbs import WriteOptions
from cluster.client import Invalid, NotImplementedHere, Obj
from cluster.custom import DEFINITIONS
from tests.api_server.definitions import SPEC, WIDGETS, definition, widget, with_version

NS = "default"
AT = "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0]"


def rules(*texts: str | dict[str, Any]) -> list[dict[str, Any]]:
    return [{"rule": text} if isinstance(text, str) else text for text in texts]


def ruled(*texts: str | dict[str, Any], **properties: Any) -> Obj:
    """A definition whose spec has these rules, and these properties besides its own."""
    known: dict[str, Any] = SPEC["properties"]  # type: ignore[assignment]
    spec = {**SPEC, "properties": {**known, **properties}}
    return definition({**spec, "x-kubernetes-validations": rules(*texts)})


def within(path: str, *texts: str | dict[str, Any]) -> Obj:
    """A definition with these rules at a property of its spec, or at the items or values of one."""
    made = copy.deepcopy(definition())
    schema = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    for step in path.split("/"):
        schema = schema[step] if step in schema else schema["properties"][step]
    schema["x-kubernetes-validations"] = rules(*texts)
    return made


def establish(client: LocalClient, made: Obj) -> None:
    client.create(DEFINITIONS, made)
    status = {"conditions": [{"type": "Established", "status": "True"}]}
    client.patch(DEFINITIONS, WIDGETS, "", {"status": status}, subresource="status")


def refusal_of(client: LocalClient, obj: Obj) -> Invalid:
    with pytest.raises(Invalid) as refused:
        client.create(WIDGETS, obj, NS)
    return refused.value


class TestDefinitions:
    @pytest.mark.parametrize(
        ("rule", "field", "message"),
        [
            ({"rule": " "}, "rule", "Required value: rule is not specified"),
            ({"rule": "true", "message": " "}, "message", 'Invalid value: " ": must be non-empty if specified'),
            ({"rule": "true", "message": "a\nb"}, "message", 'Invalid value: "a\\nb": must not contain line breaks'),
            (
                {"rule": "true &&\ntrue"},
                "message",
                "Required value: message must be specified if rule contains line breaks",
            ),
            (
                {"rule": "true", "messageExpression": " "},
                "messageExpression",
                "Required value: messageExpression must be non-empty if specified",
            ),
            (
                {"rule": "true", "reason": "Other"},
                "reason",
                'Unsupported value: "Other": supported values: "FieldValueDuplicate", "FieldValueForbidden", '
                '"FieldValueInvalid", "FieldValueRequired"',
            ),
            ({"rule": "true", "fieldPath": "size"}, "fieldPath", 'Invalid value: "size": must be a valid path'),
            ({"rule": "true", "fieldPath": ".none"}, "fieldPath", 'Invalid value: ".none": must be a valid path'),
            (
                {"rule": "true", "optionalOldSelf": True},
                "optionalOldSelf",
                "Invalid value: true: may not be set if oldSelf is not used in rule",
            ),
            (
                {"rule": "self.size > 1 && self.n"},
                "rule",
                'Invalid value: {"Rule":"self.size \\u003e 1 \\u0026\\u0026 self.n","Message":"",'
                '"MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null}: compilation failed: '
                "ERROR: <input>:1:22: undefined field 'n'\n | self.size > 1 && self.n\n | .....................^",
            ),
            ({"rule": "self.size"}, "rule", "cel expression must evaluate to a bool"),
            (
                {"rule": "true", "messageExpression": "1"},
                "messageExpression",
                "messageExpression must evaluate to a string",
            ),
            (
                {"rule": "true", "messageExpression": "self.n"},
                "messageExpression",
                "messageExpression compilation failed: ERROR: <input>:1:5: undefined field 'n'",
            ),
            (
                {"rule": "self.code.find('(') == ''"},
                "rule",
                "program instantiation failed: error parsing regexp: missing closing ): `(`",
            ),
        ],
    )
    def test_rules_that_are_none_are_refused_with_the_field(
        self, client: LocalClient, rule: dict[str, Any], field: str, message: str
    ) -> None:
        with pytest.raises(Invalid) as refused:
            client.create(DEFINITIONS, ruled(rule))
        (cause,) = refused.value.causes
        assert cause.field == f"{AT}.{field}"
        assert message in cause.message

    def test_what_is_no_rule_at_all_is_refused(self, client: LocalClient) -> None:
        for given in ({"rule": 1}, "true"):
            with pytest.raises(Invalid, match="x-kubernetes-validations"):
                client.create(DEFINITIONS, definition({**SPEC, "x-kubernetes-validations": [given]}))

    def test_conditions_have_no_rules(self, client: LocalClient) -> None:
        made = definition({**SPEC, "allOf": [{"x-kubernetes-validations": rules("true")}]})
        with pytest.raises(Invalid, match="must be empty to be structural"):
            client.create(DEFINITIONS, made)

    def test_an_old_value_is_asked_for_only_where_one_goes_with_the_new(self, client: LocalClient) -> None:
        with pytest.raises(Invalid) as refused:
            client.create(DEFINITIONS, within("parts/items", "self.n == oldSelf.n"))
        assert "oldSelf cannot be used on the uncorrelatable portion of the schema within" in refused.value.message
        assert "properties[parts]" in refused.value.message
        client.create(DEFINITIONS, within("labels/additionalProperties", "self == oldSelf"))

    def test_defaults_keep_the_rules(self, client: LocalClient) -> None:
        even = {"type": "integer", "default": 3, "x-kubernetes-validations": rules("self % 2 == 0")}
        with pytest.raises(Invalid, match=r"properties\[even\].default: Invalid value: 3: failed rule: self % 2 == 0"):
            client.create(DEFINITIONS, ruled("true", even=even))

    def test_what_cannot_be_evaluated_here_is_refused_by_name(self, client: LocalClient) -> None:
        with pytest.raises(NotImplementedHere, match=r"x-kubernetes-validations: Thing\{…\}, the making of an object"):
            client.create(DEFINITIONS, ruled("Thing{a: 1} == self"))


class TestObjects:
    def test_keep_rules_from_the_root_to_the_leaves(self, client: LocalClient) -> None:
        made = ruled(
            "self.size > 2",
            even={"type": "integer", "x-kubernetes-validations": rules("self % 2 == 0")},
            tags={
                "type": "object",
                "additionalProperties": {"type": "string", "x-kubernetes-validations": rules("self != ''")},
            },
            hosts={"type": "array", "items": {"type": "string", "x-kubernetes-validations": rules("self != 'x'")}},
        )
        schema = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        schema["x-kubernetes-validations"] = rules("self.metadata.name.startsWith('w') && self.kind == 'Widget'")
        establish(client, made)
        refused = refusal_of(client, widget("one", size=1, even=3, tags={"a": ""}, hosts=["y", "x"]))
        assert [(cause.reason, cause.field, cause.message) for cause in refused.causes] == [
            (
                "FieldValueInvalid",
                "<nil>",
                "Invalid value: failed rule: self.metadata.name.startsWith('w') && self.kind == 'Widget'",
            ),
            ("FieldValueInvalid", "spec", "Invalid value: failed rule: self.size > 2"),
            ("FieldValueInvalid", "spec.even", "Invalid value: 3: failed rule: self % 2 == 0"),
            ("FieldValueInvalid", "spec.tags[a]", "Invalid value: \"\": failed rule: self != ''"),
            ("FieldValueInvalid", "spec.hosts[1]", "Invalid value: \"x\": failed rule: self != 'x'"),
        ]
        client.create(WIDGETS, widget("wone", size=3, even=2, tags={"a": "b"}, hosts=["y"]), NS)

    def test_are_told_what_the_rule_says(self, client: LocalClient) -> None:
        say = {"rule": "self.size > 3", "message": " too small ", "reason": "FieldValueForbidden", "fieldPath": ".size"}
        work = {
            "rule": "self.size > 3",
            "message": "other",
            "messageExpression": "'%d is not above %d'.format([self.size, 3])",
            "reason": "FieldValueRequired",
            "fieldPath": ".labels['a.b']",
        }
        broken = {"rule": "self.size > 3", "message": "other", "messageExpression": "self.labels['none']"}
        establish(client, ruled(say, work, broken, {"rule": "self.size > 3", "reason": "FieldValueDuplicate"}))
        refused = refusal_of(client, widget())
        assert [(cause.reason, cause.field, cause.message) for cause in refused.causes] == [
            ("FieldValueForbidden", "spec.size", "Forbidden: too small"),
            ("FieldValueRequired", "spec.labels[a.b]", "Required value: 3 is not above 3"),
            ("FieldValueInvalid", "spec", "Invalid value: other"),
            ("FieldValueDuplicate", "spec", "Duplicate value"),
        ]

    def test_whose_rules_have_no_value_are_refused(self, client: LocalClient) -> None:
        establish(client, ruled("self.labels['a'] == 'b'", {"rule": "self.port > 1", "message": "port above 1"}))
        refused = refusal_of(client, widget(labels={}, port="http"))
        why = "'no such overload': call arguments did not match a supported operator, function or macro signature"
        assert [cause.message for cause in refused.causes] == [
            "Invalid value: \"object\": no such key: a evaluating rule: self.labels['a'] == 'b'",
            f'Invalid value: "object": {why} for rule: port above 1',
        ]

    def test_are_judged_with_their_defaults_and_without_what_is_pruned(self, client: LocalClient) -> None:
        establish(client, ruled("self.colour == 'red' && self == self"))
        assert client.create(WIDGETS, widget(unknown=1), NS)["spec"]["colour"] == "red"

    def test_that_are_malformed_are_not_judged(self, client: LocalClient) -> None:
        establish(client, ruled("self.size > 5"))
        refused = refusal_of(client, widget(size="x"))
        assert [cause.field for cause in refused.causes] == ["spec.size", ".spec.size", "<nil>"]
        assert refused.causes[2].message == (
            "Invalid value: null: some validation rules were not checked because the object was invalid; correct the "
            "existing errors to complete validation"
        )

    def test_may_have_to_have_metadata_which_they_always_have(self, client: LocalClient) -> None:
        made = definition()
        made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["required"] = ["metadata", "spec"]
        establish(client, made)
        client.create(WIDGETS, widget(), NS)

    def test_that_are_null_are_not_judged(self, client: LocalClient) -> None:
        establish(client, within("note", "self != ''"))
        client.create(WIDGETS, widget("null", note=None), NS)
        assert refusal_of(client, widget(note="")).causes[0].field == "spec.note"

    def test_keep_the_rules_of_the_version_they_are_written_in(self, core: Core, client: LocalClient) -> None:
        made = with_version(ruled("self.size > 1"), "v1beta1")
        establish(client, made)
        beta = core.cluster.resources.get(WIDGETS, "v1beta1")
        assert beta is not None
        obj = {**widget(size=1), "apiVersion": "example.com/v1beta1"}
        with pytest.raises(Invalid, match=r"failed rule: self\.size > 1"):
            core.verbs.create(beta, NS, obj, WriteOptions(user=User("u")))


class TestChanges:
    def test_may_be_ruled_by_what_was_there(self, client: LocalClient) -> None:
        establish(client, within("code", {"rule": "self == oldSelf", "message": "code is immutable"}))
        client.create(WIDGETS, widget(), NS)
        client.patch(WIDGETS, "one", NS, {"spec": {"code": "ab"}})
        with pytest.raises(Invalid, match=r'spec\.code: Invalid value: "b": code is immutable'):
            client.patch(WIDGETS, "one", NS, {"spec": {"code": "b"}})
        client.patch(WIDGETS, "one", NS, {"spec": {"code": None}})

    def test_may_be_ruled_by_whether_anything_was_there(self, client: LocalClient) -> None:
        rule = {"rule": "oldSelf.hasValue() ? self == oldSelf.value() : self == 'a'", "optionalOldSelf": True}
        establish(client, within("code", rule))
        refused = refusal_of(client, widget(code="b"))
        assert refused.causes[0].field == "spec.code"
        client.create(WIDGETS, widget(code="a"), NS)
        with pytest.raises(Invalid):
            client.patch(WIDGETS, "one", NS, {"spec": {"code": "b"}})

    def test_of_keyed_items_are_seen_item_by_item(self, client: LocalClient) -> None:
        made = within("parts/items", "self.n >= oldSelf.n")
        parts = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["parts"]
        parts.update({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]})
        parts["items"]["required"] = ["name"]
        establish(client, made)
        client.create(WIDGETS, widget(parts=[{"name": "a", "n": 1}, {"name": "b", "n": 5}]), NS)
        client.patch(WIDGETS, "one", NS, {"spec": {"parts": [{"name": "b", "n": 6}, {"name": "c", "n": 0}]}})
        with pytest.raises(Invalid, match=r"spec\.parts\[1\]: Invalid value: failed rule"):
            client.patch(WIDGETS, "one", NS, {"spec": {"parts": [{"name": "c", "n": 0}, {"name": "b", "n": 5}]}})

    def test_of_the_status_keep_its_rules(self, client: LocalClient) -> None:
        made = definition()
        status = {
            "type": "object",
            "properties": {"size": {"type": "integer"}},
            "x-kubernetes-validations": rules("self.size > oldSelf.size"),
        }
        made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"] = status
        establish(client, made)
        client.create(WIDGETS, widget(), NS)
        client.patch(WIDGETS, "one", NS, {"status": {"size": 2}}, subresource="status")
        with pytest.raises(Invalid, match="status: Invalid value: failed rule"):
            client.patch(WIDGETS, "one", NS, {"status": {"size": 1}}, subresource="status")

    def test_of_the_status_are_judged_with_its_defaults(self, client: LocalClient) -> None:
        made = definition()
        mode = {"type": "string", "default": "a", "x-kubernetes-validations": rules("self == oldSelf")}
        status = {"type": "object", "properties": {"mode": mode}}
        made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"] = status
        establish(client, made)
        client.create(WIDGETS, widget(), NS)
        client.patch(WIDGETS, "one", NS, {"status": {"mode": "b"}}, subresource="status")
        with pytest.raises(Invalid, match=r'status\.mode: Invalid value: "a"'):
            client.patch(WIDGETS, "one", NS, {"status": {"mode": None}}, subresource="status")

    def test_elsewhere_are_not_blocked_by_what_was_wrong_before(self, client: LocalClient) -> None:
        establish(client, ruled("true"))
        client.create(WIDGETS, widget(code="ab", labels={"a": ""}), NS)
        stricter = within("code", "self.size() > 2")
        client.patch(DEFINITIONS, WIDGETS, "", {"spec": {"versions": stricter["spec"]["versions"]}})
        client.patch(WIDGETS, "one", NS, {"spec": {"size": 4}})
        with pytest.raises(Invalid, match=r'spec\.code: Invalid value: "b": failed rule'):
            client.patch(WIDGETS, "one", NS, {"spec": {"code": "b"}})


class TestMeans:
    def test_are_limited_for_each_rule(self, client: LocalClient) -> None:
        numbers = {"type": "array", "items": {"type": "integer"}}
        hostile = "self.ns.all(a, self.ns.all(b, self.ns.all(c, self.ns.all(d, true))))"
        establish(client, ruled(hostile, "self.size > 5", ns=numbers))
        refused = refusal_of(client, widget(ns=list(range(200))))
        (cause,) = refused.causes
        assert cause.message == (
            "Invalid value: \"object\": 'operation cancelled: actual cost limit exceeded': no further validation rules "
            f"will be run due to call cost exceeds limit for rule: {hostile}"
        )

    def test_are_limited_for_all_rules_together(self, client: LocalClient, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(judging, "BUDGET", 5)
        establish(client, ruled("self.size > 1", "self.size > 2", "self.size > 5"))
        (cause,) = refusal_of(client, widget()).causes
        assert (cause.field, cause.message) == (
            "spec",
            'Invalid value: "object": validation failed due to running out of cost budget, no further validation rules '
            "will be run",
        )

    def test_are_not_loaded_for_schemas_without_rules(self) -> None:
        assert Checked({"type": "object", "properties": {"spec": SPEC}})._rules is None


class TestKin:
    KEYED: ClassVar[dict[str, Any]] = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k"],
        "items": {"type": "object", "properties": {"k": {"type": "string"}, "v": {"type": "integer"}}},
    }
    SCHEMA: ClassVar[dict[str, Any]] = {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "keyed": KEYED, "list": {"type": "array", "items": {}}},
    }

    @pytest.mark.parametrize(
        ("value", "old", "same"),
        [
            ({"a": 1}, {"a": 1}, True),
            ({"a": 1}, {"a": 2}, False),
            ({"a": 1}, {}, False),
            ({"a": True}, {"a": 1}, False),
            ({"unknown": 1}, {"unknown": 1}, False),
            ({"list": [1, 2]}, {"list": [1, 2]}, True),
            ({"list": [1, 2]}, {"list": [2, 1]}, False),
            ({"keyed": [{"k": "x"}, {"k": "y"}]}, {"keyed": [{"k": "y"}, {"k": "x"}]}, True),
            ({"keyed": [{"k": "x", "v": 1}]}, {"keyed": [{"k": "x", "v": 2}]}, False),
            ({"keyed": [{"k": "x"}]}, {"keyed": [{"k": "y"}]}, False),
        ],
    )
    def test_are_unchanged_as_kubernetes_compares_them(self, value: Obj, old: Obj, same: bool) -> None:
        assert unchanged(Kin(self.SCHEMA, value, old)) is same

    def test_without_an_old_value_go_by_what_is_around_them(self) -> None:
        lineage = Lineage(Kin(self.SCHEMA, {"list": [1]}, {"list": [1]}))
        assert lineage.field("list").item(0).is_unchanged
        changed = Lineage(Kin(self.SCHEMA, {"list": [1]}, {"list": [2]}))
        assert not changed.field("list").item(0).is_unchanged
        assert not Lineage().is_unchanged
