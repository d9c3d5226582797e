"""A load, as a value: who is asked what, how often, for how long. And the Locust command that makes it."""

from dataclasses import dataclass

from loadgen.inside.settings import Settings
from loadgen.units import Duration, Rate

MASTER_PORT = 5557


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Exactly one of `arrivals` (open model) and `users` (closed model) is set."""

    target: str
    """Base URL."""
    timeout: Duration
    arrivals: Rate | None = None
    users: int | None = None
    seed: int = 0
    workers: int = 1
    """Locust processes that share the load; above 1, a master of Locust's own divides it."""
    start_at: float | None = None
    """Unix time in seconds; None is at once. A process that is late starts at once."""
    duration: Duration | None = None
    """None is until stopped."""

    def __post_init__(self) -> None:
        if (self.arrivals is None) == (self.users is None):
            raise ValueError("a load has either arrivals (open model) or users (closed model); set one of them")
        if self.arrivals and self.arrivals.per_second <= 0:
            raise ValueError(f"arrivals: {self.arrivals} brings nobody; set a rate above 0/s")
        if self.users is not None and self.users < self.workers:
            raise ValueError(f"{self.users} users cannot be shared by {self.workers} workers; use fewer workers")


def settings(load: Load, locustfile: str) -> Settings:
    return Settings(
        locustfile=locustfile,
        timeout=load.timeout.seconds,
        seed=load.seed,
        arrivals_per_second=load.arrivals.per_second if load.arrivals else 0.0,
        workers=load.workers,
        start_at=load.start_at,
        duration=load.duration.seconds if load.duration else None,
    )


def arguments(load: Load, *, inside: str, locustfile: str) -> tuple[str, ...]:
    """Of the `locust` command, for a process that has all the load or divides it. `inside` is this package's folder."""
    users = load.workers if load.users is None else load.users
    return (
        *_locustfiles(load, inside=inside, locustfile=locustfile),
        *("--headless", "--only-summary", "--skip-log-setup", "--exit-code-on-error", "0"),
        *("--host", load.target, "--users", str(users), "--spawn-rate", str(users)),
        *_end(load),
    )


def worker_arguments(load: Load, *, inside: str, locustfile: str, master: str) -> tuple[str, ...]:
    """Of the `locust` command, for a process that gets its share from the master at that host."""
    files = _locustfiles(load, inside=inside, locustfile=locustfile)
    return (*files, "--skip-log-setup", "--worker", "--master-host", master, "--master-port", str(MASTER_PORT))


def _locustfiles(load: Load, *, inside: str, locustfile: str) -> tuple[str, ...]:
    return ("-f", f"{inside}/opened.py") if load.arrivals else ("-f", f"{inside}/closed.py,{locustfile}")


def _end(load: Load) -> tuple[str, ...]:
    """The open model ends itself; Locust ends the closed one, and lets open requests have their time."""
    if not load.users or not load.duration:
        return ()
    wait = f"{load.timeout.seconds:g}"
    return ("--run-time", f"{round(load.duration.seconds)}s", "--stop-timeout", wait)
