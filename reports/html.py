"""The report to look at: one file that opens offline."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from chaos.result import Result

WORDS = {"held": "✔ held", "broke": "✘ broke", "not_proven": "? not proven"}

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(result: Result) -> str:
    """The result as one HTML page."""
    return _environment.get_template("report.html.j2").render(result=result, words=WORDS)
