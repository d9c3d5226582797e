"""YAML read with marks: the same values as any reader's, and every one knows its line."""

import json
from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.marked import documents, locate, plain, resolve
from chaos.problems import InputErrors

_text = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False) | _text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text, inner, max_size=4),
    max_leaves=20,
)


@given(_values)
def test_what_was_dumped_is_read_back(value: Any) -> None:
    text = yaml.safe_dump(value, allow_unicode=True)
    assert plain(documents(text, "f")) == [value]


@given(_values)
def test_json_is_yaml(value: Any) -> None:
    assert plain(documents(json.dumps(value, ensure_ascii=False), "f")) == [value]


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in leaves(inner, (*path, key))]
    if isinstance(value, list):
        return [leaf for i, inner in enumerate(value) for leaf in leaves(inner, (*path, i))]
    return [(path, str(value))]


_words = st.integers(0, 9999).map("w{}".format)
_trees = st.recursive(
    _words,
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(_words, inner, min_size=1, max_size=3),
    max_leaves=15,
)


@given(st.dictionaries(_words, _trees, min_size=1))
def test_every_value_is_found_in_the_line_it_stands_in(value: Any) -> None:
    text = yaml.safe_dump(value, default_flow_style=False)
    root, lines = documents(text, "f")[0], text.splitlines()
    for path, word in leaves(value):
        mark = locate(root, path)
        assert word in lines[mark.line - 1][mark.column - 1 :]


def test_what_is_not_there_is_located_at_the_nearest_thing_above() -> None:
    root = documents("a:\n  b:\n    c: 1\n", "f")[0]
    assert locate(root, ("a", "b", "x", "y")) == locate(root, ("a", "b")) == (2, 3)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("Off", False),
        ("~", None),
        ("0644", 420),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", 1000),
        ("089", "089"),
        ("1e3", 1000.0),
        ("1.5", 1.5),
        ("100m", "100m"),
        ("2026-01-01", "2026-01-01"),
        ("1:30", "1:30"),
        ("9" * 5000, "9" * 5000),
        (".5", 0.5),
        ("y", "y"),
    ],
)
def test_plain_scalars_mean_what_they_mean_to_kubernetes(text: str, value: Any) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


def test_quoted_scalars_are_text() -> None:
    assert plain(documents("a: 'yes'\nb: \"1\"\n8080: x", "f")) == [{"a": "yes", "b": "1", "8080": "x"}]


def test_anchors_and_merge_keys() -> None:
    text = "base: &b {x: 1, y: 2}\nown: {<<: *b, y: 3}\nlist: [*b, *b]\n"
    assert plain(documents(text, "f"))[0]["own"] == {"x": 1, "y": 3}
    assert plain(documents(text, "f"))[0]["list"] == [{"x": 1, "y": 2}] * 2


def test_copies_share_nothing() -> None:
    copy = plain(documents("base: &b {x: 1}\nlist: [*b, *b]\n", "f")[0])
    copy["list"][0]["x"] = 2
    assert copy["list"][1] == {"x": 1}


def test_every_duplicate_key_is_told() -> None:
    with pytest.raises(InputErrors) as caught:
        documents("a: 1\nb: {c: 1, c: 2}\na: 3\n", "f")
    assert [str(p) for p in caught.value.problems] == [
        "f:2:11: key 'c' is given twice, first in line 2",
        "f:3:1: key 'a' is given twice, first in line 1",
    ]


@settings(max_examples=300)
@given(st.text(st.sampled_from("abc:-[]{},&*!|>'\"%#\n ?<~01\t"), max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but `InputErrors` ever comes out."""
    with suppress(InputErrors):
        documents(text, "f")
