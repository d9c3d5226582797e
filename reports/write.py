"""Writes the reports of a result beside it, and prints the summary: the package's only edge."""

from collections.abc import Callable, Iterable
from pathlib import Path

from rich.console import Console

from chaos.result import Result
from reports import html, markdown, terminal

_FILES: dict[str, tuple[str, Callable[[Result], str]]] = {
    "html": ("report.html", html.render),
    "markdown": ("report.md", markdown.render),
}
FORMATS = (*_FILES, "text", "json")


def write(result: Result, folder: Path, formats: Iterable[str]) -> list[Path]:
    """Write each format into the run's folder; returns the files. Raises KeyError for an unknown format."""
    written = []
    for format in formats:
        name, render = _FILES[format]
        path = folder / name
        path.write_text(render(result), encoding="utf-8")
        written.append(path)
    return written


def summary(runs: list[tuple[Path, Result]], console: Console) -> None:
    """Print what a tired person needs to know."""
    console.print(terminal.summary(runs), highlight=False)
