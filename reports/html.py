"""The report to look at: one file that opens offline, reads on a phone and prints."""

from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from chaos.result import Result
from reports import chart, story, words

_FOLDER = Path(__file__).parent / "templates"


def _clean(value: Any) -> Any:
    """Control characters never reach the page. What is markup already is ours."""
    return words.clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


_environment = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=True,
    finalize=_clean,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters["one_line"] = words.one_line


def render(result: Result) -> str:
    """The result as one HTML page. plotly.js is in it, once, when there is something to draw."""
    drawn = any(v.timeline or v.marks or v.fault for v in result.variants)
    return _environment.get_template("report.html.j2").render(
        result=result,
        story=story,
        words=words,
        figure=chart.figure(result) if drawn else None,
        gaps={variant.name: chart.missing(variant) for variant in result.variants},
        began=datetime.fromtimestamp(result.began, UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        style=_ours("report.css"),
        script=_ours("report.js"),
        plotly=_plotly() if drawn else "",
    )


def _ours(name: str) -> Markup:
    return Markup((_FOLDER / name).read_text(encoding="utf-8"))  # noqa: S704  # a file of this package


def _plotly() -> Markup:
    """The library as it stands in the plotly package; it holds no `</script`."""
    file = files("plotly") / "package_data" / "plotly.min.js"
    return Markup(file.read_text(encoding="utf-8"))  # noqa: S704  # a file of a package of ours
