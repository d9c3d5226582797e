"""The live view: what is happening now, folded from the records as they are written.

`fold` is pure; `Live` draws what it yields, in place on a terminal and as plain lines elsewhere.
"""

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.panel import Panel
from rich.text import Text

from chaos.recording import Fault, Load, Phase, Record, Seen, Trouble
from loadgen.samples import EDGES_MS, Sample

RECENT = 7
SPARKS = "▁▂▃▄▅▆▇█"
# Events that tell a story; the rest (Scheduled, Pulled, Created …) is routine.
TELLING = {"Killing", "Unhealthy", "BackOff", "Evicted", "OOMKilling", "FailedScheduling", "FailedMount", "Failed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """One variant at this moment."""

    phase: str = "deploy"
    since: float = 0.0
    arrivals: int = 0
    failed: int = 0
    p95_ms: float | None = None
    failures: tuple[int, ...] = ()
    news: tuple[tuple[float, str, str], ...] = ()
    """(seconds since the fault, style, text), newest last."""
    fault_at: float | None = None
    dead: dict[str, int] = field(default_factory=dict)


def fold(now: Now, record: Record) -> Now:
    """The variant after one more record of it."""
    match record:
        case Phase():
            at = record.t if record.phase == "fault" else now.fault_at
            return replace(now, phase=record.phase, since=record.t, fault_at=at)
        case Load():
            return _measured(now, Sample.from_json(record.sample))
        case Fault(step="inject"):
            return _tell(now, record.t, "bold red" if record.ok else "yellow", f"fault: {record.detail}")
        case Fault(step="undo"):
            return _tell(now, record.t, "green", f"undone: {record.detail}")
        case Trouble():
            return _tell(now, record.t, "bold yellow", f"{record.what}: {record.detail}")
        case Seen(resource="Event") if _is_news(now.phase, record.object["reason"]):
            about = record.object["about"].split("/", 1)[-1]
            return _tell(now, record.t, "yellow", f"{record.object['reason']}  {about}: {record.object['message']}")
        case Seen(resource="Pod"):
            return _pod(now, record)
    return now


def _is_news(phase: str, reason: str) -> bool:
    # Probes fail until an app is up: that is how a start looks.
    return reason in TELLING and not (phase == "deploy" and reason == "Unhealthy")


def _measured(now: Now, sample: Sample) -> Now:
    failed = sum(sample.failed.values())
    return replace(
        now,
        arrivals=sample.intended,
        failed=failed,
        p95_ms=_percentile(sample.latency, 0.95, of=sample.intended),
        failures=(*now.failures[-39:], failed),
    )


def _percentile(histogram: dict[int, int], share: float, *, of: int) -> float | None:
    """None when so many got no answer at all that there is no such latency."""
    seen = 0
    for index in sorted(histogram):
        seen += histogram[index]
        if seen >= share * of:
            return EDGES_MS[min(index, len(EDGES_MS) - 1)]
    return None


def _pod(now: Now, record: Seen) -> Now:
    """A container that died since we last looked."""
    for container in record.object["containers"]:
        key = f"{record.name}/{container['name']}"
        ended = container["state"].get("terminated") or container["last"].get("terminated")
        deaths = container["restarts"] + ("terminated" in container["state"])
        if ended and deaths > now.dead.get(key, 0):
            now = replace(now, dead={**now.dead, key: deaths})
            text = f"{ended.get('reason', 'ended')} (exit code {ended.get('exitCode')})  {record.name}"
            now = _tell(now, record.t, "bold red", text)
    return now


def _tell(now: Now, t: float, style: str, text: str) -> Now:
    if now.phase == "done":
        return now
    return replace(now, news=(*now.news[-(RECENT - 1) :], (t, style, text)))


class Live:
    """Draws the variants of one run until the block ends. `phase_seconds` tells how long each phase lasts.

    With a name in `among_others` several runs share the terminal: each prints lines that begin with its name.
    """

    def __init__(
        self,
        console: Console,
        title: str,
        variants: list[str],
        phase_seconds: dict[str, float],
        clock: Callable[[], float],
        *,
        among_others: str = "",
    ) -> None:
        self._console = console
        self._prefix = f"{among_others:<22}" if among_others else ""
        self._in_place = console.is_terminal and not among_others
        self._title = title
        self._now = {name: Now() for name in variants}
        self._lasts = phase_seconds
        self._clock = clock
        self._began = clock()
        self._lock = threading.Lock()
        self._live = RichLive(get_renderable=self._draw, console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        self._began = self._clock()
        if self._in_place:
            self._live.__enter__()
        else:
            self._console.print(self._title, highlight=False)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._in_place:
            self._live.__exit__(kind, error, tb)

    def __call__(self, record: Record) -> None:
        """A listener for `chaos.recording.Recorder`."""
        with self._lock:
            if record.variant not in self._now:
                return
            before = self._now[record.variant]
            after = self._now[record.variant] = fold(before, record)
        if not self._in_place:
            self._print_lines(record, before, after)

    def _print_lines(self, record: Record, before: Now, after: Now) -> None:
        at = f"{record.t:6.1f} s  {self._prefix}{record.variant:<12}"
        if before.phase != after.phase:
            self._console.print(f"{at} {after.phase}", highlight=False)
        elif before.news != after.news and after.news:
            self._console.print(f"{at} {after.news[-1][2]}", highlight=False, soft_wrap=True)
        sys.stdout.flush()

    def _draw(self) -> RenderableType:
        with self._lock:
            panels = [self._panel(name, now) for name, now in self._now.items()]
        wide = self._console.width >= 100
        body: RenderableType = Columns(panels, equal=True, expand=True) if wide else Group(*panels)
        return Group(Text(self._title, style="bold"), body)

    def _panel(self, name: str, now: Now) -> Panel:
        elapsed = self._clock() - self._began - now.since
        left = self._lasts.get(now.phase)
        head = Text(f"{now.phase:<9}", style=_style_of(now.phase))
        head.append(f" {max(0.0, left - elapsed):3.0f} s left" if left else f" {elapsed:3.0f} s")
        share = now.failed / now.arrivals if now.arrivals else 0.0
        load = Text(f"arrivals {now.arrivals:4d}/s   failed ")
        load.append(f"{now.failed:4d}/s ({share:4.0%})", style="bold red" if now.failed else "green")
        load.append(f"   p95 {now.p95_ms:.0f} ms" if now.p95_ms is not None else "   p95 no answer")
        news = [_news_line(now, t, style, text) for t, style, text in now.news]
        news += [Text("")] * (RECENT - len(news))
        return Panel(Group(head, load, Text(_spark(now.failures), style="red"), *news), title=name)


def _news_line(now: Now, t: float, style: str, text: str) -> Text:
    since = t - now.fault_at if now.fault_at is not None else None
    at = f"{since:+6.1f} s  " if since is not None else f"{t:6.1f} s  "
    return Text(at + text, style=style, no_wrap=True, overflow="ellipsis")


def _style_of(phase: str) -> str:
    return {"fault": "bold white on red", "baseline": "bold green", "recovery": "bold cyan"}.get(phase, "bold")


def _spark(values: tuple[int, ...]) -> str:
    top = max(values, default=0)
    return "".join(SPARKS[min(len(SPARKS) - 1, v * (len(SPARKS) - 1) // top)] if top else SPARKS[0] for v in values)
