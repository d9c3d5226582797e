"""The rules of probes and lifecycle hooks."""

from collections.abc import Collection, Iterator

from cluster.api.field_errors import FieldError, forbidden, invalid, required
from cluster.api.resources.checks import check_enum, check_not_negative, check_port, check_required
from cluster.client import Obj

_COUNTS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_PROBE_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOK_HANDLERS = ("exec", "httpGet", "tcpSocket", "sleep")


def check_probes(container: Obj, path: str) -> Iterator[FieldError]:
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if (probe := container.get(name)) is not None:
            yield from _check_probe(probe, f"{path}.{name}")
            if name != "readinessProbe" and probe.get("successThreshold", 1) != 1:
                yield invalid(f"{path}.{name}.successThreshold", probe["successThreshold"], "must be 1")
    if (container.get("readinessProbe") or {}).get("terminationGracePeriodSeconds") is not None:
        field = f"{path}.readinessProbe.terminationGracePeriodSeconds"
        yield invalid(
            field,
            container["readinessProbe"]["terminationGracePeriodSeconds"],
            "must not be set for readinessProbes",
        )


def check_lifecycle(lifecycle: Obj | None, path: str, grace: int) -> Iterator[FieldError]:
    for name in ("postStart", "preStop"):
        hook = (lifecycle or {}).get(name)
        if hook is not None:
            yield from _check_handler(hook, f"{path}.{name}", _HOOK_HANDLERS)
            seconds = (hook.get("sleep") or {}).get("seconds", 0)
            if not 0 <= seconds <= grace:
                why = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
                yield invalid(f"{path}.{name}.sleep", seconds, why)


def _check_probe(probe: Obj, path: str) -> Iterator[FieldError]:
    yield from _check_handler(probe, path, _PROBE_HANDLERS)
    yield from check_not_negative(probe, path, *_COUNTS)
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is not None and grace <= 0:
        yield invalid(f"{path}.terminationGracePeriodSeconds", grace, "must be greater than 0")


def _check_handler(handler: Obj, path: str, kinds: Collection[str]) -> Iterator[FieldError]:
    given = [kind for kind in kinds if handler.get(kind) is not None]
    if not given:
        yield required(path, "must specify a handler type")
    for extra in given[1:]:
        yield forbidden(f"{path}.{extra}", "may not specify more than 1 handler type")
    for kind in given[:1]:
        yield from _check_action(handler[kind], f"{path}.{kind}", kind)


def _check_action(action: Obj, path: str, kind: str) -> Iterator[FieldError]:
    match kind:
        case "exec":
            yield from check_required(action, path, "command")
        case "sleep":
            pass
        case _:
            yield from check_port(action.get("port", 0), f"{path}.port")
    if kind == "httpGet":
        yield from check_required(action, path, "path")
        yield from check_enum(action, path, "scheme", ("HTTP", "HTTPS"))
