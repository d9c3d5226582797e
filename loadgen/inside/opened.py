"""A Locust file for the open model: users arrive by the clock, whatever became of those before them.

Locust runs one `Arrivals` in each process; for every arrival it starts a fresh user of the user's own Locust file, with
a connection and cookies of its own. That user runs as Locust runs it (on_start, one task by weight, on_stop) and leaves
where it would have waited: in this model the clock waits, not the user.
"""

import os
import random
from math import inf
from typing import Any, ClassVar, NoReturn

import gevent
from locust import TaskSet, User, task
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.exception import StopUser
from locust.util.load_locustfile import load_locustfile

from loadgen.inside.clock import steady_clock
from loadgen.inside.ledger import GRACE_SECONDS
from loadgen.inside.meter import Meter, Visit, visiting
from loadgen.inside.printing import measure
from loadgen.inside.schedule import arrivals
from loadgen.inside.settings import Settings
from loadgen.inside.spike import SIGNAL, read_times

SETTINGS = Settings.from_env(os.environ)
CLOCK = steady_clock()
USERS: tuple[type[User], ...] = tuple(load_locustfile(SETTINGS.locustfile)[0].values())
if not USERS:
    raise SystemExit(f"{SETTINGS.locustfile} defines no Locust user; define a class like `class Visitor(HttpUser)`")


class Arrivals(User):
    """The clock of the open model."""

    meter: ClassVar[Meter | None] = None
    times: ClassVar[float] = 1.0

    def on_start(self) -> None:
        self.began = max(CLOCK(), SETTINGS.start_at or 0.0)
        Arrivals.meter = Arrivals.meter or measure(SETTINGS, CLOCK, self.began)
        gevent.signal_handler(SIGNAL, _spike)
        TaskSet.wait = _leave  # type: ignore[method-assign]  # there is no other place where users wait
        for user in USERS:
            user.host = self.environment.host or user.host

    @task
    def arrive(self) -> None:
        seed = f"{SETTINGS.seed}/{getattr(self.environment.runner, 'worker_index', 0)}"
        random.seed(seed)
        chance, weights = random.Random(seed), [user.weight for user in USERS]  # noqa: S311 -- repeatable, not secret
        for offset in arrivals(SETTINGS.arrivals_per_second / SETTINGS.workers, chance, lambda: Arrivals.times):
            if SETTINGS.duration and offset > SETTINGS.duration:
                break
            self._meter().ledger.next_at = at = self.began + offset
            _wait_until(at)
            (user,) = chance.choices(USERS, weights)
            gevent.spawn(self._welcome, user, self._meter().expect(at))
        self._meter().ledger.next_at = inf
        _wait_until(self.began + (SETTINGS.duration or 0.0) + 1 + SETTINGS.timeout + 2 * GRACE_SECONDS)
        gevent.spawn(self.environment.runner.quit).join()

    def _meter(self) -> Meter:
        if Arrivals.meter is None:
            raise RuntimeError(
                "Locust ran a task before on_start; this is an error of ours or Locust's, please report it"
            )
        return Arrivals.meter

    def _welcome(self, kind: type[User], visit: Visit) -> None:
        visiting.set(visit)
        user = kind(self.environment)
        try:
            user.run()
        except Exception:  # noqa: BLE001 -- Locust has logged it and told the meter; one user's end is not the load's
            visit.failure = visit.failure or "exception"
        finally:
            self._meter().depart(visit)
            _hang_up(user)


def _spike() -> None:
    Arrivals.times = read_times()


def _leave(_: TaskSet) -> NoReturn:
    raise StopUser


def _wait_until(at: float) -> None:
    """Yields at least once: a generator that is behind must still let its users run."""
    gevent.sleep(max(at - CLOCK(), 0))
    # The event loop's own time lags while it is busy, so its timers may fire a little early.
    while (left := at - CLOCK()) > 0:
        gevent.sleep(left)


def _hang_up(user: Any) -> None:
    """Close the user's connections, unless its class shares them on purpose."""
    client = getattr(user, "client", None)
    if isinstance(client, HttpSession) and not user.pool_manager:
        client.close()
    if isinstance(client, FastHttpSession) and not user.client_pool:
        client.client.close()
