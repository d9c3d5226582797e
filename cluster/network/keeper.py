"""One table of every namespace, kept at what it should hold."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol

from cluster.network.nft import Firewall, RulesRefused
from cluster.network.ruleset import Ruleset, change, whole

# Changes that come within this time of each other are one transaction. The first of them does not wait.
GATHER_SECONDS = 0.005
RETRY_SECONDS = 1.0
SETTLE_SECONDS = 5.0

log = logging.getLogger(__name__)


class Walls(Protocol):
    """The part of the network that a keeper needs."""

    firewalls: dict[str, Firewall]
    """By node, and the fabric's own."""

    async def run_rules(self, transactions: list[tuple[Firewall, str]]) -> None:
        """One after the other, without holding up the event loop. Raises RulesRefused."""
        ...


class Keeper:
    """`plan` says what each of the named nodes should hold; say `changed` when it would say something else.

    `after` is awaited when it has come into force.
    """

    def __init__(
        self,
        walls: Walls,
        table: str,
        frame: Callable[[str], str],
        plan: Callable[[Iterable[str]], Mapping[str, Ruleset]],
        after: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._walls, self._table, self._frame, self._plan = walls, table, frame, plan
        self._after = after
        self._held: dict[Firewall, Ruleset] = {}
        self._asked = asyncio.Event()
        self._asked_count = self._done_count = 0
        self._progress = asyncio.Condition()

    def changed(self) -> None:
        self._asked_count += 1
        self._asked.set()

    async def settled(self) -> None:
        """Until all that was changed by now is in force. Raises TimeoutError."""
        wanted = self._asked_count
        async with asyncio.timeout(SETTLE_SECONDS), self._progress:
            await self._progress.wait_for(lambda: self._done_count >= wanted)

    async def run(self) -> None:
        self.changed()
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self._round(self._asked_count)
            await asyncio.sleep(GATHER_SECONDS)

    async def _round(self, number: int) -> None:
        try:
            await self._apply()
        except RulesRefused:
            # Nobody is served by giving up on all rules for one; start over from an empty table.
            log.exception("%s: rules refused; trying again in %s s", self._table, RETRY_SECONDS)
            self._held.clear()
            await asyncio.sleep(RETRY_SECONDS)
            self._asked.set()
            return
        if self._after is not None:
            await self._after()
        async with self._progress:
            self._done_count = number
            self._progress.notify_all()

    async def _apply(self) -> None:
        firewalls = dict(self._walls.firewalls)
        plan = self._plan(firewalls)
        # Most often all nodes hold one value and should hold one other: compare those once.
        seen: dict[tuple[int, int], str] = {}
        work = [(firewall, self._commands(node, firewall, plan[node], seen)) for node, firewall in firewalls.items()]
        await self._walls.run_rules([(firewall, commands) for firewall, commands in work if commands])
        self._held = {firewall: plan[node] for node, firewall in firewalls.items()}

    def _commands(self, node: str, firewall: Firewall, wanted: Ruleset, seen: dict[tuple[int, int], str]) -> str:
        held = self._held.get(firewall)
        if held is None:
            return whole(self._table, self._frame(node), wanted)
        pair = id(held), id(wanted)
        if pair not in seen:
            seen[pair] = change(self._table, held, wanted)
        return seen[pair]
