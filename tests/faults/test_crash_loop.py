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


def test_a_program_that_heeds_no_signal_is_ended_by_a_tracer(kube: Kube) -> None:
    """The first process of a container is sent only what it listens to, and `sleep` listens to nothing."""
    with stage(kube, [deployment()]) as web:
        [injury] = CRASH_LOOP.inject(web.arena, CrashLoop())
        assert injury.detail.endswith("heeds no signal, and is ended by a tracer")
        until(lambda: look(web, injury).ok)
        assert injury.undo is not None
        recover.carry_out(web.kube, web.undos[injury.undo], web.run)
        until(lambda: [p["ready"] for p in web.arena.view.pods(WEB).values()] == [True])
        assert injury.target not in web.arena.view.pods(WEB)


def test_a_program_that_heeds_the_keyboard_alone_is_ended_so(kube: Kube) -> None:
    """As Python does that nobody has told what to do about SIGTERM."""
    python = {**OBEDIENT, "command": ["python3", "-c", "import time; time.sleep(600)"]}
    with stage(kube, [deployment(containers=[python])]) as web:
        [injury] = CRASH_LOOP.inject(web.arena, CrashLoop())
        assert injury.detail.endswith("was sent SIGINT")
        until(lambda: look(web, injury).ok)


def test_where_others_share_the_first_process_nothing_is_done(kube: Kube) -> None:
    with stage(kube, [deployment(containers=[OBEDIENT], shareProcessNamespace=True)]) as web:
        with pytest.raises(FaultRefused, match="has shareProcessNamespace: true"):
            CRASH_LOOP.inject(web.arena, CrashLoop())
        assert [u.action for u in web.undos] == ["delete-namespace"]


def test_one_restart_is_no_loop(kube: Kube) -> None:
    with stage(kube, [deployment(containers=[OBEDIENT])]) as web:
        [injury] = CRASH_LOOP.inject(web.arena, CrashLoop())
        until(lambda: "was restarted 1 times" in CRASH_LOOP.witness(web.arena, CrashLoop(), injury).detail)
        assert not CRASH_LOOP.witness(web.arena, CrashLoop(), injury).ok


def test_without_a_shell_and_where_no_tracer_may_come_nothing_is_done(
    kube: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cluster's own images all have a shell, so its answer is played."""
    answer = Ended(code=127, out="", err='exec: "sh": executable file not found in $PATH')
    with stage(kube, [deployment()]) as web:
        labels = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "baseline"}}}
        kube.merge(f"/api/v1/namespaces/{web.arena.namespace}", labels)
        monkeypatch.setattr("chaos.faults.crash_loop.run_in", lambda *_: answer)
        with pytest.raises(FaultRefused, match="heeds no signal from a shell, and no tracer may join"):
            CRASH_LOOP.inject(web.arena, CrashLoop())
        assert [u.action for u in web.undos] == ["delete-namespace"]
