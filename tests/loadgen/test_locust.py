"""Real Locust against a real service on loopback: what users would have felt is what is measured."""

import signal
import time
from collections import Counter
from itertools import takewhile
from pathlib import Path
from random import Random

import pytest

from loadgen.here import start
from loadgen.inside.schedule import arrivals
from loadgen.lines import read
from loadgen.load import Load
from loadgen.samples import Sample, bucket
from loadgen.units import Duration, Rate
from tests.loadgen.moods import Service


def users(kind: str, *bodies: str) -> str:
    tasks = "".join(f"    @task\n    def task_{i}(self):\n        {body}\n" for i, body in enumerate(bodies))
    return f"import gevent\nfrom locust import {kind}, User, task\n\nclass Visitor({kind}):\n{tasks}"


def measured(load: Load, locustfile: str, folder: Path, *, stop_after: float | None = None) -> list[Sample]:
    """Run the load to its end, or SIGTERM it."""
    file = folder / "users.py"
    file.write_text(locustfile)
    process = start(load, file)
    try:
        if stop_after:
            time.sleep(stop_after)
            process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    return list(read(output.splitlines()))


def failures(samples: list[Sample]) -> Counter[str]:
    return sum((Counter(s.failed) for s in samples), Counter[str]())


def total(samples: list[Sample], what: str) -> int:
    return sum(getattr(s, what) for s in samples)


def open_load(service: Service, *, rate: float = 40, timeout: float = 0.5, duration: float = 1) -> Load:
    return Load(
        target=service.url,
        timeout=Duration(timeout),
        arrivals=Rate(rate),
        seed=3,
        duration=Duration(duration),
    )


def scheduled(load: Load) -> int:
    """How many users the seed brings. Their classes are chosen by the same generator, so it is drawn from as there."""
    assert load.arrivals
    assert load.duration
    chance = Random(f"{load.seed}/0")
    schedule = arrivals(load.arrivals.per_second, chance)
    end = load.duration.seconds
    return sum(1 for offset in takewhile(lambda at: at <= end, schedule) if chance.choices("u") and offset)


@pytest.mark.parametrize("kind", ["HttpUser", "FastHttpUser"])
def test_every_way_to_fail_has_its_own_name(kind: str, service: Service, tmp_path: Path) -> None:
    bodies = [f"self.client.get('{path}')" for path in ("/ok", "/hang", "/drip", "/503", "/reset")]
    refused = "self.client.get('http://127.0.0.1:9/')"
    broken = "raise ValueError('the task itself')"
    checked = (
        "with self.client.get('/ok', catch_response=True) as answer:\n            answer.failure('not what I asked')"
    )
    samples = measured(
        open_load(service, rate=120, duration=1), users(kind, *bodies, refused, broken, checked), tmp_path
    )
    assert set(failures(samples)) == {"timeout", "http-503", "reset", "refused", "exception", "check"}
    assert total(samples, "ok") > 0
    assert total(samples, "intended") == total(samples, "ok") + failures(samples).total()


@pytest.mark.parametrize("kind", ["HttpUser", "FastHttpUser"])
def test_a_service_that_hangs_stops_no_arrivals(kind: str, service: Service, tmp_path: Path) -> None:
    """No coordinated omission: users keep coming, and each of them times out in the second it came."""
    load = open_load(service, duration=1.5)
    hanging = measured(load, users(kind, "self.client.get('/hang')"), tmp_path)
    assert total(hanging, "intended") == scheduled(load) > 40
    assert failures(hanging) == {"timeout": total(hanging, "intended")}
    assert total(hanging, "sent") == total(hanging, "intended")


def test_latency_is_measured_and_requests_leave_on_time(service: Service, tmp_path: Path) -> None:
    samples = measured(open_load(service), users("FastHttpUser", "self.client.get('/slow')"), tmp_path)
    assert failures(samples) == {}
    assert min(min(s.latency) for s in samples if s.latency) >= bucket(300)
    assert max(s.start_error_ms_p99 for s in samples) < 50


def test_every_arrival_is_somebody_new(service: Service, tmp_path: Path) -> None:
    """With a connection and cookies of its own, though within a visit cookies and connection are kept."""
    task = "self.client.get('/first'); self.client.get('/second')"
    samples = measured(open_load(service), users("FastHttpUser", task), tmp_path)
    visits = total(samples, "ok") // 2
    assert visits > 20
    assert len(set(service.clients)) == visits
    assert service.cookies == {"", "seen=yes"}


def test_a_client_of_any_protocol_is_measured(service: Service, tmp_path: Path) -> None:
    """By Locust's request event; one that never ends is a time-out all the same."""
    fire = "self.environment.events.request.fire(request_type='x', name='y', response_time=%s, response_length=0, "
    quick = fire % 2 + "exception=None, context={})"
    samples = measured(open_load(service), users("User", quick, "gevent.sleep(9)"), tmp_path)
    assert set(failures(samples)) == {"timeout"}
    assert total(samples, "ok") > 5
    assert total(samples, "intended") == total(samples, "ok") + failures(samples).total()


def test_the_load_begins_when_it_is_told(service: Service, tmp_path: Path) -> None:
    begin = float(int(time.time()) + 3)
    load = Load(
        target=service.url, timeout=Duration(0.5), arrivals=Rate(40), start_at=begin, duration=Duration(1), seed=1
    )
    samples = measured(load, users("FastHttpUser", "self.client.get('/ok')"), tmp_path)
    assert [s.second for s in samples] == [begin]
    assert samples[0].intended == total(samples, "ok")


def test_sigterm_prints_what_is_there(service: Service, tmp_path: Path) -> None:
    """Requests that were open then are told as intended and nothing else."""
    load = Load(target=service.url, timeout=Duration(5), arrivals=Rate(40))
    samples = measured(load, users("FastHttpUser", "self.client.get('/hang')"), tmp_path, stop_after=3)
    assert total(samples, "intended") > 20
    assert failures(samples) == {}
    assert total(samples, "ok") == 0


def test_the_closed_model_is_plain_locust_measured(service: Service, tmp_path: Path) -> None:
    """Five users, each waiting for its answer: the service's slowness slows them."""
    load = Load(target=service.url, timeout=Duration(2), users=5, duration=Duration(2))
    samples = measured(load, users("HttpUser", "self.client.get('/slow')"), tmp_path)
    assert failures(samples) == {}
    assert 5 <= total(samples, "ok") <= 5 * 2 / 0.3 + 5


@pytest.mark.slow
def test_workers_share_one_load(service: Service, tmp_path: Path) -> None:
    load = Load(target=service.url, timeout=Duration(0.5), arrivals=Rate(60), workers=2, seed=3, duration=Duration(3))
    samples = measured(load, users("FastHttpUser", "self.client.get('/ok')"), tmp_path)
    shares = Counter({s.worker: 0 for s in samples})
    for sample in samples:
        shares[sample.worker] += sample.intended
    assert len(shares) == 2
    assert all(50 < share < 130 for share in shares.values())
    assert failures(samples) == {}
