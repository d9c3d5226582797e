"""Selectors mean what Kubernetes means by them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.client import BadRequest
from cluster.selectors import (
    Requirement,
    format_selector,
    matches_fields,
    matches_labels,
    matches_selector,
    parse_fields,
    parse_labels,
)

names = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True).filter(lambda n: n not in ("in", "notin"))
labels = st.dictionaries(names, names, max_size=4)


@pytest.mark.parametrize(
    ("selector", "matching", "other"),
    [
        ("app=web", {"app": "web"}, {"app": "db"}),
        ("app==web", {"app": "web"}, {}),
        ("app!=web", {"app": "db"}, {"app": "web"}),
        ("app!=web", {}, {"app": "web"}),
        ("app in (web, db)", {"app": "db"}, {"app": "x"}),
        ("app in (web)", {"app": "web"}, {}),
        ("app notin (web,db)", {}, {"app": "db"}),
        ("app", {"app": ""}, {}),
        ("!app", {}, {"app": "web"}),
        ("size>3", {"size": "4"}, {"size": "3"}),
        ("size<3", {"size": "2"}, {"size": "x"}),
        ("app=", {"app": ""}, {"app": "web"}),
        ("app=web,tier in (a,b),!old", {"app": "web", "tier": "a"}, {"app": "web", "tier": "a", "old": "1"}),
        ("example.com/app = web", {"example.com/app": "web"}, {"app": "web"}),
    ],
)
def test_each_operator_selects_what_it_says(selector: str, matching: dict[str, str], other: dict[str, str]) -> None:
    assert matches_labels(selector, matching)
    assert not matches_labels(selector, other)


def test_the_empty_selector_selects_everything() -> None:
    assert matches_labels("", {"a": "b"})
    assert matches_labels("", None)


@pytest.mark.parametrize(
    "text", ["a=b=c", "a in b", "a in (b", ",a", "a,", "=b", "a b", "-a=b", "a=b!", "a>x", "(a)", "!"]
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match=r"unable to parse requirement|expected: identifier"):
        parse_labels(text)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Never another exception than BadRequest."""
    with suppress(BadRequest):
        parse_labels(text)
        parse_fields(text)


@given(labels, labels)
def test_the_text_and_the_object_of_a_selector_agree(wanted: dict[str, str], have: dict[str, str]) -> None:
    selector = {"matchLabels": wanted}
    assert matches_selector(selector, have) == matches_labels(format_selector(selector), have)


def test_expressions_read_back_from_their_text() -> None:
    expressions = [
        {"key": "a", "operator": "In", "values": ["y", "x"]},
        {"key": "b", "operator": "NotIn", "values": ["z"]},
        {"key": "c", "operator": "Exists"},
        {"key": "d", "operator": "DoesNotExist"},
    ]
    text = format_selector({"matchExpressions": expressions})
    assert text == "a in (x,y),b notin (z),c,!d"
    assert parse_labels(text)[3] == Requirement("d", "DoesNotExist")


def test_no_selector_selects_nothing_and_an_empty_one_everything() -> None:
    assert not matches_selector(None, {"a": "b"})
    assert matches_selector({}, {"a": "b"})


def test_field_selectors_compare_and_unescape() -> None:
    fields = {"metadata.name": "web", "note": "a,b=c\\"}
    assert matches_fields("metadata.name=web,spec.nodeName!=n1", fields)
    assert not matches_fields("metadata.name!=web", fields)
    assert matches_fields(r"note=a\,b\=c\\", fields)
    assert matches_fields("", fields)


@pytest.mark.parametrize("text", ["metadata.name", r"a=\x"])
def test_malformed_field_selectors_are_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="invalid"):
        parse_fields(text)
