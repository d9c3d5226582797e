"""One evaluation: its variables, and what it has cost so far."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cluster.api.custom.cel.problems import CostLimitError


class Run:
    __slots__ = ("cost", "limit", "values")

    def __init__(self, values: dict[str, Any], limit: int) -> None:
        self.values = values
        self.limit = limit
        self.cost = 0

    def spend(self, cost: int) -> None:
        """Raises `CostLimitError`."""
        self.cost += cost
        if self.cost > self.limit:
            raise CostLimitError

    @contextmanager
    def inner(self) -> Iterator[dict[str, Any]]:
        """The variables, for a macro to put its own among them; what they hid returns afterwards."""
        before = self.values
        self.values = dict(before)
        try:
            yield self.values
        finally:
            self.values = before


Step = Callable[[Run], Any]
