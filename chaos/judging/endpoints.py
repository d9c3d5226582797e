"""Where a Service sent its traffic."""

from chaos.judging.history import History, at


def ready_endpoints(past: History, service: str, t: float) -> set[str]:
    """The pods that a Service sent traffic to at a time: the union of its slices."""
    slices = (at(sightings, t) for _, sightings in past.of("EndpointSlice"))
    return {pod for s in slices if s is not None and s.get("service") == service for pod in s.get("ready") or ()}
