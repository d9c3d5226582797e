"""Reports on disk."""

from pathlib import Path

import pytest

from chaos.result import Result
from reports.write import FORMATS, UnknownFormat, write
from tests.judge.tape import hang


def test_each_format_is_a_file_beside_the_others(tmp_path: Path) -> None:
    names = [path.name for path in write(hang().judged(), tmp_path, FORMATS)]
    assert names == ["report.html", "report.md", "report.txt", "result.json", "junit.xml", "report.sarif"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_json_is_the_result_itself(tmp_path: Path) -> None:
    (path,) = write(hang().judged(), tmp_path, ["json"])
    assert Result.model_validate_json(path.read_text()) == hang().judged()


def test_an_unknown_format_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormat, match=r"'markdwon' is no report format; .*did you mean markdown\?"):
        write(hang().judged(), tmp_path, ["html", "markdwon"])
    assert not [*tmp_path.iterdir()]


def test_writing_again_gives_the_same(tmp_path: Path) -> None:
    """A report is a pure function of its result."""
    before = [path.read_bytes() for path in write(hang().judged(), tmp_path, FORMATS)]
    assert [path.read_bytes() for path in write(hang().judged(), tmp_path, FORMATS)] == before
