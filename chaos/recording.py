"""The recording: an append-only file of JSON lines, flushed as it grows; the only thing the judge reads.

Every line has `t` (monotonic seconds since the run began), `wall` (Unix time), `kind`, and `variant` ("" for the run as
a whole). The kinds and their further keys are the classes below; a reader skips kinds and keys it does not know and a
last line that was cut short by a kill.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import IO, Any, ClassVar, Literal

PhaseName = Literal["deploy", "baseline", "fault", "recovery", "done"]
FaultStep = Literal["inject", "act", "witness", "undo"]

NOT_TAKEN = "the storm did not take place"
"""The trouble of a recording that holds nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One line."""

    kind: ClassVar[str]
    t: float
    wall: float
    variant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Record):
    """First line of every recording. `scenario` is the scenario as read; `seed` makes the run repeatable."""

    kind: ClassVar[str] = "run"
    format: int = 1
    run: str = ""
    seed: int = 0
    seawall: str = ""
    context: str = ""
    kubernetes: str = ""
    file: str = ""
    """The scenario's file, as the run was told it."""
    scenario: dict[str, Any] = field(default_factory=dict)
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    """name -> {"namespace": …, "strip": […]}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase(Record):
    """A phase begins; `done` ends the last."""

    kind: ClassVar[str] = "phase"
    phase: PhaseName


@dataclass(frozen=True, slots=True, kw_only=True)
class Load(Record):
    """One `loadgen.samples.Sample` as JSON."""

    kind: ClassVar[str] = "load"
    sample: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Record):
    """A watch event. `object` is the object reduced to what the judge and the reports read (see chaos.observe)."""

    kind: ClassVar[str] = "seen"
    event: Literal["ADDED", "MODIFIED", "DELETED"]
    resource: str
    """Pod, Event, EndpointSlice, Node, Deployment …: the object's kind."""
    name: str
    object: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(Record):
    """A step of the fault: what was done, what it went on to do, what an independent witness saw, what was undone.

    `ok` of an `act` step is True when the cluster did as it was asked, and its `data` says what it answered.
    `ok` of a witness step is True only when the fault was seen to bite. `target` is the pod or node it is about.
    """

    kind: ClassVar[str] = "fault"
    fault: str
    step: FaultStep
    ok: bool
    target: str = ""
    detail: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Record):
    """One question to the workload's own monitoring, and the answer (see chaos.monitoring).

    `ok` is False when there was no answer; then `detail` says why and `data` is empty.
    """

    kind: ClassVar[str] = "asked"
    source: Literal["prometheus", "alertmanager", "logs"]
    ok: bool
    detail: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown(Record):
    """What a kubectl command would have shown at this moment."""

    kind: ClassVar[str] = "shown"
    command: str
    text: str
    when: str
    """Why it was taken: "baseline", "first sign", "end of fault", "end"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble(Record):
    """What keeps a verdict from being proven: an observer died, the cluster went away, the user interrupted."""

    kind: ClassVar[str] = "trouble"
    what: str
    detail: str = ""


KINDS: dict[str, type[Record]] = {c.kind: c for c in (RunStarted, Phase, Load, Seen, Fault, Asked, Shown, Trouble)}


class Recorder:
    """Appends records to a file, stamping each with both clocks, and tells listeners (the live view)."""

    def __init__(self, file: IO[str], *, monotonic: Callable[[], float], wall: Callable[[], float]) -> None:
        self._file = file
        self._monotonic = monotonic
        self._wall = wall
        self._began = monotonic()
        self.listeners: list[Callable[[Record], None]] = []

    def write(self, kind: type[Record], variant: str = "", **keys: Any) -> Record:
        """Append one record and flush it. Safe to call from several threads: one write call, one line."""
        record = kind(t=round(self._monotonic() - self._began, 4), wall=self._wall(), variant=variant, **keys)
        self._file.write(to_line(record))
        self._file.flush()
        for listener in self.listeners:
            listener(record)
        return record


def to_line(record: Record) -> str:
    return json.dumps({"kind": record.kind, **asdict(record)}, separators=(",", ":")) + "\n"


def from_json(data: dict[str, Any]) -> Record | None:
    """The record, or None for a kind this version does not know."""
    kind = KINDS.get(data.get("kind", ""))
    if kind is None:
        return None
    known = {f.name for f in fields(kind)}
    return kind(**{k: v for k, v in data.items() if k in known})


def read(path: Path) -> Iterator[Record]:
    """Every whole line of a recording, in order; a torn last line is skipped."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            if not line.endswith("\n"):
                return
            record = from_json(json.loads(line))
            if record is not None:
                yield record
