"""The timeline as a figure that plotly.js draws: per variant a lane of events, the requests, and p95, on one time axis.

Plain data; plotly's Python half, which takes half a second to import, is not needed. Colours are names of the page's
style (`--failed`), which the page resolves when it draws, so that the figure follows light, dark and print.
"""

from html import escape
from math import ceil, floor
from textwrap import wrap
from typing import Any

from chaos.result import PhaseResult, Point, Result, VariantResult
from reports import course
from reports.words import VERDICTS, count, milliseconds, one_line

Json = dict[str, Any]

LANES = {"info": 0, "warning": 1, "alarm": 2, "fault": 3}
"""The event lane's rows, from the bottom up."""
KINDS = {
    "inject": ("fault", "star", "--fault"),
    "act": ("fault", "cross", "--fault"),
    "witness": ("fault", "diamond", "--fault"),
    "unseen": ("fault", "diamond-open", "--fault"),
    "undo": ("fault", "star-open", "--fault"),
    "bad": ("alarm", "x", "--broke"),
    "warning": ("warning", "triangle-up", "--warning"),
    "info": ("info", "circle-open", "--quiet"),
}
TITLE, LANE, REQUESTS, P95, GAP, MARGIN = 40, 84, 130, 84, 16, 28
"""Heights in pixels. A variant is a title, the lane, the requests and p95, with gaps between and a margin below."""
BLOCK = TITLE + LANE + REQUESTS + P95 + 2 * GAP + MARGIN
FOOT = 24


def figure(result: Result) -> Json:
    """Data and layout for `Plotly.newPlot`."""
    height = len(result.variants) * BLOCK + FOOT
    layout, tops = _layout(result, height), _tops(result)
    data: list[Json] = []
    for number, variant in enumerate(result.variants):
        top = height - number * BLOCK
        _add_axes(layout, number, top, height, tops)
        layout["shapes"] += _shapes(variant, top, height)
        layout["annotations"] += _labels(variant, top, height)
        data += [*_requests(variant, number), *_latency(variant, result, number), *_events(variant, number)]
    return {"data": data, "layout": layout}


def _layout(result: Result, height: int) -> Json:
    last = f"y{3 * len(result.variants)}" if result.variants else "y"
    asked = {course.span(variant) for variant in result.variants}
    return {
        "height": height,
        "margin": {"l": 56, "r": 8, "t": 0, "b": 0},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "--ink", "size": 12, "family": "system-ui, sans-serif"},
        "hoverlabel": {
            "align": "left",
            "bgcolor": "--raised",
            "bordercolor": "--line",
            "font": {"color": "--ink", "family": "system-ui, sans-serif"},
        },
        "hovermode": "closest",
        "showlegend": False,
        "barmode": "stack",
        "bargap": 0.08,
        "xaxis": {
            "anchor": last,
            "title": {"text": " / ".join(sorted(asked)), "standoff": 4},
            "zeroline": False,
            "gridcolor": "--grid",
            "ticksuffix": " s",
            "range": _range(result),
        },
        "shapes": [],
        "annotations": [],
    }


def _range(result: Result) -> list[float]:
    """All phases and all samples of all variants."""
    ends = [
        t - (course.zero(variant) or 0)
        for variant in result.variants
        for t in (
            *(p.begin for p in variant.phases),
            *(p.end for p in variant.phases),
            *(p.t + 1 for p in course.measured(variant)),
            *(m.t for m in variant.marks),
        )
    ]
    return [min(ends) - 0.5, max(ends) + 0.5] if ends else [0, 1]


def _tops(result: Result) -> tuple[float, float]:
    """Where the axes of requests and of p95 end: the same for all variants, so that they can be compared by eye."""
    points = [point for variant in result.variants for point in course.measured(variant)]
    arrivals = max((p.arrivals for p in points), default=0)
    p95 = max((p.p95 for p in points if p.p95 is not None), default=0)
    return 1.05 * max(arrivals, 1), 1.1 * max(p95, result.promised_p95 or 0, 1)


def _add_axes(layout: Json, number: int, top: int, height: int, tops: tuple[float, float]) -> None:
    lane = top - TITLE
    requests = lane - LANE - GAP
    p95 = requests - REQUESTS - GAP
    common = {"zeroline": False, "fixedrange": True, "gridcolor": "--grid"}
    layout[_axis(number, 0)] = {
        **common,
        "domain": _domain(lane, LANE, height),
        "range": [-0.7, 3.7],
        "tickvals": [*LANES.values()],
        "ticktext": [*LANES],
    }
    layout[_axis(number, 1)] = {
        **common,
        "domain": _domain(requests, REQUESTS, height),
        "range": [0, tops[0]],
        "title": {"text": "requests / s", "standoff": 6, "font": {"size": 11}},
    }
    layout[_axis(number, 2)] = {
        **common,
        "domain": _domain(p95, P95, height),
        "range": [0, tops[1]],
        "nticks": 4,
        "title": {"text": "p95, ms", "standoff": 6, "font": {"size": 11}},
    }


def _axis(number: int, row: int, prefix: str = "yaxis") -> str:
    place = 3 * number + row + 1
    return prefix if place == 1 else f"{prefix}{place}"


def _domain(top: int, size: int, height: int) -> list[float]:
    return [round((top - size) / height, 6), round(top / height, 6)]


def _shapes(variant: VariantResult, top: int, height: int) -> list[Json]:
    """Phases shaded, seconds without samples, and lines where the fault came and went."""
    zero = course.zero(variant) or 0
    bottom, upper = (top - BLOCK + MARGIN) / height, (top - TITLE) / height
    shapes = [
        _rect(p.begin - zero, p.end - zero, bottom, upper, "--fault-shade" if p.name == "fault" else "--phase-shade")
        for p in variant.phases
    ]
    shapes += [_rect(t - zero, t - zero + 1, bottom, upper, "--missing") for t in missing(variant)]
    return [*shapes, *(_line(f.t - zero, bottom, upper, f.step) for f in variant.fault if f.step in {"inject", "undo"})]


def _rect(begin: float, end: float, bottom: float, top: float, color: str) -> Json:
    place = {"xref": "x", "yref": "paper", "x0": begin, "x1": end, "y0": bottom, "y1": top}
    return {"type": "rect", "layer": "below", "line": {"width": 0}, "fillcolor": color, **place}


def _line(t: float, bottom: float, top: float, step: str) -> Json:
    place = {"xref": "x", "yref": "paper", "x0": t, "x1": t, "y0": bottom, "y1": top}
    dash = "solid" if step == "inject" else "dot"
    return {"type": "line", "layer": "above", "line": {"color": "--fault", "width": 1.5, "dash": dash}, **place}


def missing(variant: VariantResult) -> list[float]:
    """The whole seconds of the phases of which no load worker told anything: when each began, in seconds of the run."""
    if not variant.phases:
        return []
    begin, end = variant.phases[0].begin, variant.phases[-1].end
    origin = variant.timeline[0].t if variant.timeline else begin
    known = {round(point.t - origin) for point in variant.timeline}
    numbers = range(ceil(begin - origin), floor(end - origin))
    return [origin + number for number in numbers if number not in known]


def _labels(variant: VariantResult, top: int, height: int) -> list[Json]:
    """The variant and its verdicts above its lane, and each phase's name at its left edge."""
    told = " · ".join(f"{v.defense} {VERDICTS[v.verdict]}" for v in variant.verdicts)
    title = f"<b>{escape(variant.name)}</b>  {escape(told)}"
    place = {"showarrow": False, "xanchor": "left", "yref": "paper"}
    heading = {"text": title, "xref": "paper", "x": 0, "y": (top - 2) / height, "yanchor": "top", **place}
    return [
        {**heading, "font": {"size": 14}},
        *({**_phase_label(p, variant), "y": (top - TITLE) / height, **place} for p in variant.phases),
    ]


def _phase_label(phase: PhaseResult, variant: VariantResult) -> Json:
    begin = phase.begin - (course.zero(variant) or 0)
    return {"text": phase.name, "xref": "x", "x": begin, "yanchor": "bottom", "font": {"size": 11, "color": "--quiet"}}


def _requests(variant: VariantResult, number: int) -> list[Json]:
    """Stacked: what was served, and on top of it what failed; together the arrivals."""
    points = course.measured(variant)
    told = [f"{course.moment(p.t, variant)}: {_arrivals(p)}<br>p95 {milliseconds(p.p95)}" for p in points]
    common = {
        "type": "bar",
        "x": [_middle(p.t, variant) for p in points],
        "yaxis": _axis(number, 1, "y"),
        "hovertext": told,
        "hoverinfo": "text",
    }
    stripes = {"shape": "/", "size": 6, "solidity": 0.3, "fgcolor": "--page", "bgcolor": "--failed"}
    failed = {"color": "--failed", "pattern": stripes}
    return [
        {**common, "name": "served", "y": [p.ok for p in points], "marker": {"color": "--served"}},
        {**common, "name": "failed", "y": [p.failed for p in points], "marker": failed},
    ]


def _arrivals(point: Point) -> str:
    return f"{count(point.arrivals)} arrivals, {count(point.ok)} served, {count(point.failed)} failed"


def _middle(t: float, variant: VariantResult) -> float:
    """The middle of a second of the run, on the figure's axis."""
    return round(t - (course.zero(variant) or 0) + 0.5, 3)


def _latency(variant: VariantResult, result: Result, number: int) -> list[Json]:
    axis = _axis(number, 2, "y")
    # A second without samples has no p95, and no line leads across it.
    known = [(p.t, p.p95) for p in course.measured(variant)]
    points = sorted([*known, *((t, None) for t in missing(variant))], key=lambda point: point[0])
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "p95",
        "x": [_middle(t, variant) for t, _ in points],
        "y": [p95 for _, p95 in points],
        "yaxis": axis,
        "line": {"color": "--latency", "width": 2},
        "marker": {"color": "--latency", "size": 4},
        "hovertext": [f"{course.moment(t, variant)}: p95 {milliseconds(p95)}" for t, p95 in points],
        "hoverinfo": "text",
    }
    return [line, *([] if result.promised_p95 is None else [_promise(result, axis)])]


def _promise(result: Result, axis: str) -> Json:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "promised p95",
        "x": _range(result),
        "y": [result.promised_p95] * 2,
        "yaxis": axis,
        "line": {"color": "--quiet", "width": 1, "dash": "dash"},
        "hovertext": [f"promised: p95 at most {milliseconds(result.promised_p95)}"] * 2,
        "hoverinfo": "text",
    }


def _events(variant: VariantResult, number: int) -> list[Json]:
    told = course.course(variant)
    zero = course.zero(variant) or 0
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": kind,
            "x": [round(t.t - zero, 3) for t in told if t.kind == kind],
            "y": [LANES[lane] for t in told if t.kind == kind],
            "yaxis": _axis(number, 0, "y"),
            "cliponaxis": False,
            "marker": {"symbol": symbol, "color": color, "size": 11, "line": {"width": 1.5, "color": color}},
            "hovertext": [_hover(t) for t in told if t.kind == kind],
            "hoverinfo": "text",
        }
        for kind, (lane, symbol, color) in KINDS.items()
    ]


def _hover(told: course.Told) -> str:
    """As plotly.js reads hover text, which knows a few tags: nothing that others wrote may become one."""
    lines = wrap(f"{told.object}: {one_line(told.text)}" if told.object else one_line(told.text), 56)[:6]
    return "<br>".join([f"<b>{told.when}</b>", *(escape(line, quote=False) for line in lines)])
