"""Ingresses, as `cluster.network.ingress` serves them."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, invalid, not_supported, required
from cluster.api.metadata import label, subdomain, wildcard_subdomain
from cluster.api.resource import Resource, spec_of
from cluster.api.resources.checks import check_name, check_range, check_typed_reference, port_name
from cluster.api.resources.ip_rules import is_address
from cluster.api.resources.unsupported import refusal
from cluster.api.tables.ingresses import INGRESSES
from cluster.client import NotImplementedHere, Obj
from cluster.ingress import ANNOTATIONS, FORCE_REDIRECT, REDIRECT
from cluster.objects import annotations_of

_CLASS = "kubernetes.io/ingress.class"
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_NOT_IN_PATHS = ("//", "/./", "/../", "%2f", "%2F")
_NOT_AT_THE_END = ("/..", "/.")


def fill(ingress: Obj) -> None:
    ingress.setdefault("spec", {})


def rules(ingress: Obj, old: Obj | None) -> Iterator[FieldError]:
    spec = ingress["spec"]
    if not spec.get("rules") and spec.get("defaultBackend") is None:
        yield invalid("spec", None, "either `defaultBackend` or `rules` must be specified")
    if spec.get("defaultBackend") is not None:
        yield from _check_backend(spec["defaultBackend"], "spec.defaultBackend")
    for i, rule in enumerate(spec.get("rules") or ()):
        yield from _check_host(rule.get("host", ""), f"spec.rules[{i}].host")
        if rule.get("http") is not None:
            yield from _check_paths(rule["http"].get("paths") or [], f"spec.rules[{i}].http.paths")
    for i, tls in enumerate(spec.get("tls") or ()):
        for j, host in enumerate(tls.get("hosts") or ()):
            yield from check_name(host, f"spec.tls[{i}].hosts[{j}]", wildcard_subdomain if "*" in host else subdomain)
        if tls.get("secretName"):
            yield from check_name(tls["secretName"], f"spec.tls[{i}].secretName", subdomain)
    if spec.get("ingressClassName") is not None:
        yield from check_name(spec["ingressClassName"], "spec.ingressClassName", subdomain)
    if old is None:
        yield from _check_class(ingress)


def _check_class(ingress: Obj) -> Iterator[FieldError]:
    old, new = annotations_of(ingress).get(_CLASS), ingress["spec"].get("ingressClassName")
    if old is not None and new is not None and old != new:
        yield invalid(f"annotations.{_CLASS}", old, "must match `ingressClassName` when both are specified")


def warnings(ingress: Obj, old: Obj | None) -> Iterator[str]:
    if old is None and _CLASS in annotations_of(ingress) and ingress["spec"].get("ingressClassName") is None:
        yield f"annotation \"{_CLASS}\" is deprecated, please use 'spec.ingressClassName' instead"


def _check_host(host: str, path: str) -> Iterator[FieldError]:
    if is_address(host):
        yield invalid(path, host, "must be a DNS name, not an IP address")
    if host:
        yield from check_name(host, path, wildcard_subdomain if "*" in host else subdomain)


def _check_paths(paths: list[Obj], at: str) -> Iterator[FieldError]:
    if not paths:
        yield required(at)
    for i, path in enumerate(paths):
        if path.get("pathType") is None:
            yield required(f"{at}[{i}].pathType", "pathType must be specified")
            continue
        yield from _check_path(path, f"{at}[{i}]")
        yield from _check_backend(path.get("backend") or {}, f"{at}[{i}].backend")


def _check_path(path: Obj, at: str) -> Iterator[FieldError]:
    kind, text = path["pathType"], path.get("path", "")
    if kind not in _PATH_TYPES:
        yield not_supported(f"{at}.pathType", kind, _PATH_TYPES)
        return
    strict = kind != "ImplementationSpecific"
    if not text.startswith("/") and (text or strict):
        yield invalid(f"{at}.path", text, "must be an absolute path")
    if strict:
        wrong = [f"must not contain '{part}'" for part in _NOT_IN_PATHS if part in text]
        wrong += [f"cannot end with '{end}'" for end in _NOT_AT_THE_END if text.endswith(end)]
        yield from (invalid(f"{at}.path", text, what) for what in wrong)


def _check_backend(backend: Obj, at: str) -> Iterator[FieldError]:
    service, resource = backend.get("service"), backend.get("resource")
    if resource is not None and service is not None:
        yield invalid(at, "", "cannot set both resource and service backends")
    elif resource is not None:
        yield from check_typed_reference(resource, f"{at}.resource")
    elif service is not None:
        yield from _check_service(service, at)
    else:
        yield invalid(at, "", "resource or service backend is required")


def _check_service(service: Obj, at: str) -> Iterator[FieldError]:
    port = service.get("port") or {}
    if not service.get("name"):
        yield required(f"{at}.service.name")
    else:
        yield from check_name(service["name"], f"{at}.service.name", label)
    if port.get("name") and port.get("number"):
        yield invalid(at, "", "cannot set both port name & port number")
    elif port.get("name"):
        yield from check_name(port["name"], f"{at}.service.port.name", port_name)
    elif port.get("number"):
        yield from check_range(port["number"], f"{at}.service.port.number", 1, 65535)
    else:
        yield required(at, "port name or number is required")


def unsupported(ingress: Obj) -> Iterator[NotImplementedHere]:
    for name in annotations_of(ingress):
        if name.startswith(ANNOTATIONS) and name not in (REDIRECT, FORCE_REDIRECT):
            yield refusal(f"metadata.annotations[{name}]", "of ingress-nginx's annotations there are the redirects")
    spec = ingress["spec"]
    paths = [path for rule in spec.get("rules") or () for path in (rule.get("http") or {}).get("paths") or ()]
    backends = (spec.get("defaultBackend") or {}, *(path.get("backend") or {} for path in paths))
    if any(part.get("resource") for part in backends):
        yield refusal("backend.resource", "backends are Services")


def initial_status(_ingress: Obj) -> Obj:
    return {"loadBalancer": {}}


RESOURCE = Resource(
    group="networking.k8s.io",
    plural="ingresses",
    kind="Ingress",
    short_names=("ing",),
    subresources=("status",),
    table=INGRESSES,
    desired=spec_of,
    fill=fill,
    rules=rules,
    initial_status=initial_status,
    unsupported=unsupported,
    warnings=warnings,
)
