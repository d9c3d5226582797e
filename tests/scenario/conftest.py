"""A fresh scenario folder for each test."""

from pathlib import Path

import pytest

from tests.scenario.files import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)
