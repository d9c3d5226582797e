"""How a run is asked to end early: by Ctrl-C, by its time being up, by a bystander that is hurt."""

import threading

from loadgen.units import Duration


class Stop:
    """Asks everything to end early, once, with a reason. Waiting on it is how every phase spends its time."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._children: list[Stop] = []
        self.reason = ""

    def __call__(self, reason: str) -> None:
        if not self._event.is_set():
            self.reason = reason
            self._event.set()
        for child in self._children:
            child(reason)

    def child(self) -> "Stop":
        """One run's own among several: it ends with all, and all do not end with it."""
        child = Stop()
        self._children.append(child)
        if self.asked():
            child(self.reason)
        return child

    def asked(self) -> bool:
        return self._event.is_set()

    def wait(self, duration: Duration) -> None:
        """Spend the time; raises `Stopped` as soon as somebody asks to end."""
        if self._event.wait(max(0.0, duration.seconds)):
            raise Stopped(self.reason)


class Stopped(Exception):
    """The run was asked to end early."""
