"""A Locust file beside the user's own, for the closed model: plain Locust, with every request measured."""

import os
from typing import Any

import gevent
from locust import events
from locust.env import Environment
from locust.runners import MasterRunner

from loadgen.inside.clock import steady_clock
from loadgen.inside.printing import measure
from loadgen.inside.settings import Settings


def begin(environment: Environment, **_: Any) -> None:
    """Before Locust starts its users: wait for the common start, open the books. A master has no users to measure."""
    settings, clock = Settings.from_env(os.environ), steady_clock()
    gevent.sleep(max((settings.start_at or 0.0) - clock(), 0))
    if not isinstance(environment.runner, MasterRunner):
        measure(settings, clock, clock())


events.init.add_listener(begin)
