"""Writes the reports of a result beside it, and prints the summary: the package's only edge."""

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from os.path import relpath
from pathlib import Path

from rich.console import Console

from chaos.result import Result
from reports import html, junit, markdown, sarif, suite, terminal


def _json(result: Result) -> str:
    return result.model_dump_json(indent=1)


_FILES: dict[str, tuple[str, Callable[[Result], str]]] = {
    "html": ("report.html", html.render),
    "markdown": ("report.md", markdown.render),
    "text": ("report.txt", terminal.render),
    "json": ("result.json", _json),
    "junit": ("junit.xml", junit.render),
    "sarif": ("report.sarif", sarif.render),
}
FORMATS = tuple(_FILES)


class UnknownFormat(ValueError):
    """The text names the format and the nearest that there is."""


def write(result: Result, folder: Path, formats: Iterable[str]) -> list[Path]:
    """Write each format into the run's folder; returns the files. Raises `UnknownFormat` before it writes any."""
    chosen = [_file(format) for format in dict.fromkeys(formats)]
    return [_write(folder / name, render(result)) for name, render in chosen]


def write_suite(runs: Sequence[tuple[Path, Result]], folder: Path) -> list[Path]:
    """The page of many runs and its JUnit file, in a folder beside theirs."""
    seen = [(relpath(run / _FILES["html"][0], folder), result) for run, result in runs]
    folder.mkdir(parents=True, exist_ok=True)
    return [
        _write(folder / "suite.html", suite.html(seen)),
        _write(folder / "junit.xml", suite.build_server(seen)),
    ]


def _file(format: str) -> tuple[str, Callable[[Result], str]]:
    if format not in _FILES:
        near = get_close_matches(format, _FILES, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UnknownFormat(f"{format!r} is no report format; known: {', '.join(FORMATS)}{hint}")
    return _FILES[format]


def _write(path: Path, text: str) -> Path:
    """Whole or not at all: a report that somebody has open is never half of one."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text, encoding="utf-8")
    return fresh.replace(path)


def summary(runs: Sequence[tuple[Path, Result]], console: Console) -> None:
    """Print what a tired person needs to know."""
    console.print(terminal.summary([*runs]), highlight=False)
