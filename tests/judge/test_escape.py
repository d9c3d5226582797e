"""When a container held its intruder, when not, and when a failure has another reason than the wall."""

from typing import Any

import pytest

from chaos.judging.verdict import Criterion
from chaos.recording import Fault
from tests.judge.tape import INJECTED, TARGET, Tape

HELD = {
    "uid": "10001",
    "Uid": "10001 10001 10001 10001",
    "CapEff": "0000000000000000",
    "NoNewPrivs": "1",
    "Seccomp": "2",
    "write-to-root": "sh: 1: cannot create /seawall-was-here: Read-only file system",
    "change-owner": "chown: changing ownership of '/dev/shm/x': Operation not permitted",
    "control": "done",
    "reach-node": "timed out",
    "reach-api": "timed out",
}
ROOT = {
    "uid": "0",
    "Uid": "0 0 0 0",
    "CapEff": "00000000a80425fb",
    "NoNewPrivs": "0",
    "Seccomp": "0",
    "write-to-root": "done",
    "change-owner": "done",
    "control": "done",
    "reach-node": "bash: connect: Connection refused",
    "reach-api": "done",
}


def broken_in(*looks: dict[str, str] | None) -> Tape:
    """A shell in the container, and what was told at each look; None is a look that told nothing."""
    tape = Tape("security").calm()
    keys: dict[str, Any] = {"fault": "container-escape", "target": TARGET}
    tape.add(Fault, INJECTED, step="inject", ok=True, data={"container": "storefront"}, **keys)
    for n, tried in enumerate(looks):
        tape.add(Fault, 21.0 + n, step="witness", ok=tried is not None, data={"tried": tried}, **keys)
    return tape


def criterion(tape: Tape, name: str) -> Criterion:
    return next(c for c in tape.verdict().criteria if c.name == name)


def test_held_when_every_wall_stands() -> None:
    assert [c.verdict for c in broken_in(HELD, HELD).verdict().criteria] == ["held"] * 5


def test_broke_when_none_does() -> None:
    assert [c.verdict for c in broken_in(ROOT).verdict().criteria] == ["broke"] * 5


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("not root", {"uid": "0"}),
        ("not root", {"Uid": "10001 0 10001 10001"}),
        ("no privileges", {"CapEff": "0000000000000400"}),
        ("no privileges", {"change-owner": "done"}),
        ("no way up", {"NoNewPrivs": "0"}),
        ("no way up", {"Seccomp": "0"}),
        ("root file system", {"write-to-root": "done"}),
        ("no way out", {"reach-api": "done"}),
        ("no way out", {"reach-node": "done"}),
    ],
)
def test_one_hole_is_enough(name: str, changed: dict[str, str]) -> None:
    tape = broken_in(HELD, {**HELD, **changed})
    assert criterion(tape, name).verdict == "broke"
    assert [c.verdict for c in tape.verdict().criteria].count("broke") == 1


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("not root", {"uid": ""}),
        ("not root", {"Uid": ""}),
        ("no privileges", {"CapEff": ""}),
        ("no privileges", {"change-owner": "sh: chown: not found"}),
        ("no way up", {"NoNewPrivs": ""}),
        ("no way up", {"Seccomp": ""}),
        ("root file system", {"write-to-root": "sh: cannot create /seawall-was-here: Permission denied"}),
        ("root file system", {"write-to-root": ""}),
        ("no way out", {"control": "bash: connect: Connection refused"}),
        ("no way out", {"reach-node": "bash: connect: Connection refused"}),
        ("no way out", {"reach-api": "no answer"}),
    ],
)
def test_what_failed_for_another_reason_or_was_not_told_is_unproven(name: str, changed: dict[str, str]) -> None:
    """A file mode keeps out this user, not the next one; a missing tool keeps out nobody."""
    assert criterion(broken_in({**HELD, **changed}), name).verdict == "not_proven"


def test_a_look_that_told_nothing_is_unproven() -> None:
    assert broken_in(HELD, None).verdict().verdict == "not_proven"


def test_a_shell_that_never_told_anything_raises_doubts() -> None:
    assert "nobody saw container-escape bite" in broken_in(None).verdict().reasons[0].text


def test_a_cluster_of_one_node_is_judged_by_the_api_server_alone() -> None:
    tried = {k: v for k, v in HELD.items() if k != "reach-node"}
    assert criterion(broken_in(tried), "no way out").verdict == "held"
    assert criterion(broken_in({k: v for k, v in tried.items() if k != "reach-api"}), "no way out").verdict != "held"


def test_what_may_be_reached_is_no_forbidden_thing() -> None:
    cost = broken_in(HELD).only().impact
    assert cost is not None
    assert cost.forbidden_allowed == 0
