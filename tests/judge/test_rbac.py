"""When RBAC refused, when it did not, and when an answer that looks like a refusal is none."""

from typing import Any

import pytest

from chaos.impact import FORBIDDEN as FORBIDDEN_ALLOWED
from chaos.judging.rbac import answered
from chaos.judging.verdict import Criterion
from chaos.recording import Fault
from tests.judge.tape import INJECTED, TARGET, Tape, hang

USER = "system:serviceaccount:seawall-r1-defended:storefront"
FORBIDDEN = f'secrets is forbidden: User "{USER}" cannot list resource "secrets" in API group ""'
QUOTA = 'pods "x" is forbidden: exceeded quota: small, requested: pods=1'
ESCALATION = (
    f'rolebindings.rbac.authorization.k8s.io "x" is forbidden: user "{USER}" is attempting to grant RBAC permissions '
    "not currently held"
)


def answer(code: int, message: str = "", what: str = "list secrets", reason: str = "") -> dict[str, Any]:
    return {"what": what, "code": code, "reason": reason or ("Forbidden" if code == 403 else ""), "message": message}


NO = answer(403, FORBIDDEN)
YES = answer(200)


def stolen(tried: list[dict[str, Any]], needed: list[dict[str, Any]], mounted: Any = False, times: int = 3) -> Tape:
    """A token in strange hands, and the same answers at each look."""
    tape = Tape("rbac").calm()
    data = {"user": USER, "account": "storefront", "mounted": mounted}
    tape.add(Fault, INJECTED, fault="stolen-token", step="inject", ok=True, target=TARGET, data=data)
    for n in range(times):
        look(tape, 21.0 + n, tried=tried, needed=needed)
    return tape


def look(tape: Tape, t: float, ok: bool = True, **data: Any) -> None:
    tape.add(Fault, t, fault=tape.keys.get("name", "stolen-token"), step="witness", ok=ok, target=TARGET, data=data)


def script(reply: dict[str, Any], *standing: Any, user: str = USER) -> Tape:
    """A script that deletes a namespace: the answer it got, and whether the namespace stood at each look."""
    tape = Tape("rbac").calm()
    data = {"user": USER, "known": {"user": user}, "answer": reply}
    tape.add(Fault, INJECTED, fault="intern-script", step="inject", ok=True, target=TARGET, data=data)
    for n, stands in enumerate(standing):
        look(tape, 21.0 + n, standing=stands)
    return tape


def criterion(tape: Tape, name: str) -> Criterion:
    return next(c for c in tape.verdict().criteria if c.name == name)


class TestAnswers:
    """Only the authorizer's own words are a refusal."""

    @pytest.mark.parametrize("message", [FORBIDDEN, ESCALATION])
    def test_the_authorizers_403_is_a_refusal(self, message: str) -> None:
        assert answered(answer(403, message)) == "refused"

    def test_a_403_of_admission_is_not(self) -> None:
        """It comes after RBAC let the request through, and says nothing of the next request."""
        assert answered(answer(403, QUOTA)) == "unknown"

    @pytest.mark.parametrize("code", [0, 401, 429, 500, 501, 503, 302])
    def test_what_is_no_answer_of_the_authorizer_is_neither(self, code: int) -> None:
        assert answered(answer(code, FORBIDDEN)) == "unknown"

    @pytest.mark.parametrize("code", [200, 201, 202, 400, 404, 409, 422])
    def test_whoever_hears_more_than_no_was_let_through(self, code: int) -> None:
        assert answered(answer(code)) == "allowed"

    def test_what_has_no_code_is_no_answer(self) -> None:
        assert answered({}) == "unknown"


class TestStolenToken:
    """Everything forbidden is refused each time, while what is needed is answered."""

    def test_held_when_all_is_refused_and_needs_are_met(self) -> None:
        verdict = stolen([NO], [answer(200, what="get configmaps/flags")]).verdict()
        assert verdict.verdict == "held"
        assert [c.verdict for c in verdict.criteria] == ["held"] * 3

    def test_broke_when_one_thing_was_let_through_once(self) -> None:
        tape = stolen([NO, answer(403, FORBIDDEN, "list nodes")], [])
        look(tape, 30, tried=[NO, answer(200, what="list nodes")], needed=[])
        found = criterion(tape, "denied")
        assert found.verdict == "broke"
        assert found.text == "allowed: list nodes"
        assert [e.t for e in found.evidence] == [30]

    @pytest.mark.parametrize("reply", [answer(401), answer(0, "no answer within 3 s"), answer(403, QUOTA), answer(503)])
    def test_an_unclear_answer_is_unproven(self, reply: dict[str, Any]) -> None:
        tape = stolen([NO], [])
        look(tape, 30, tried=[NO, reply], needed=[])
        assert criterion(tape, "denied").verdict == "not_proven"
        assert tape.verdict().verdict == "not_proven"

    def test_broke_when_the_workload_lost_what_it_needs(self) -> None:
        """Least privilege that breaks the program is none."""
        found = criterion(stolen([NO], [answer(403, FORBIDDEN, "get configmaps/flags")]), "needs met")
        assert found.verdict == "broke"
        assert "though the workload needs it: get configmaps/flags" in found.text

    def test_a_need_without_an_answer_is_unproven(self) -> None:
        assert criterion(stolen([NO], [answer(0, "no answer")]), "needs met").verdict == "not_proven"

    def test_a_look_with_an_unknown_token_is_unproven(self) -> None:
        """A 401 in between: nobody knows what would have been refused then."""
        tape = stolen([NO], [])
        look(tape, 30, ok=False, problem="Unauthorized")
        assert criterion(tape, "denied").verdict == "not_proven"
        assert criterion(tape, "needs met").verdict == "not_proven"

    def test_an_empty_list_is_unproven(self) -> None:
        assert criterion(stolen([], []), "denied").verdict == "not_proven"

    def test_a_token_that_nobody_ever_knew_raises_doubts(self) -> None:
        tape = stolen([NO], [], times=0)
        look(tape, 21, ok=False)
        verdict = tape.verdict()
        assert verdict.verdict == "not_proven"
        assert "nobody saw stolen-token bite" in verdict.reasons[0].text

    def test_what_came_after_the_fault_does_not_count(self) -> None:
        tape = stolen([NO], [])
        look(tape, 50, tried=[YES], needed=[])
        assert criterion(tape, "denied").verdict == "held"

    def test_a_token_that_lies_about_unused_is_broke(self) -> None:
        assert criterion(stolen([NO], [], mounted=True), "token out of reach").verdict == "broke"

    def test_a_token_that_is_used_may_lie_there(self) -> None:
        assert criterion(stolen([NO], [YES], mounted=True), "token out of reach").verdict == "held"

    def test_whether_it_lies_there_must_have_been_seen(self) -> None:
        assert criterion(stolen([NO], [], mounted=None), "token out of reach").verdict == "not_proven"


class TestInternScript:
    """The deletion was refused and the namespace stands; one without the other proves nothing."""

    def test_held_when_refused_and_still_there(self) -> None:
        assert script(NO, True, True).verdict().verdict == "held"

    def test_broke_when_deleted(self) -> None:
        verdict = script(YES, False).verdict()
        assert [c.verdict for c in verdict.criteria] == ["broke", "broke"]

    def test_broke_when_it_went_later(self) -> None:
        assert criterion(script(NO, True, False), "production stands").verdict == "broke"

    def test_broke_when_the_refusal_was_a_missing_object(self) -> None:
        assert criterion(script(answer(404), True), "script turned away").verdict == "broke"

    @pytest.mark.parametrize("reply", [answer(401), answer(0), answer(403, QUOTA), {}])
    def test_no_clear_answer_is_unproven_though_it_stands(self, reply: dict[str, Any]) -> None:
        assert script(reply, True).verdict().verdict == "not_proven"

    def test_a_refusal_of_somebody_else_is_unproven(self) -> None:
        found = criterion(script(NO, True, user="system:anonymous"), "script turned away")
        assert found.verdict == "not_proven"
        assert USER in found.text

    def test_a_look_that_saw_nothing_is_unproven(self) -> None:
        assert criterion(script(NO, True, None), "production stands").verdict == "not_proven"


class TestForbiddenActionsAllowed:
    """Each forbidden thing counts once, however often it was allowed."""

    def test_what_was_let_through_is_counted(self) -> None:
        tape = stolen([NO, answer(200, what="list nodes"), answer(404, what="delete services")], [YES])
        assert count(tape) == 2
        assert [d.values for d in tape.judged().differences if d.what == FORBIDDEN_ALLOWED] == [{"defended": 2}]

    def test_refusals_are_none_and_silence_is_not_counted(self) -> None:
        assert count(stolen([NO], [YES])) == 0
        assert count(stolen([NO], [YES], times=0)) is None

    def test_a_script_that_deletes_counts(self) -> None:
        assert (count(script(YES, False)), count(script(NO, True))) == (1, 0)

    def test_a_storm_that_tries_nothing_forbidden_has_no_such_figure(self) -> None:
        assert count(hang()) is None
        assert not [d for d in hang().judged().differences if d.what == FORBIDDEN_ALLOWED]


def count(tape: Tape) -> int | None:
    cost = tape.only().impact
    assert cost is not None
    return cost.forbidden_allowed
