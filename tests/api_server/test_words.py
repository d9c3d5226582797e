"""What `kubectl explain` says of kinds and fields."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.api import words
from cluster.api.resources.unsupported import CONTAINER, POD, SECURITY
from cluster.api.schema import element, is_object, lookup, type_of
from cluster.api.words import package, words_of

SCENARIOS = Path(__file__).parents[2] / "scenarios"
TABLES = sorted(file.name.removesuffix(".txt") for file in files(words).iterdir() if file.name.endswith(".txt"))
REFUSED = "Refused by this cluster."


@pytest.mark.parametrize("table", TABLES)
def test_nothing_is_said_of_what_is_not_there(table: str) -> None:
    for name, said in package(table).items():
        if name != "*":
            known = lookup(f"{table}.{name}").fields.keys() | words.common().keys()
            assert said.fields.keys() <= known, name


@pytest.mark.parametrize("table", TABLES)
def test_all_is_said_in_sentences(table: str) -> None:
    for name, said in package(table).items():
        texts = [*([said.kind] if name != "*" else []), *said.fields.values()]
        assert all(text.endswith((".", "…")) for text in texts), name


def test_what_is_refused_is_told_as_refused_and_nothing_else() -> None:
    types = {"PodSpec": POD, "Container": CONTAINER, "SecurityContext": SECURITY, "PodSecurityContext": SECURITY}
    partly = {"hostUsers"}
    for name, refused in types.items():
        said = package("core")[name].fields
        told = {field for field, text in said.items() if text.endswith(REFUSED)}
        assert told == said.keys() & refused.keys() - partly, name


def manifests() -> Iterator[dict[str, Any]]:
    for path in SCENARIOS.rglob("*.yaml"):
        for found in yaml.safe_load_all(path.read_text()):
            if isinstance(found, dict) and {"apiVersion", "kind", "metadata"} <= found.keys():
                yield found


def parts(type: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The objects in a value, with their types; through lists and maps of them."""
    if type[0] == "[":
        for each in value:
            yield from parts(element(type), each)
    elif type[0] == "{":
        for each in value.values():
            yield from parts(element(type), each)
    elif is_object(type):
        yield type, value


def used(type: str, value: Any) -> Iterator[tuple[str, str]]:
    """(type, field) of every field that is set, all the way down."""
    for name, part in parts(type, value):
        fields = lookup(name).fields
        for key in part.keys() & fields.keys():
            yield name, key
            yield from used(fields[key].type, part[key])


def test_every_field_that_a_scenario_uses_is_explained() -> None:
    found = {field for manifest in manifests() for field in used(_type(manifest), manifest)}
    assert len(found) > 150, "many are used"
    assert {(type, name) for type, name in found if not words_of(type).field(name)} == set()


def _type(manifest: dict[str, Any]) -> str:
    group, _, version = manifest["apiVersion"].rpartition("/")
    return type_of(group, version, manifest["kind"]).name
