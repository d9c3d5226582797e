"""The rules of a pod's spec, alone and inside templates."""

import ipaddress
from collections.abc import Iterator
from contextlib import suppress

from cluster.api.field_errors import FieldError, duplicate, forbidden, invalid, not_one_of, not_supported, required
from cluster.api.metadata import check_annotations, check_labels, label, qualified_name, subdomain
from cluster.api.resources.checks import check_enum, check_name, check_optional_enum, check_range, check_selector
from cluster.api.resources.container_rules import (
    check_container,
    check_ephemeral_container,
    check_init_container,
    check_resize_policy,
    check_seccomp,
)
from cluster.api.resources.gates import check_gates
from cluster.api.resources.host_rules import check_host_ports, check_processes
from cluster.api.resources.volume_rules import check_volumes
from cluster.client import Obj

_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_EFFECTS = ("NoExecute", "NoSchedule", "PreferNoSchedule")
_NODE_OPERATORS = frozenset({"DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"})
_HIGHEST = 2**31 - 1


FOR_JOBS = ("OnFailure", "Never")


def check_template(template: Obj, path: str, *restart_policies: str) -> Iterator[FieldError]:
    """A PodTemplateSpec of a controller that can only work with these restart policies."""
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    yield from check_labels(metadata.get("labels"), f"{path}.labels")
    yield from check_annotations(metadata.get("annotations"), f"{path}.annotations")
    yield from check_pod_spec(spec, f"{path}.spec")
    if spec.get("ephemeralContainers"):
        yield forbidden(f"{path}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template")
    if restart_policies == FOR_JOBS and spec.get("restartPolicy") == "Always":
        yield required(f"{path}.spec.restartPolicy", 'valid values: "OnFailure", "Never"')
    elif spec.get("restartPolicy") not in restart_policies:
        yield not_one_of(f"{path}.spec.restartPolicy", spec.get("restartPolicy"), restart_policies)


def check_pod_spec(spec: Obj, path: str = "spec") -> Iterator[FieldError]:
    volumes = spec.get("volumes") or []
    yield from check_volumes(volumes, f"{path}.volumes")
    yield from _check_containers(spec, path, {volume.get("name", "") for volume in volumes})
    yield from check_host_ports(spec, path)
    policy = spec.get("restartPolicy")
    if policy not in _RESTART_POLICIES:
        yield not_one_of(f"{path}.restartPolicy", policy, _RESTART_POLICIES)
    if spec.get("dnsPolicy") not in _DNS_POLICIES:
        yield not_one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS_POLICIES)
    yield from _check_dns(spec, path)
    yield from check_processes(spec, path)
    yield from check_range(spec.get("activeDeadlineSeconds"), f"{path}.activeDeadlineSeconds", 1, _HIGHEST)
    yield from check_labels(spec.get("nodeSelector"), f"{path}.nodeSelector")
    yield from _check_names(spec, path)
    yield from check_gates(spec, path)
    for i, toleration in enumerate(spec.get("tolerations") or ()):
        yield from _check_toleration(toleration, f"{path}.tolerations[{i}]")
    for i, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        yield from _check_spread(constraint, f"{path}.topologySpreadConstraints[{i}]")
    yield from _check_affinity(spec.get("affinity") or {}, f"{path}.affinity")
    yield from _check_security(spec.get("securityContext") or {}, f"{path}.securityContext")


def _check_containers(spec: Obj, path: str, volumes: set[str]) -> Iterator[FieldError]:
    if not spec.get("containers"):
        yield required(f"{path}.containers")
    names: set[str] = set()
    grace = spec.get("terminationGracePeriodSeconds") or 0
    targets = {
        container.get("name", "") for kind in ("containers", "initContainers") for container in spec.get(kind) or ()
    }
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        for i, container in enumerate(spec.get(kind) or ()):
            at = f"{path}.{kind}[{i}]"
            yield from check_container(container, at, volumes, grace)
            yield from check_resize_policy(container, at, spec.get("restartPolicy", ""))
            if kind == "initContainers":
                yield from check_init_container(container, at)
            if kind == "ephemeralContainers":
                yield from check_ephemeral_container(container, at, targets)
            if (name := container.get("name", "")) in names:
                yield duplicate(f"{at}.name", name)
            names.add(name)


def _check_dns(spec: Obj, path: str) -> Iterator[FieldError]:
    config = spec.get("dnsConfig")
    if spec.get("dnsPolicy") == "None":
        if config is None:
            yield required(f"{path}.dnsConfig", "must provide `dnsConfig` when `dnsPolicy` is None")
        elif not config.get("nameservers"):
            why = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            yield required(f"{path}.dnsConfig.nameservers", why)
    for i, server in enumerate((config or {}).get("nameservers") or ()):
        yield from check_ip(server, f"{path}.dnsConfig.nameservers[{i}]")
    for i, alias in enumerate(spec.get("hostAliases") or ()):
        yield from check_ip(alias.get("ip", ""), f"{path}.hostAliases[{i}].ip")
        for j, name in enumerate(alias.get("hostnames") or ()):
            yield from check_name(name, f"{path}.hostAliases[{i}].hostnames[{j}]", subdomain)


def check_ip(text: str, path: str) -> Iterator[FieldError]:
    with suppress(ValueError):
        ipaddress.ip_address(text)
        return
    yield invalid(path, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")


def _check_names(spec: Obj, path: str) -> Iterator[FieldError]:
    for name, rule in (
        ("serviceAccountName", subdomain),
        ("nodeName", subdomain),
        ("hostname", label),
        ("subdomain", label),
        ("priorityClassName", subdomain),
    ):
        if spec.get(name):
            yield from check_name(spec[name], f"{path}.{name}", rule)
    for i, gate in enumerate(spec.get("readinessGates") or ()):
        yield from check_name(
            gate.get("conditionType", ""), f"{path}.readinessGates[{i}].conditionType", qualified_name
        )


def _check_toleration(toleration: Obj, path: str) -> Iterator[FieldError]:
    operator = toleration.get("operator") or "Equal"
    if toleration.get("key"):
        yield from check_name(toleration["key"], f"{path}.key", qualified_name)
    elif operator != "Exists":
        yield invalid(
            f"{path}.operator",
            operator,
            'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        )
    if operator not in ("Equal", "Exists"):
        yield not_supported(f"{path}.operator", operator, ("Equal", "Exists"))
    if operator == "Exists" and toleration.get("value"):
        yield invalid(f"{path}.operator", toleration["value"], "value must be empty when `operator` is 'Exists'")
    if toleration.get("effect") and toleration["effect"] not in _EFFECTS:
        yield not_supported(f"{path}.effect", toleration["effect"], _EFFECTS)
    if toleration.get("tolerationSeconds") is not None and toleration.get("effect") != "NoExecute":
        yield invalid(
            f"{path}.effect", toleration.get("effect", ""), "effect must be 'NoExecute' when `tolerationSeconds` is set"
        )


def _check_spread(constraint: Obj, path: str) -> Iterator[FieldError]:
    if constraint.get("maxSkew", 0) <= 0:
        yield invalid(f"{path}.maxSkew", constraint.get("maxSkew", 0), "must be greater than zero")
    if not constraint.get("topologyKey"):
        yield required(f"{path}.topologyKey", "can not be empty")
    yield from check_enum(constraint, path, "whenUnsatisfiable", ("DoNotSchedule", "ScheduleAnyway"))
    yield from check_selector(constraint.get("labelSelector"), f"{path}.labelSelector")


def _check_affinity(affinity: Obj, path: str) -> Iterator[FieldError]:
    node = (affinity.get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    at = f"{path}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
    if node is not None and not node.get("nodeSelectorTerms"):
        yield required(f"{at}.nodeSelectorTerms", "must have at least one node selector term")
    for i, term in enumerate((node or {}).get("nodeSelectorTerms") or ()):
        for j, expression in enumerate(term.get("matchExpressions") or ()):
            yield from _check_node_expression(expression, f"{at}.nodeSelectorTerms[{i}].matchExpressions[{j}]")
    for kind in ("podAffinity", "podAntiAffinity"):
        terms = affinity.get(kind) or {}
        when = "requiredDuringSchedulingIgnoredDuringExecution"
        for i, term in enumerate(terms.get(when) or ()):
            yield from _check_pod_term(term, f"{path}.{kind}.{when}[{i}]")
        when = "preferredDuringSchedulingIgnoredDuringExecution"
        for i, weighted in enumerate(terms.get(when) or ()):
            yield from check_range(weighted.get("weight", 0), f"{path}.{kind}.{when}[{i}].weight", 1, 100)
            yield from _check_pod_term(
                weighted.get("podAffinityTerm") or {}, f"{path}.{kind}.{when}[{i}].podAffinityTerm"
            )


def _check_node_expression(expression: Obj, path: str) -> Iterator[FieldError]:
    operator, values = expression.get("operator", ""), expression.get("values") or []
    if operator in ("In", "NotIn") and not values:
        yield required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist") and values:
        yield forbidden(f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    elif operator in ("Gt", "Lt") and len(values) != 1:
        yield required(f"{path}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
    elif operator not in _NODE_OPERATORS:
        yield invalid(f"{path}.operator", operator, "not a valid selector operator")
    yield from check_name(expression.get("key", ""), f"{path}.key", qualified_name)


def _check_pod_term(term: Obj, path: str) -> Iterator[FieldError]:
    if not term.get("topologyKey"):
        yield required(f"{path}.topologyKey", "can not be empty")
    yield from check_selector(term.get("labelSelector"), f"{path}.labelSelector")


def _check_security(context: Obj, path: str) -> Iterator[FieldError]:
    for name in ("runAsUser", "runAsGroup", "fsGroup"):
        yield from check_range(context.get(name), f"{path}.{name}", 0, _HIGHEST)
    for i, group in enumerate(context.get("supplementalGroups") or ()):
        yield from check_range(group, f"{path}.supplementalGroups[{i}]", 0, _HIGHEST)
    yield from check_seccomp(context.get("seccompProfile"), f"{path}.seccompProfile")
    yield from check_optional_enum(context, path, "fsGroupChangePolicy", ("Always", "OnRootMismatch"))
