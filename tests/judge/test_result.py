"""The result: expectations and exit codes, what is in it, and what must not be."""

import json
from pathlib import Path

import jsonschema
import pytest

from chaos.judge import exit_code, judge, judge_file
from chaos.judging.verdict import worst
from chaos.mask import mask
from chaos.problems import InputErrors
from chaos.recording import RunStarted, to_line
from chaos.result import Result, json_schema
from tests.judge.tape import BEGAN, Tape, hang, lie, oom, spill


def with_expectation(tape: Tape, **expect: object) -> Result:
    tape.keys["expect"] = {tape.variant: expect}
    return tape.judged()


class TestExitCodes:
    """0 as expected, 1 otherwise, 2 not proven."""

    @pytest.mark.parametrize("tape", [oom(), spill(), hang(), lie()])
    def test_as_expected_is_0(self, tape: Tape) -> None:
        assert tape.judged().exit_code == 0

    def test_broke_where_it_should_hold_is_1(self) -> None:
        assert lie("defended").judged().exit_code == 1

    def test_held_where_it_should_break_is_1(self) -> None:
        assert with_expectation(hang(), **{"health-checks": "broke"}).exit_code == 1

    def test_a_defense_that_is_in_place_is_expected_to_hold_unless_said_otherwise(self) -> None:
        result = with_expectation(lie("defended"))
        assert result.exit_code == 1
        assert [(e.wanted, e.got, e.explicit) for e in result.variants[0].expected] == [("held", "broke", False)]

    def test_of_a_stripped_defense_nothing_is_expected_unless_said(self) -> None:
        assert with_expectation(lie()).exit_code == 0

    def test_not_proven_is_2_even_where_nothing_is_expected(self) -> None:
        tape = lie()
        tape.trouble("the watch ended")
        assert with_expectation(tape).exit_code == 2

    def test_not_proven_as_expected_is_0(self) -> None:
        tape = lie()
        tape.trouble("the watch ended")
        assert with_expectation(tape, **{"health-checks": "not_proven"}).exit_code == 0

    @pytest.mark.parametrize(("bound", "code"), [("<= 4s", 0), ("<= 1s", 1)])
    def test_the_time_to_detect_is_held_to_its_bound(self, bound: str, code: int) -> None:
        tape = hang()
        tape.keys["expect"] = {"defended": {"detect": bound}, "undefended": {"detect": "<= 10s"}}
        met = next(e for e in tape.only().expected if e.what == "detect").met
        assert met is (code == 0)
        assert tape.judged().exit_code == code

    def test_a_time_that_was_not_measured_is_2(self) -> None:
        assert with_expectation(lie(), detect="<= 10s").exit_code == 2

    def test_an_unproven_run_has_no_times(self) -> None:
        tape = hang(silent={30})
        result = with_expectation(tape, detect="<= 10s")
        assert {e.what: e.met for e in result.variants[0].expected} == {"health-checks": None, "detect": None}

    def test_of_several_runs_the_worst_decides(self) -> None:
        good, broken = oom().judged(), with_expectation(hang(), **{"health-checks": "broke"})
        unproven = oom(silent={30}).judged()
        assert exit_code([good]) == 0
        assert exit_code([good, unproven]) == 2
        assert exit_code([good, unproven, broken]) == 1
        assert exit_code([]) == 2


def test_nothing_judged_is_not_proven() -> None:
    assert worst([]) == "not_proven"


def test_broke_dominates_not_proven_dominates_held() -> None:
    assert worst(["held", "not_proven", "broke"]) == "broke"
    assert worst(["held", "not_proven"]) == "not_proven"
    assert worst(["held", "held"]) == "held"


def test_a_result_survives_the_way_to_disk_and_keeps_its_schema() -> None:
    result = hang().judged()
    data = json.loads(result.model_dump_json())
    jsonschema.validate(data, json_schema())
    assert Result.model_validate_json(result.model_dump_json()) == result
    assert data["format"] == 1
    assert data["began"] == BEGAN


def test_judging_twice_gives_the_same() -> None:
    """Judging is a pure function of the recording."""
    records = hang().all()
    assert judge(records) == judge(records)


def test_a_recording_on_disk_is_judged_though_its_last_line_is_torn(tmp_path: Path) -> None:
    file = tmp_path / "recording.jsonl"
    lines = [to_line(r) for r in oom().all()]
    file.write_text("".join(lines) + lines[-1][:20])
    assert judge_file(file) == oom().judged()


@pytest.mark.parametrize(
    "text", ["", "not json\n", '{"kind":"phase"}\n', '{"kind":"load","t":1,"wall":1,"sample":{}}\n']
)
def test_what_is_no_recording_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "recording.jsonl"
    file.write_text(text)
    with pytest.raises(InputErrors):
        judge_file(file)


def test_a_broken_defense_says_what_to_change() -> None:
    finding = {
        "rule": "liveness-missing",
        "object": "deployment/storefront",
        "file": "shop.yaml",
        "line": 12,
        "what": "no livenessProbe",
        "why": "It hangs for ever.",
        "remedy": "Add one.",
    }
    advice = {"health-checks": {"findings": [finding], "patch": "+ livenessProbe"}}
    records = lie().all()
    assert isinstance(records[0], RunStarted)
    records[0].variants["undefended"]["advice"] = advice
    told = judge(records).variants[0].verdicts[0].advice
    assert told is not None
    assert (told.findings[0].file, told.findings[0].line, told.patch) == ("shop.yaml", 12, "+ livenessProbe")


@pytest.mark.parametrize(
    "secret",
    [
        "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJl",
        "Authorization: Bearer abcdef0123456789",
        "DB_PASSWORD=hunter2hunter2",
        '{"token": "abcdef0123456789"}',
        "postgres://shop:hunter2hunter2@db:5432/",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_secrets_are_masked_wherever_text_enters(secret: str) -> None:
    tape = hang()
    tape.shown(f"log line: {secret}")
    tape.event(25, "Failed", f"cannot start: {secret}")
    tape.trouble(f"lost: {secret}")
    written = tape.judged().model_dump_json()
    for part in ("c2lnbmF0dXJl", "abcdef0123456789", "hunter2hunter2", "MIIEow"):
        assert part not in written
    assert written.count("(masked)") >= 3


@pytest.mark.parametrize("text", ["automountServiceAccountToken: false", 'secret "db" not found', "secretName: db"])
def test_what_only_speaks_of_secrets_stays_readable(text: str) -> None:
    assert mask(text) == text
