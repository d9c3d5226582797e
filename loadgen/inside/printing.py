"""Opens the books of a load process, and prints each second's sample once it is complete."""

import os
import socket
import sys
from math import inf

import gevent
from locust import events

from loadgen.inside.clock import Clock
from loadgen.inside.ledger import Ledger
from loadgen.inside.meter import Meter
from loadgen.inside.settings import Settings
from loadgen.lines import to_line
from loadgen.samples import Sample

_PERIOD_SECONDS = 0.2


def measure(settings: Settings, clock: Clock, start: float) -> Meter:
    """A meter that hears of every request from now on; samples are printed until the end, SIGTERM included."""
    worker, end = f"{socket.gethostname()}-{os.getpid()}", start + (settings.duration or inf)
    ledger = Ledger(worker=worker, timeout=settings.timeout, start=start, end=end)
    meter = Meter(ledger, clock, settings.timeout)
    meter.wrap_sessions()
    events.request.add_listener(meter.on_request)
    events.user_error.add_listener(meter.on_user_error)
    events.quitting.add_listener(lambda **_: _print(ledger.rest(clock())))
    gevent.spawn(_print_for_ever, ledger, clock)
    return meter


def _print_for_ever(ledger: Ledger, clock: Clock) -> None:
    while True:
        gevent.sleep(_PERIOD_SECONDS)
        _print(ledger.due(clock()))


def _print(samples: list[Sample]) -> None:
    sys.stdout.write("".join(map(to_line, samples)))
    sys.stdout.flush()
