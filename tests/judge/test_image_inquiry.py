"""When anybody knows what runs, when nobody does, and when it cannot be told."""

from typing import Any

import pytest

from chaos.judging.verdict import Criterion
from chaos.recording import Fault
from tests.judge.tape import INJECTED, Tape

KEYS: dict[str, Any] = {"fault": {"image-inquiry": {}}}
TARGET = "deployment/storefront"
DIGEST, OTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
PINNED, TAGGED = f"shop:1@{DIGEST}", "shop:1"
TOLD = f"docker.io/library/shop@{DIGEST}"
REPORT: dict[str, Any] = {"name": "scan/shop", "digests": [DIGEST], "day": "2026-09-05", "fixable": []}
HELD = {"pinned": "held", "scanned": "held", "fresh": "held", "nothing to fix": "held"}


def running(asked: str = PINNED, told: str = TOLD, pod: str = "storefront-a") -> dict[str, str]:
    return {"pod": pod, "container": "storefront", "asked": asked, "told": told}


def inquiry(*reports: dict[str, Any], containers: list[dict[str, str]] | None = None, day: str = "2026-09-15") -> Tape:
    tape = Tape("security", keys=KEYS).calm()
    data = {"day": day, "max_age_seconds": 30 * 86400.0}
    tape.add(Fault, INJECTED, fault="image-inquiry", step="inject", ok=True, target=TARGET, data=data)
    look(tape, 21.0, *reports, containers=containers)
    return tape


def look(tape: Tape, t: float, *reports: dict[str, Any], containers: list[dict[str, str]] | None = None) -> None:
    data = {"running": [running()] if containers is None else containers, "reports": list(reports)}
    tape.add(Fault, t, fault="image-inquiry", step="witness", ok=True, target=TARGET, data=data)


def criteria(tape: Tape) -> dict[str, Criterion]:
    return {criterion.name: criterion for criterion in tape.verdict().criteria}


def verdicts(tape: Tape) -> dict[str, str]:
    return {name: criterion.verdict for name, criterion in criteria(tape).items()}


def test_held_when_a_fresh_report_names_the_very_digest_that_runs_and_was_asked_for() -> None:
    tape = inquiry(REPORT)
    assert verdicts(tape) == HELD
    assert tape.verdict().verdict == "held"


def test_a_tag_is_broke_whatever_runs_today() -> None:
    assert verdicts(inquiry(REPORT, containers=[running(TAGGED)])) == {**HELD, "pinned": "broke"}


def test_another_digest_than_the_one_asked_for_is_broke() -> None:
    tape = inquiry(REPORT, containers=[running(f"shop:1@{OTHER}")])
    assert verdicts(tape)["pinned"] == "broke"


def test_the_image_s_own_id_is_no_digest_of_a_registry() -> None:
    tape = inquiry(REPORT, containers=[running(told=OTHER)])
    assert verdicts(tape)["pinned"] == "not_proven"


def test_a_report_may_name_the_image_by_its_own_id() -> None:
    tape = inquiry({**REPORT, "digests": [DIGEST, OTHER]}, containers=[running(told=OTHER)])
    assert verdicts(tape)["scanned"] == "held"


@pytest.mark.parametrize("told", ["", "shop:1", "sha256:abc"])
def test_what_the_runtime_does_not_name_is_not_proven(told: str) -> None:
    tape = inquiry(REPORT, containers=[running(told=told)])
    assert set(verdicts(tape).values()) == {"not_proven"}


@pytest.mark.parametrize("reports", [(), ({**REPORT, "digests": [OTHER]},)], ids=["none", "of another image"])
def test_without_a_report_of_what_runs_nobody_has_looked(reports: tuple[dict[str, Any], ...]) -> None:
    tape = inquiry(*reports)
    assert verdicts(tape) == {**HELD, "scanned": "broke", "fresh": "not_proven", "nothing to fix": "not_proven"}


def test_a_report_that_cannot_be_read_might_have_been_the_one() -> None:
    broken = {"name": "scan/x", "problem": "Invalid JSON"}
    found = criteria(inquiry(broken))["scanned"]
    assert found.verdict == "not_proven"
    assert "scan/x cannot be read: Invalid JSON" in found.text
    assert verdicts(inquiry(broken, REPORT)) == HELD


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        ("2026-09-15", "held"),
        ("2026-08-16", "held"),
        ("2026-08-15", "broke"),
        ("2026-09-16", "not_proven"),
        ("", "not_proven"),
    ],
)
def test_a_report_is_fresh_for_thirty_days(made: str, verdict: str) -> None:
    assert verdicts(inquiry({**REPORT, "day": made})) == {**HELD, "fresh": verdict}


def test_without_a_day_of_its_own_the_inquiry_is_on_the_day_of_the_run() -> None:
    """The tape's clock stands at 2023-11-14."""
    found = criteria(inquiry({**REPORT, "day": "2023-11-10"}, day=""))["fresh"]
    assert (found.verdict, "4 days before 2023-11-14" in found.text) == ("held", True)


def test_what_could_be_fixed_is_broke_and_named() -> None:
    holes = [f"CVE-{n}" for n in range(5)]
    found = criteria(inquiry({**REPORT, "fixable": holes}))["nothing to fix"]
    assert found.verdict == "broke"
    assert found.text.endswith("CVE-0; CVE-1; CVE-2 and 2 more")


def test_the_newest_report_of_the_digest_counts() -> None:
    old = {**REPORT, "name": "scan/old", "day": "2026-01-01", "fixable": ["CVE-1"]}
    assert verdicts(inquiry(old, REPORT)) == HELD
    newer = {**REPORT, "day": "2026-09-14", "fixable": ["CVE-2"]}
    assert verdicts(inquiry(newer, REPORT)) == {**HELD, "nothing to fix": "broke"}


def test_one_container_at_one_look_is_enough_to_break() -> None:
    tape = inquiry(REPORT)
    look(tape, 25, REPORT, containers=[running(), running(TAGGED, pod="storefront-b")])
    found = criteria(tape)["pinned"]
    assert (found.verdict, [(e.t, e.source) for e in found.evidence]) == ("broke", [(25, "Pod/storefront-b")])


def test_where_nothing_was_seen_to_run_nothing_is_proven() -> None:
    assert set(verdicts(inquiry(REPORT, containers=[])).values()) == {"not_proven"}


def test_after_the_fault_nothing_counts() -> None:
    tape = inquiry(REPORT)
    look(tape, 50, containers=[running(TAGGED)])
    assert verdicts(tape) == HELD
