"""The live view tells what is happening, from the records alone."""

import io
from typing import Any

from rich.console import Console

from chaos.recording import Fault, Load, Phase, Record, Seen, Trouble
from loadgen.samples import bucket
from seawall.live import Live, Now, fold


def sample(failed: int) -> dict[str, Any]:
    latency = {str(bucket(10)): 40 - failed}
    return {
        "second": 1,
        "worker": "w",
        "intended": 40,
        "sent": 40,
        "ok": 40 - failed,
        "failed": {"timeout": failed},
        "latency": latency,
    }


def pod(state: dict[str, Any], restarts: int = 0) -> dict[str, Any]:
    return {"containers": [{"name": "main", "restarts": restarts, "state": state, "last": {}}]}


def after(*records: Record) -> Now:
    now = Now()
    for record in records:
        now = fold(now, record)
    return now


def test_load_shows_arrivals_failures_and_p95() -> None:
    now = after(Load(t=1, wall=1, variant="a", sample=sample(1)))
    assert (now.arrivals, now.failed, now.failures) == (40, 1, (1,))
    assert now.p95_ms is not None
    assert 10 <= now.p95_ms < 12


def test_a_latency_that_nobody_got_is_not_invented_from_those_who_got_one() -> None:
    assert after(Load(t=1, wall=1, variant="a", sample=sample(13))).p95_ms is None


def test_a_dead_container_is_told_once_with_its_exit_code() -> None:
    dead = pod({"terminated": {"reason": "OOMKilled", "exitCode": 137}})
    seen = [Seen(t=t, wall=t, variant="a", event="MODIFIED", resource="Pod", name="p", object=dead) for t in (1, 2)]
    now = after(*seen)
    assert [text for _, _, text in now.news] == ["OOMKilled (exit code 137)  p"]


def test_routine_events_are_left_out_and_telling_ones_shown() -> None:
    def event(reason: str) -> Seen:
        body = {"reason": reason, "message": "m", "about": "Pod/p", "type": "Normal", "count": 1}
        return Seen(t=1, wall=1, variant="a", event="ADDED", resource="Event", name="e", object=body)

    now = after(event("Pulled"), event("Killing"), event("Scheduled"))
    assert [text for _, _, text in now.news] == ["Killing  p: m"]


def test_without_a_terminal_every_change_is_one_plain_line() -> None:
    out = io.StringIO()
    console = Console(file=out, width=200)
    with Live(console, "the title", ["a"], {"fault": 5.0}, lambda: 0.0) as live:
        live(Phase(t=1, wall=1, variant="a", phase="fault"))
        live(Fault(t=2, wall=2, variant="a", fault="deadlock", step="inject", ok=True, detail="a deadlock in pod p"))
        live(Trouble(t=3, wall=3, variant="a", what="the watch ended"))
        live(Trouble(t=3, wall=3, variant="", what="not of a variant"))
    lines = out.getvalue().splitlines()
    assert lines[0] == "the title"
    assert lines[1].split() == ["1.0", "s", "a", "fault"]
    assert "a deadlock in pod p" in lines[2]
    assert len(lines) == 4
