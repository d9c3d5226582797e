"""The page: opens offline, tells the same without its drawing, and runs nothing that a cluster wrote."""

import json
import re
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

from chaos.result import FaultMark, Result
from reports import chart, course, html
from tests.judge.tape import hang, spill
from tests.reports.results import cut_short, hostile, leaking, lying, no_fault, no_samples, nothing, unproven

CSS = (Path(html.__file__).parent / "templates" / "report.css").read_text()
LOADS = {"src", "href", "action", "data", "poster", "srcset", "formaction", "background", "ping", "xlink:href"}
ALL = {
    "lying": lying,
    "leaking": leaking,
    "unproven": unproven,
    "cut short": cut_short,
    "no fault": no_fault,
    "no samples": no_samples,
    "nothing": nothing,
    "hostile": hostile,
}


class Page(HTMLParser):
    """A page as a browser sees it: its tags, and its text without scripts and styles."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.parts: list[str] = []
        self._inside = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002  # the parser's signature
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts.append(data)
        elif self._inside != "style":
            self.parts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.parts).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page(result: Result) -> Page:
    return _page(result.model_dump_json())


@cache
def _page(result: str) -> Page:
    return Page(html.render(Result.model_validate_json(result)))


def drawn(result: Result) -> Any:
    """The figure in the page."""
    found = re.search(r'<script id="figure" type="application/json">(.*?)</script>', html.render(result), re.DOTALL)
    assert found
    return json.loads(found[1])


def resolved(value: Any, colors: dict[str, str]) -> Any:
    """As the page's script does it: names of colours replaced by the style's."""
    if isinstance(value, dict):
        return {k: resolved(v, colors) for k, v in value.items()}
    if isinstance(value, list):
        return [resolved(v, colors) for v in value]
    return colors[value] if isinstance(value, str) and re.fullmatch(r"--[a-z-]+", value) else value


def schemes() -> list[dict[str, str]]:
    """The colours of the light and the dark scheme."""
    blocks = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    light, dark = (dict(re.findall(r"(--[a-z-]+): ([^;]+);", block)) for block in blocks)
    return [light, {**light, **dark}]


class TestOffline:
    """One file, nothing loaded from anywhere."""

    @pytest.mark.parametrize("make", ALL.values(), ids=ALL)
    def test_nothing_points_out_of_the_page(self, make: Any) -> None:
        for _, attributes in page(make()).tags:
            targets = [value or "" for name, value in attributes.items() if name in LOADS]
            assert all(target.startswith("#") for target in targets)

    def test_the_style_loads_nothing(self) -> None:
        assert "url(" not in CSS
        assert "@import" not in CSS

    def test_the_page_forbids_the_browser_to_load_anything(self) -> None:
        policies = [a["content"] for a in page(lying()).all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
        assert policies
        assert policies[0]
        assert policies[0].startswith("default-src 'none'")
        assert "http" not in policies[0]

    def test_plotly_is_in_it_once(self) -> None:
        assert sum(len(script) > 1_000_000 for script in page(lying()).scripts) == 1

    def test_without_anything_to_draw_plotly_is_left_out(self) -> None:
        assert len(html.render(nothing())) < 100_000


class TestHostileText:
    """Pod logs, events and manifests are written by others."""

    def test_no_script_of_theirs_runs(self) -> None:
        ours = len(page(lying()).scripts)
        hurt = page(hostile())
        assert len(hurt.all("script")) == ours
        assert not [a for _, attributes in hurt.tags for a in attributes if a.startswith("on")]

    def test_their_text_is_shown_as_text(self) -> None:
        assert '</script><script>alert(1)</script>red <b onclick="x">' in page(hostile()).text

    def test_their_templates_are_not_evaluated(self) -> None:
        assert "{{ 7*7 }}" in page(hostile()).text

    def test_control_characters_and_reordering_are_gone(self) -> None:
        source = html.render(hostile()).split('<script id="figure"')[0]
        assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", source)
        assert "\\u001b" not in json.dumps(drawn(hostile()))

    def test_no_markup_of_theirs_reaches_the_hover_text(self) -> None:
        texts = [t for trace in drawn(hostile())["data"] for t in trace["hovertext"]]
        assert any("alert(1)" in t for t in texts)
        assert not [t for t in texts if re.search(r"<(?!/?b>|br>)", t)]
        assert any('onclick="x"' in t for t in texts)  # plotly.js knows &lt; and &amp;, but shows &quot; as it is


class TestVerdicts:
    """Said in words, and never greener than they are."""

    @pytest.mark.parametrize("make", [unproven, cut_short, no_fault, no_samples, nothing])
    def test_not_proven_never_looks_held(self, make: Any) -> None:
        classes = [c for _, a in page(make()).tags for c in (a.get("class") or "").split()]
        assert "not_proven" in classes
        assert "held" not in classes
        assert "? not proven" in page(make()).text

    def test_both_variants_are_there_with_word_mark_and_expectation(self) -> None:
        text = page(lying()).text
        assert "undefended without health-checks ✘ broke as expected" in text
        assert "defended with every defense in place ✔ held as expected" in text

    def test_each_criterion_says_what_was_seen_when_and_where(self) -> None:
        text = page(lying()).text
        assert "+3.0 s storefront-a is no longer a ready endpoint of storefront (EndpointSlice)" in text
        assert "+5.5 s Killing: Container storefront failed liveness probe" in text

    def test_of_what_was_not_proven_nothing_is_said_to_be_bought(self) -> None:
        assert "bought" not in page(unproven()).text
        assert "What was measured, though not proven" in page(unproven()).text

    def test_every_reason_for_doubt_is_given(self) -> None:
        result = no_samples()
        for reason in (r for v in result.variants for d in v.verdicts for r in d.reasons):
            assert reason.text in page(result).text


class TestMissing:
    """What was not measured is said to be missing."""

    def test_seconds_without_samples_are_counted_and_shaded(self) -> None:
        result = unproven()
        assert "nothing was measured in 1 second (shaded)" in page(result).text
        assert sum(s.get("fillcolor") == "--missing" for s in drawn(result)["layout"]["shapes"]) == 2

    def test_no_line_leads_across_a_second_without_samples(self) -> None:
        p95 = next(t for t in drawn(unproven())["data"] if t["name"] == "p95")
        assert p95["y"].count(None) == 1
        assert p95["x"] == sorted(p95["x"])

    def test_all_of_a_run_without_samples_is_missing(self) -> None:
        result = no_samples()
        assert "nothing was measured in 50 seconds" in page(result).text
        assert "0.0%" not in page(result).text

    def test_a_whole_run_has_no_gaps(self) -> None:
        assert "nothing was measured" not in page(lying()).text

    def test_without_a_fault_there_are_no_figures_and_time_counts_from_the_run(self) -> None:
        text = page(no_fault()).text
        assert "No fault was injected, so its cost was not measured." in text
        assert drawn(no_fault())["layout"]["xaxis"]["title"]["text"].startswith("seconds since the run began")

    def test_a_run_that_never_began_says_so(self) -> None:
        assert "The run never came to its baseline." in page(nothing()).text


class TestTimeline:
    """One figure of all variants on one time axis."""

    @pytest.mark.parametrize("make", [m for m in ALL.values() if m is not nothing])
    @pytest.mark.parametrize("scheme", schemes(), ids=["light", "dark"])
    def test_plotly_takes_it_and_the_style_has_its_colours(self, make: Any, scheme: dict[str, str]) -> None:
        go.Figure(resolved(chart.figure(make()), scheme))

    def test_zero_is_the_fault_in_each_variant(self) -> None:
        injected = [t for t in drawn(lying())["data"] if t["name"] == "inject"]
        assert [t["x"] for t in injected] == [[0.0], [0.0]]

    def test_served_and_failed_make_up_the_arrivals(self) -> None:
        served, failed = drawn(lying())["data"][:2]
        assert (served["name"], failed["name"]) == ("served", "failed")
        assert {s + f for s, f in zip(served["y"], failed["y"], strict=True)} == {40}

    def test_warming_up_and_the_second_in_which_the_load_ended_are_left_out(self) -> None:
        result = lying()
        variant = result.variants[0]
        assert len(course.measured(variant)) == 49
        assert len(variant.timeline) == 52

    def test_the_variants_share_their_scales(self) -> None:
        layout = drawn(lying())["layout"]
        assert layout["yaxis2"]["range"] == layout["yaxis5"]["range"]
        assert layout["yaxis3"]["range"] == layout["yaxis6"]["range"]

    def test_a_witness_is_told_when_it_sees_something_else_than_before(self) -> None:
        tape = hang()
        for t, ok in ((22, True), (23, True), (31, False), (32, False)):
            tape.witness(t, ok)
        kinds = [told.kind for told in course.course(tape.only()) if told.kind in {"witness", "unseen"}]
        assert kinds == ["witness", "unseen"]

    def test_the_phases_of_both_variants_are_shaded_and_named(self) -> None:
        names = [a["text"] for a in drawn(lying())["layout"]["annotations"]]
        assert [n for n in names if not n.startswith("<b>")] == ["baseline", "fault", "recovery"] * 2

    def test_the_promise_is_drawn(self) -> None:
        promised = [t for t in drawn(lying())["data"] if t["name"] == "promised p95"]
        assert [set(t["y"]) for t in promised] == [{300.0}, {300.0}]

    def test_all_that_is_drawn_is_also_told_in_tables(self) -> None:
        text = page(leaking()).text
        assert "+7.5 s container newsletter ended: OOMKilled, exit code 137 Pod/newsletter-n" in text
        assert "the fault was injected" in text
        assert "a witness saw the fault bite" in text

    def test_a_fault_that_goes_on_is_in_the_legend_where_one_did(self) -> None:
        calm = lying()
        again = FaultMark(t=30, step="act", ok=True, target="pod-1", text="again")
        first, *others = calm.variants
        stormy = calm.model_copy(
            update={"variants": (first.model_copy(update={"fault": (*first.fault, again)}), *others)}
        )
        assert ("fault went on" in page(calm).text, "fault went on" in page(stormy).text) == (False, True)

    def test_it_is_told_to_those_who_do_not_see_it(self) -> None:
        figure = next(a for a in page(lying()).all("div") if a.get("id") == "timeline")
        assert figure["role"] == "img"
        assert "undefended: requests failed 21.1%" in (figure["aria-label"] or "")


class TestTheRest:
    """Lesson, cost, changes, kubectl, and how to run it again."""

    def test_the_lesson_is_there_and_its_code_is_code(self) -> None:
        assert "<code>kubectl get pods</code> shows" in html.render(lying())

    def test_the_cost_of_both_variants_stands_side_by_side_with_the_difference(self) -> None:
        assert "failed requests 338 52 -286" in page(lying()).text
        assert "detected after not seen 1.5 s" in page(lying()).text

    def test_a_single_variant_has_a_cost_and_nothing_is_said_to_be_bought(self) -> None:
        text = page(hang().judged()).text
        assert "What it cost" in text
        assert "bought" not in text

    def test_the_change_names_file_and_line_and_gives_the_patch(self) -> None:
        text = page(leaking()).text
        assert re.search(r"workloads/shop\.yaml:\d+ deployment/storefront \(storefront\)", text)
        assert "+ memory: 128Mi" in text

    def test_where_nothing_broke_nothing_is_to_be_changed(self) -> None:
        assert "What to change" not in page(hang().judged()).text

    def test_kubectl_is_shown_for_each_variant_and_moment(self) -> None:
        text = page(lying()).text
        assert text.count("kubectl get pods -n seawall-r1 ") == 6
        assert "baseline kubectl get pods" in text
        assert "newsletter-6c5d9c9b6f-n 1/1 Running" in text

    def test_a_run_that_took_nothing_from_kubectl_says_so(self) -> None:
        assert "Nothing was taken: the run ended before." in page(spill().judged()).text

    def test_the_footer_says_how_to_run_it_again(self) -> None:
        text = page(lying()).text
        assert "seawall run lying-health-checks.yaml --seed 7" in text
        for told in ("run r1", "seed 7", "Seawall 0.1.0", "Kubernetes v1.34.0-seawall", "context seawall-embedded"):
            assert told in text


class TestReadable:
    """On paper, on a phone, in the dark, with ears."""

    def test_it_is_a_page_in_standards_mode_with_a_language_and_a_title(self) -> None:
        source = html.render(lying())
        assert source.startswith('<!doctype html>\n<html lang="en">')
        assert "<title>lying-health-checks" in source
        assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page(lying()).all("meta")

    def test_headings_skip_no_level(self) -> None:
        levels = [int(tag[1]) for tag, _ in page(lying()).tags if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(b - a <= 1 for a, b in pairwise(levels))

    def test_every_link_inside_the_page_arrives(self) -> None:
        seen = page(lying())
        ids = {a["id"] for _, a in seen.tags if "id" in a}
        assert {(a["href"] or "")[1:] for a in seen.all("a")} <= ids

    @pytest.mark.parametrize("scheme", schemes(), ids=["light", "dark"])
    @pytest.mark.parametrize(
        ("ink", "ground"),
        [
            *(
                (ink, ground)
                for ink in ("--ink", "--quiet", "--link", "--warning")
                for ground in ("--page", "--raised")
            ),
            *((f"--{word}", f"--{word}-soft") for word in ("held", "broke", "unproven")),
            *((f"--{word}", "--raised") for word in ("held", "broke", "unproven")),
        ],
    )
    def test_text_stands_out_from_its_ground(self, scheme: dict[str, str], ink: str, ground: str) -> None:
        """At least 4.5 to 1 (WCAG 2.2, success criterion 1.4.3)."""
        assert contrast(scheme[ink], scheme[ground]) >= 4.5


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, as WCAG 2.2 defines it."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
