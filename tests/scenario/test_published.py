"""The JSON Schemas in docs/schema are those of the code: editors and other programs rely on them."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from chaos import result, scenario

ROOT = Path(__file__).parents[2]
SCHEMAS = {"scenario": scenario.json_schema, "result": result.json_schema}


def published(what: str) -> Any:
    return json.loads((ROOT / "docs" / "schema" / f"{what}.json").read_text())


@pytest.mark.parametrize("what", SCHEMAS)
def test_what_is_published_is_what_the_code_says(what: str) -> None:
    """If not: seawall schema scenario > docs/schema/scenario.json, and the same for result."""
    assert published(what) == json.loads(json.dumps(SCHEMAS[what]()))


@pytest.mark.parametrize("path", sorted((ROOT / "scenarios").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_scenario_of_the_library_keeps_to_it(path: Path) -> None:
    jsonschema.validate(yaml.safe_load(path.read_text()), published("scenario"))
