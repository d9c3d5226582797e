"""A container that ends whenever it is back: the kubelet holds it back longer each time, and the undo replaces it."""

import time
from collections.abc import Callable, Iterator

import pytest

from chaos import recover
from chaos.exec import Ended
from chaos.faults.crash_loop import CRASH_LOOP, CrashLoop
from chaos.faults.kind import FaultRefused, Injury, Sighting
from chaos.kube import Kube
from tests.faults.stage import Stage, deployment, embedded, stage

pytestmark = pytest.mark.root
PATIENCE_SECONDS = 15.0
WEB = "deployment/web"
OBEDIENT = {
    "name": "web",
    "image": "python:3.12-slim",
    "command": ["sh", "-c", "trap 'exit 1' TERM; while :; do sleep 0.1; done"],
}


@pytest.fixture(scope="module")
def kube() -> Iterator[Kube]:
    with embedded() as found:
        yield found


def look(web: Stage, injury: Injury) -> Sighting:
    """What a second of the fault phase does."""
    assert CRASH_LOOP.go_on
    for _ in CRASH_LOOP.go_on(web.arena, CrashLoop(), injury):
        pass
    return CRASH_LOOP.witness(web.arena, CrashLoop(), injury)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it did not come to be in time"
        time.sleep(0.3)


def test_a_pod_that_ends_whenever_it_is_back_is_held_back_and_the_undo_replaces_it(kube: Kube) -> None:
    with stage(kube, [deployment(containers=[OBEDIENT])]) as web:
        [injury] = CRASH_LOOP.inject(web.arena, CrashLoop())
        until(lambda: look(web, injury).ok)
        assert "ended 2 times since and was restarted 1 times" in look(web, injury).detail
        assert injury.undo is not None
        recover.carry_out(web.kube, web.undos[injury.undo], web.run)
        until(lambda: [p["ready"] for p in web.arena.view.pods(WEB).values()] == [True])
        assert injury.target not in web.arena.view.pods(WEB)


def test_a_program_that_heeds_no_signal_is_no_bite(kube: Kube) -> None:
    """The first process of a container is sent only what it listens to, and `sleep` listens to nothing."""
    with stage(kube, [deployment()]) as web:
        [injury] = CRASH_LOOP.inject(web.arena, CrashLoop())
        time.sleep(2)
        seen = look(web, injury)
        assert not seen.ok
        assert "ended 0 times since" in seen.detail


def test_one_restart_is_no_loop(kube: Kube) -> None:
    with stage(kube, [deployment(containers=[OBEDIENT])]) as web:
        [injury] = CRASH_LOOP.inject(web.arena, CrashLoop())
        until(lambda: "was restarted 1 times" in CRASH_LOOP.witness(web.arena, CrashLoop(), injury).detail)
        assert not CRASH_LOOP.witness(web.arena, CrashLoop(), injury).ok


def test_a_container_without_a_shell_is_refused_and_nothing_done(kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cluster's own images all have one, so its answer is played."""
    answer = Ended(code=127, out="", err='exec: "sh": executable file not found in $PATH')
    with stage(kube, [deployment()]) as web:
        monkeypatch.setattr("chaos.faults.crash_loop.run_in", lambda *_: answer)
        with pytest.raises(FaultRefused, match="no shell may end the program"):
            CRASH_LOOP.inject(web.arena, CrashLoop())
        assert [u.action for u in web.undos] == ["delete-namespace"]
