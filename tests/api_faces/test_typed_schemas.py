"""Schemas of custom resources that are none are refused in the words of Go's decoder, whatever is in them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.api.custom.typed_schema import misfit

WORDS = ("type", "properties", "items", "required", "enum", "not", "anyOf", "minimum", "maxLength", "nullable")
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ("text", "string into Go struct field JSONSchemaProps.at of type v1.JSONSchemaProps"),
        ({"type": 5}, "number into Go struct field JSONSchemaProps.at.type of type string"),
        ({"required": "a"}, "string into Go struct field JSONSchemaProps.at.required of type []string"),
        ({"required": [True]}, "bool into Go struct field JSONSchemaProps.at.required of type string"),
        (
            {"properties": "a"},
            "string into Go struct field JSONSchemaProps.at.properties of type map[string]v1.JSONSchemaProps",
        ),
        (
            {"properties": {"a": "b"}},
            "string into Go struct field JSONSchemaProps.at.properties of type v1.JSONSchemaProps",
        ),
        (
            {"properties": {"a": {"items": {"properties": {"b": {"description": 1}}}}}},
            "number into Go struct field JSONSchemaProps.at.properties.items.properties.description of type string",
        ),
        ({"maxLength": 1.5}, "number 1.5 into Go struct field JSONSchemaProps.at.maxLength of type int64"),
        ({"anyOf": {}}, "object into Go struct field JSONSchemaProps.at.anyOf of type []v1.JSONSchemaProps"),
    ],
)
def test_the_field_and_its_type_are_named(schema: Any, why: str) -> None:
    assert misfit(schema, "at") == f"json: cannot unmarshal {why}"


def test_a_sound_schema_is_none() -> None:
    inner = {
        "type": "string",
        "maxLength": 3,
        "default": {"any": 1},
        "enum": [1, None],
        "x-kubernetes-list-type": "set",
    }
    sound = {"type": "object", "properties": {"a": inner}, "additionalProperties": True, "items": [inner], "minimum": 1}
    assert misfit(sound, "at") == ""


@given(JUNK)
def test_nothing_that_json_can_say_breaks_it(schema: Any) -> None:
    assert isinstance(misfit(schema, "at"), str)
