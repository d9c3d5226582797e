"""Where packets went through policies that are there, the cluster is what has to change."""

from typing import Any

import pytest

from chaos.judge import judge
from chaos.judging.escape import NO_WAY_OUT
from chaos.judging.network import KEPT_IN, SHUT_OUT
from chaos.judging.unenforced import FINDING, findings
from chaos.judging.verdict import Criterion, VerdictName
from chaos.recording import RunStarted
from tests.judge.test_network import knocks

DIGEST = {"item": "image", "rule": "image-digest-missing"}
POLICY = {"item": "network-policy", "rule": "ingress-open"}


def told(name: str, verdict: VerdictName, *missing: dict[str, Any]) -> list[str]:
    return [str(f["rule"]) for f in findings([Criterion(name=name, verdict=verdict, text="")], missing)]


@pytest.mark.parametrize("name", [SHUT_OUT, KEPT_IN, NO_WAY_OUT])
def test_it_comes_first_when_packets_broke_a_policy_that_is_there(name: str) -> None:
    assert told(name, "broke", DIGEST) == [FINDING["rule"], "image-digest-missing"]


def test_a_missing_policy_is_reason_enough() -> None:
    assert told(SHUT_OUT, "broke", POLICY) == ["ingress-open"]


@pytest.mark.parametrize("verdict", ["held", "not_proven"])
def test_no_packet_that_went_through_no_word(verdict: VerdictName) -> None:
    assert told(SHUT_OUT, verdict, DIGEST) == ["image-digest-missing"]


def test_what_has_nothing_to_do_with_packets_is_no_reason() -> None:
    assert told("not root", "broke", DIGEST) == ["image-digest-missing"]


@pytest.mark.parametrize(("missing", "first"), [(DIGEST, FINDING["rule"]), (POLICY, "ingress-open")])
def test_the_advice_of_a_verdict_begins_with_it(missing: dict[str, Any], first: str) -> None:
    records = knocks("connected").all()
    assert isinstance(records[0], RunStarted)
    whole = {"object": "deployment/web", "what": "", "why": "", "remedy": "", **missing}
    for variant in records[0].variants.values():
        variant["advice"] = {"security": {"findings": [whole]}}
    verdict = judge(records).variants[0].verdicts[0]
    assert verdict.verdict == "broke"
    assert verdict.advice is not None
    assert verdict.advice.findings[0].rule == first
