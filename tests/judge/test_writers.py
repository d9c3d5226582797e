"""When a rollout kept to one writer at a time, and when nobody can say. From recordings written by hand."""

from typing import Any

import pytest

from chaos.recording import Fault
from tests.judge.tape import INJECTED, TARGET, Tape

APP = "deployment/storefront"
OLD, NEW = TARGET, "storefront-n"


def step(tape: Tape, t: float, name: str, *, ok: bool = True, **data: Any) -> None:
    tape.add(Fault, t, fault="rollout", step=name, ok=ok, target=APP, detail=f"{name} at {t}", data=data)


def pod(tape: Tape, t: float, name: str, claims: tuple[str, ...] = ("ledger",), **keys: Any) -> None:
    tape.pod(t, name, uid=f"uid-{name}", claims=list(claims), **keys)


def rollout(*, overlap: bool = False, found: int = 4, acknowledged: tuple[int, ...] = (3, 4), back: float = 24) -> Tape:
    """Two records before and some during a rollout, in which the old pod ends before or after the new one begins."""
    tape = Tape("storage", keys={"fault": {"rollout": {}}, "expect": {"defended": {"recover": "<= 10s"}}}).calm()
    pod(tape, 9, OLD)
    step(tape, INJECTED, "inject", old=[f"uid-{OLD}"], acknowledged=[[1, "a"], [2, "b"]])
    step(tape, 21, "act", acknowledged=[[n, f"m{n}-{i}"] for i, n in enumerate(acknowledged)])
    begins, ends = (21, 23) if overlap else (23, 22)
    pod(tape, begins, NEW)
    tape.see(ends, "Pod", OLD, "DELETED", app=APP, claims=["ledger"], containers=[])
    step(tape, 21.5, "witness", ok=False)
    step(tape, back, "witness", found=found, missing=[])
    return tape


def criteria(tape: Tape) -> dict[str, str]:
    return {c.name: c.verdict for c in tape.verdict().criteria}


def test_held_when_one_ended_before_the_other_began() -> None:
    assert criteria(rollout()) == {
        "one writer": "held",
        "numbers given once": "held",
        "records found": "held",
        "back in time": "held",
    }


def test_two_at_once_are_broke_though_nothing_came_of_it() -> None:
    found = rollout(overlap=True)
    assert criteria(found) == {**criteria(rollout()), "one writer": "broke"}
    assert "ran at once" in found.verdict().criteria[0].text


@pytest.mark.parametrize(
    ("keys", "broken"),
    [
        ({"found": 3}, "records found"),
        ({"acknowledged": (3, 3)}, "numbers given once"),
        ({"back": 31}, "back in time"),
    ],
)
def test_one_thing_wrong_is_enough(keys: dict[str, Any], broken: str) -> None:
    assert criteria(rollout(**keys)) == {**criteria(rollout()), broken: "broke"}


def test_pods_with_claims_of_their_own_may_run_side_by_side() -> None:
    tape = rollout()
    pod(tape, 21.2, "storefront-x", ("another",))
    assert criteria(tape)["one writer"] == "held"


def test_without_a_claim_nobody_knows_who_wrote_where() -> None:
    tape = rollout()
    for record in tape.records:
        getattr(record, "object", {}).pop("claims", None)
    assert criteria(tape)["one writer"] == "not_proven"


def test_a_pod_that_could_not_be_asked_proves_nothing_of_its_records() -> None:
    tape = rollout()
    tape.records = [r for r in tape.records if not (isinstance(r, Fault) and r.data.get("found"))]
    step(tape, 25, "witness")
    assert (criteria(tape)["records found"], criteria(tape)["back in time"]) == ("not_proven", "broke")


def test_a_rollout_that_nobody_saw_end_raises_doubts() -> None:
    tape = rollout()
    tape.records = [r for r in tape.records if not (isinstance(r, Fault) and r.data.get("found"))]
    assert "nobody saw rollout bite" in tape.verdict().reasons[0].text
