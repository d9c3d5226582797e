"""All that a run works with, and the changes it has to undo."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from chaos import recover
from chaos.journal import Journal, Undo
from chaos.kube import Kube
from chaos.plan import Plan
from chaos.recording import Recorder
from chaos.scenario import Scenario
from chaos.stop import Stop
from loadgen.units import Duration


@dataclass(eq=False, kw_only=True)
class Run:
    """All that a run works with."""

    scenario: Scenario
    plan: Plan
    kube: Kube
    recorder: Recorder
    journal: Journal
    seed: int
    stop: Stop
    settle: Duration
    """From Ready to the baseline: how long the cluster may take until its Services lead to what is Ready."""
    over: threading.Event = field(default_factory=threading.Event)
    """Set when observing ends: watches that break afterwards are no trouble."""
    undos: list[tuple[int, Undo]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    showing: list[threading.Thread] = field(default_factory=list)
    """Snapshots under way: what they look at must not be deleted meanwhile, nor their recording be closed."""
    agreed: dict[str, str] = field(default_factory=dict)
    choosing: threading.Lock = field(default_factory=threading.Lock)

    def ending(self) -> bool:
        """Whether observing is over, or the run was told to stop: from then on a broken watch is no news."""
        return self.over.is_set() or self.stop.asked()

    def agree(self, what: str, choose: Callable[[], str]) -> str:
        """Something that all variants have in common; the first to ask chooses, before any of them is touched."""
        with self.choosing:
            if what not in self.agreed:
                self.agreed[what] = choose()
            return self.agreed[what]

    def will_undo(self, undo: Undo) -> int:
        with self.lock:
            number = self.journal.will(undo)
            self.undos.append((number, undo))
            return number

    def undo(self, number: int) -> None:
        """Take back one change now rather than at the end."""
        undo = next(u for n, u in self.undos if n == number)
        recover.carry_out(self.kube, undo, self.plan.run)
        with self.lock:
            self.journal.undone(number)
            self.undos = [(n, u) for n, u in self.undos if n != number]
