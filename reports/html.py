"""The report to look at: one file that opens offline, reads on a phone and prints."""

import re
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from chaos.result import Result
from reports import advice, chart, course, figures, story, words

_FOLDER = Path(__file__).parent / "templates"
_CODE = re.compile(r"`([^`]+)`")


environment = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _prose(text: str) -> Markup:
    """Words between backticks are code, as authors of scenarios write them."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  # escaped just before


environment.filters["prose"] = _prose


def render(result: Result) -> str:
    """The result as one HTML page. plotly.js is in it, once, when there is something to draw."""
    result = words.plain(result)
    drawn = any(v.timeline or v.marks or v.fault for v in result.variants)
    return environment.get_template("report.html.j2").render(
        result=result,
        story=story,
        course=course,
        figures=figures,
        advice=advice,
        words=words,
        figure=chart.figure(result) if drawn else None,
        gaps={variant.name: chart.missing(variant) for variant in result.variants},
        began=datetime.fromtimestamp(result.began, UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        style=ours("report.css"),
        script=ours("report.js"),
        plotly=_plotly() if drawn else "",
    )


def ours(name: str) -> Markup:
    return Markup((_FOLDER / name).read_text(encoding="utf-8"))  # noqa: S704  # a file of this package


def _plotly() -> Markup:
    """The library as it stands in the plotly package; it holds no `</script`."""
    file = files("plotly") / "package_data" / "plotly.min.js"
    return Markup(file.read_text(encoding="utf-8"))  # noqa: S704  # a file of a package of ours
