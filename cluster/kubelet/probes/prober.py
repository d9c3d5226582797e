"""Runs one probe of one run of a container, on time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cluster.kubelet.probes.table import (
    INITIAL,
    CheckErrored,
    Outcome,
    ProbeKind,
    ProbeState,
    Result,
    Settings,
    ends,
    next_tick,
    step,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prober:
    """`origin` is when the pod came and `began` when the container started, both in the loop's time.

    A readiness probe runs at once; the others, and it afterwards, at the ticks of their period since `origin`
    (recordings: probe-startup-failing, deadlock-liveness-and-readiness).
    """

    kind: ProbeKind
    rules: Settings
    origin: float
    began: float
    check: Callable[[], Awaitable[Outcome]]
    tell: Callable[[str, str], None]
    """Told of every check that failed, could not be made or is odd: the reason of the event, and its message."""
    changed: Callable[[ProbeKind, Result], None]
    """Told when the result changes, and of the first one."""
    notices: bool = False
    """Whether its first turn only notices that this run is not the one it knew (recording: probe-thresholds)."""

    async def run(self, started: asyncio.Event) -> None:
        """Until cancelled, or the probe is over. All but the startup probe wait until the container is `started`."""
        if self.kind is not ProbeKind.STARTUP:
            await started.wait()
        state, at_once = INITIAL[self.kind], self.kind is ProbeKind.READINESS
        if self.notices:
            await self._until_due(at_once=False)
            self.changed(self.kind, Result.UNKNOWN)
        while not ends(self.kind, state):
            await self._until_due(at_once=at_once)
            at_once = False
            state = await self._once(state)

    async def _until_due(self, *, at_once: bool) -> None:
        now = asyncio.get_running_loop().time()
        earliest = self.began + self.rules.initial_delay
        due = now if at_once else next_tick(self.origin, self.rules.period, now)
        if due < earliest:
            due = next_tick(self.origin, self.rules.period, earliest)
        await asyncio.sleep(due - now)

    async def _once(self, state: ProbeState) -> ProbeState:
        name = self.kind.capitalize()
        try:
            outcome = await self.check()
        except CheckErrored as error:
            self.tell("Unhealthy", f"{name} probe errored and resulted in unknown state: {error}")
            return state
        if not outcome.success:
            self.tell("Unhealthy", f"{name} probe failed: {outcome.message}")
        elif outcome.warning:
            self.tell("ProbeWarning", f"{name} probe warning: {outcome.warning}")
        after = step(state, outcome, self.rules)
        if after.result is not state.result:
            self.changed(self.kind, after.result)
        return after
