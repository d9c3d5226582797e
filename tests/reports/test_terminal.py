"""The summary that somebody tired reads: everything that decides, in words, in 80 columns."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from chaos.result import Result
from reports import terminal
from reports.words import VERDICTS
from reports.write import summary
from tests.judge.tape import hang, lie
from tests.reports.results import cut_short, hostile, leaking, lying, no_fault, no_samples, unproven

GREEN, YELLOW = "\x1b[1;32m", "\x1b[1;33m"


def coloured(result: Result) -> str:
    file = StringIO()
    summary([(Path("runs/x"), result)], Console(file=file, force_terminal=True, color_system="standard", width=80))
    return file.getvalue()


def test_both_variants_and_their_verdicts_are_there_in_words() -> None:
    text = terminal.render(lying())
    assert "undefended  health-checks  ✘ BROKE  as expected" in text
    assert "defended    health-checks  ✔ HELD  as expected" in text


def test_what_decided_is_there_with_its_time() -> None:
    text = terminal.render(leaking())
    assert "container newsletter ended: OOMKilled, exit code" in text
    assert "+7.5 s" in text


def test_it_says_what_users_felt_and_what_the_cluster_let_on() -> None:
    text = " ".join(terminal.render(lying()).split())
    assert "21.1% failed (338 of 1,600); longest outage 26 s" in text
    assert "only once the fault was undone" in text
    assert "cluster nothing told of the fault; Ready for 24 s while users failed" in text
    assert "first sign +1.5 s: Unhealthy: Readiness probe failed" in text


def test_it_says_what_the_defense_bought() -> None:
    text = " ".join(terminal.render(lying()).split())
    assert "what the defense bought undefended defended failed requests 338 52" in text


def test_it_says_what_to_change_and_where() -> None:
    text = " ".join(terminal.render(lying()).split())
    assert "change workloads/shop.yaml:" in text
    assert "and 3 more places: Add a readinessProbe" in text


def test_it_says_where_the_report_is() -> None:
    assert "runs/r/report.html" in terminal.render(lying(), Path("runs/r"))
    assert "report.html" not in terminal.render(lying())


@pytest.mark.parametrize("result", [lying(), leaking(), hostile(), unproven(), cut_short(), no_fault(), no_samples()])
def test_nothing_is_wider_than_80_columns(result: Result) -> None:
    file = StringIO()
    summary([(Path("runs/20260102-030405-x"), result)] * 2, Console(file=file, width=80))
    assert max(len(line) for line in file.getvalue().splitlines()) <= 80


def test_off_a_terminal_there_is_no_colour() -> None:
    file = StringIO()
    summary([(Path("runs/x"), lying())], Console(file=file, width=80))
    assert "\x1b" not in file.getvalue()


def test_not_proven_is_never_green() -> None:
    text = coloured(unproven())
    assert GREEN not in text
    assert f"{YELLOW}? NOT PROVEN" in text


def test_held_is_green_and_says_so_in_words() -> None:
    assert f"{GREEN}✔ HELD" in coloured(hang().judged())


def test_why_nothing_is_proven_is_told() -> None:
    text = " ".join(terminal.render(unproven()).split())
    assert "because worker load-0 reported nothing for 1 of 49 seconds" in text


def test_an_expectation_that_was_not_met_is_told() -> None:
    text = terminal.render(lie("defended").judged())
    assert "✘ BROKE  expected held" in text
    assert "1 expectation was not met." in text


def test_a_time_that_was_not_kept_is_told() -> None:
    tape = hang()
    tape.keys["expect"] = {"defended": {"detect": "<= 1s"}, "undefended": {"detect": "<= 10s"}}
    assert "detect  wanted <= 1 s, got 1.5 s" in terminal.render(tape.judged())


def test_a_run_without_a_fault_says_so() -> None:
    assert "no fault was injected" in terminal.render(no_fault())


def test_a_run_without_samples_says_so() -> None:
    text = " ".join(terminal.render(no_samples()).split())
    assert "users not measured: there are no requests after the fault" in text
    assert "0.0%" not in text


def test_several_runs_end_in_one_line_each() -> None:
    file = StringIO()
    runs = [(Path("runs/a"), lying()), (Path("runs/b"), leaking())]
    summary(runs, Console(file=file, width=80))
    last = [line.split() for line in file.getvalue().splitlines()[-6:]]
    assert ["lying-health-checks", "undefended", "health-checks", "✘", "BROKE", "21.1%", "met"] in last
    assert ["oomkilled-surprise", "defended", "resources", "✔", "HELD", "0.6%", "met"] in last


def test_a_single_run_has_no_table_of_runs() -> None:
    assert "expectation" not in terminal.render(lying())


def test_what_a_cluster_said_cannot_steer_the_terminal() -> None:
    text = terminal.render(hostile())
    assert "\x1b" not in text
    assert "\x07" not in text


def test_every_verdict_has_a_mark_a_word_and_a_style_of_its_own() -> None:
    assert len({w.mark for w in VERDICTS.values()}) == len({w.text for w in VERDICTS.values()}) == 3
    assert len(set(terminal.STYLES.values())) == 3
