"""The rules of probes and lifecycle hooks."""

import re
from collections.abc import Collection, Iterator

from cluster.api.field_errors import FieldError, forbidden, invalid, not_supported, required
from cluster.api.resources.checks import check_name, check_not_negative, check_port, check_required
from cluster.client import Obj

_COUNTS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_PROBE_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOK_HANDLERS = ("exec", "httpGet", "tcpSocket", "sleep")
_HEADER = re.compile(r"[-A-Za-z0-9]+")
_NO_HEADER = (
    "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for "
    "validation is '[-A-Za-z0-9]+')"
)


def check_probes(container: Obj, path: str) -> Iterator[FieldError]:
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if (probe := container.get(name)) is not None:
            yield from _check_probe(probe, f"{path}.{name}")
            yield from _check_kind_of_probe(probe, name, path)


def _check_kind_of_probe(probe: Obj, name: str, path: str) -> Iterator[FieldError]:
    grace = probe.get("terminationGracePeriodSeconds")
    if name != "readinessProbe" and probe.get("successThreshold", 1) != 1:
        yield invalid(f"{path}.{name}.successThreshold", probe["successThreshold"], "must be 1")
    if name == "readinessProbe" and grace is not None:
        why = "must not be set for readinessProbes"
        yield invalid(f"{path}.{name}.terminationGracePeriodSeconds", grace, why)


def check_lifecycle(lifecycle: Obj | None, path: str, grace: int) -> Iterator[FieldError]:
    """`grace`: how many seconds the pod has to end."""
    for name in ("postStart", "preStop"):
        if (hook := (lifecycle or {}).get(name)) is not None:
            yield from _check_handler(hook, f"{path}.{name}", _HOOK_HANDLERS, grace)


def _check_probe(probe: Obj, path: str) -> Iterator[FieldError]:
    yield from _check_handler(probe, path, _PROBE_HANDLERS)
    yield from check_not_negative(probe, path, *_COUNTS)
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is not None and grace <= 0:
        yield invalid(f"{path}.terminationGracePeriodSeconds", grace, "must be greater than 0")


def _check_handler(handler: Obj, path: str, kinds: Collection[str], grace: int = 0) -> Iterator[FieldError]:
    given = [kind for kind in kinds if handler.get(kind) is not None]
    for i, kind in enumerate(given):
        if i:
            yield forbidden(f"{path}.{kind}", "may not specify more than 1 handler type")
        else:
            yield from _check_action(handler[kind], f"{path}.{kind}", kind, grace)
    if not given:
        yield required(path, "must specify a handler type")


def _check_action(action: Obj, path: str, kind: str, grace: int) -> Iterator[FieldError]:
    match kind:
        case "exec":
            yield from check_required(action, path, "command")
        case "sleep":
            seconds = action.get("seconds", 0)
            if not 0 <= seconds <= grace:
                why = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
                yield invalid(path, seconds, why)
        case _:
            yield from check_port(action.get("port", 0), f"{path}.port")
    if kind == "httpGet":
        yield from _check_http(action, path)


def _check_http(action: Obj, path: str) -> Iterator[FieldError]:
    if action["scheme"] not in ("HTTP", "HTTPS"):
        yield not_supported(f"{path}.scheme", action["scheme"], ("HTTP", "HTTPS"))
    for header in action.get("httpHeaders") or ():
        yield from check_name(header.get("name", ""), f"{path}.httpHeaders", _header_name)


def _header_name(name: str) -> list[str]:
    return [] if _HEADER.fullmatch(name) else [_NO_HEADER]
