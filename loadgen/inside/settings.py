"""What a load process is told, as environment variables: `kubectl describe` shows them, the user's file sees them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All times in seconds."""

    locustfile: str
    """The user's Locust file."""
    timeout: float
    """How long a user waits for an answer."""
    seed: int = 0
    arrivals_per_second: float = 0.0
    """Of all workers together; 0 in the closed model."""
    workers: int = 1
    start_at: float | None = None
    """Unix time; None is at once."""
    duration: float | None = None
    """None is until stopped."""

    def to_env(self) -> dict[str, str]:
        env = {
            "SEAWALL_LOCUSTFILE": self.locustfile,
            "SEAWALL_TIMEOUT_SECONDS": f"{self.timeout:g}",
            "SEAWALL_SEED": str(self.seed),
            "SEAWALL_ARRIVALS_PER_SECOND": f"{self.arrivals_per_second:g}",
            "SEAWALL_WORKERS": str(self.workers),
            "SEAWALL_START_AT": "" if self.start_at is None else f"{self.start_at:.3f}",
            "SEAWALL_DURATION_SECONDS": "" if self.duration is None else f"{self.duration:g}",
        }
        return {name: value for name, value in env.items() if value}

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Raises KeyError or ValueError naming the variable's value."""
        return cls(
            locustfile=env["SEAWALL_LOCUSTFILE"],
            timeout=float(env["SEAWALL_TIMEOUT_SECONDS"]),
            seed=int(env.get("SEAWALL_SEED", "0")),
            arrivals_per_second=float(env.get("SEAWALL_ARRIVALS_PER_SECOND", "0")),
            workers=int(env.get("SEAWALL_WORKERS", "1")),
            start_at=_optional(env, "SEAWALL_START_AT"),
            duration=_optional(env, "SEAWALL_DURATION_SECONDS"),
        )


def _optional(env: Mapping[str, str], name: str) -> float | None:
    return float(env[name]) if env.get(name) else None
