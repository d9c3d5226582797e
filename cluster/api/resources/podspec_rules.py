"""The rules of a pod's spec, alone and inside templates."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, forbidden, invalid, not_one_of, not_supported, required
from cluster.api.metadata import (
    check_annotations,
    check_labels,
    label,
    label_value,
    qualified_name,
    subdomain,
    underscored_subdomain,
)
from cluster.api.resources.affinity_rules import check_affinity, check_spread
from cluster.api.resources.checks import check_name, check_range
from cluster.api.resources.container_rules import (
    Surroundings,
    check_containers,
    check_ephemeral_containers,
    check_init_containers,
)
from cluster.api.resources.gates import check_gates
from cluster.api.resources.host_rules import check_host, check_host_ports
from cluster.api.resources.ip_rules import check_ip
from cluster.api.resources.security_rules import check_pod_security
from cluster.api.resources.volume_rules import sound_volumes
from cluster.client import Obj

_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_PREEMPTION = ("PreemptLowerPriority", "Never")
_SYSTEMS = ("linux", "windows")
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_HIGHEST = 2**31 - 1
_SERVERS_MAX, _SEARCHES_MAX, _SEARCH_CHARACTERS_MAX = 3, 32, 2048
_COST = "controller.kubernetes.io/pod-deletion-cost"


def check_template(template: Obj, path: str) -> Iterator[FieldError]:
    """A PodTemplateSpec, whoever makes pods from it."""
    spec = template.get("spec") or {}
    yield from check_template_metadata(template.get("metadata") or {}, path)
    yield from check_pod_spec(spec, f"{path}.spec")
    if spec.get("ephemeralContainers"):
        yield forbidden(f"{path}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template")


def check_template_metadata(metadata: Obj, path: str) -> Iterator[FieldError]:
    yield from check_labels(metadata.get("labels"), f"{path}.labels")
    yield from check_annotations(metadata.get("annotations"), f"{path}.annotations")
    yield from check_pod_annotations(metadata.get("annotations") or {}, f"{path}.annotations")


def check_restarted(template: Obj, path: str) -> Iterator[FieldError]:
    """Pods that are to run for ever are always restarted."""
    policy = (template.get("spec") or {}).get("restartPolicy")
    if policy != "Always":
        yield not_one_of(f"{path}.spec.restartPolicy", policy, ("Always",))


def check_pod_annotations(annotations: Obj, path: str) -> Iterator[FieldError]:
    """Those that say something to the ReplicaSet controller."""
    cost = annotations.get(_COST)
    if cost is not None and not _is_cost(cost):
        yield invalid(f"{path}[{_COST}]", cost, "must be a 32bit integer")


def _is_cost(text: str) -> bool:
    digits = text.removeprefix("-")
    plain = digits.isascii() and digits.isdecimal() and (text == "0" or not text.startswith("0"))
    return plain and -(2**31) <= int(text) <= _HIGHEST


def check_pod_spec(spec: Obj, path: str = "spec") -> Iterator[FieldError]:
    volumes, wrong = sound_volumes(spec.get("volumes") or [], f"{path}.volumes")
    yield from wrong
    yield from _check_containers(spec, path, frozenset(volumes))
    yield from check_host_ports(spec, path)
    yield from _check_policies(spec, path)
    yield from check_labels(spec.get("nodeSelector"), f"{path}.nodeSelector")
    shared, host_pid = bool(spec.get("shareProcessNamespace")), bool(spec.get("hostPID"))
    security = spec.get("securityContext") or {}
    yield from check_pod_security(security, f"{path}.securityContext", host_pid=host_pid, shared=shared)
    yield from check_affinity(spec.get("affinity") or {}, f"{path}.affinity")
    yield from _check_dns(spec.get("dnsConfig"), spec.get("dnsPolicy", ""), f"{path}.dnsConfig")
    for i, gate in enumerate(spec.get("readinessGates") or ()):
        kind = gate.get("conditionType", "")
        yield from check_name(kind, f"{path}.readinessGates[{i}].conditionType", qualified_name)
    yield from check_gates(spec, path)
    yield from check_spread(spec.get("topologySpreadConstraints") or [], f"{path}.topologySpreadConstraints")
    yield from check_host(spec, path)
    yield from _check_names(spec, path)
    for i, toleration in enumerate(spec.get("tolerations") or ()):
        yield from _check_toleration(toleration, f"{path}.tolerations[{i}]")
    yield from _check_aliases(spec.get("hostAliases") or [], f"{path}.hostAliases")
    yield from _check_classes(spec, path)
    yield from _check_system(spec.get("os"), f"{path}.os")


def _check_containers(spec: Obj, path: str, volumes: frozenset[str]) -> Iterator[FieldError]:
    pod = Surroundings(
        volumes=volumes,
        grace=spec.get("terminationGracePeriodSeconds") or 0,
        restart_policy=spec.get("restartPolicy", ""),
        host_users=spec.get("hostUsers") is not False,
    )
    main, init, added = (spec.get(kind) or [] for kind in ("containers", "initContainers", "ephemeralContainers"))
    names = {container.get("name", "") for container in main}
    yield from check_containers(main, f"{path}.containers", pod)
    yield from check_init_containers(init, f"{path}.initContainers", pod, set(names))
    others = frozenset(names | {container.get("name", "") for container in init})
    yield from check_ephemeral_containers(added, f"{path}.ephemeralContainers", pod, others)


def _check_policies(spec: Obj, path: str) -> Iterator[FieldError]:
    if spec.get("restartPolicy") not in _RESTART_POLICIES:
        yield not_one_of(f"{path}.restartPolicy", spec.get("restartPolicy"), _RESTART_POLICIES)
    if spec.get("dnsPolicy") not in _DNS_POLICIES:
        yield not_one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS_POLICIES)


def _check_dns(config: Obj | None, policy: str, path: str) -> Iterator[FieldError]:
    servers = (config or {}).get("nameservers") or []
    if policy == "None" and config is None:
        yield required(path, "must provide `dnsConfig` when `dnsPolicy` is None")
    elif policy == "None" and not servers:
        why = "must provide at least one DNS nameserver when `dnsPolicy` is None"
        yield required(f"{path}.nameservers", why)
    elif config is not None:
        yield from _check_servers(servers, f"{path}.nameservers")
        yield from _check_searches(config.get("searches") or [], f"{path}.searches")
        for i, option in enumerate(config.get("options") or ()):
            if not option.get("name"):
                yield required(f"{path}.options[{i}]", "must not be empty")


def _check_servers(servers: list[str], path: str) -> Iterator[FieldError]:
    if len(servers) > _SERVERS_MAX:
        yield invalid(path, servers, f"must not have more than {_SERVERS_MAX} nameservers")
    for i, server in enumerate(servers):
        yield from check_ip(server, f"{path}[{i}]")


def _check_searches(searches: list[str], path: str) -> Iterator[FieldError]:
    if len(searches) > _SEARCHES_MAX:
        yield invalid(path, searches, f"must not have more than {_SEARCHES_MAX} search paths")
    if len(" ".join(searches)) > _SEARCH_CHARACTERS_MAX:
        most = f"must not have more than {_SEARCH_CHARACTERS_MAX} characters (including spaces) in the search list"
        yield invalid(path, searches, most)
    for i, search in enumerate(searches):
        if search != ".":
            yield from check_name(search.removesuffix("."), f"{path}[{i}]", underscored_subdomain)


def _check_aliases(aliases: list[Obj], path: str) -> Iterator[FieldError]:
    for i, alias in enumerate(aliases):
        yield from check_ip(alias.get("ip", ""), f"{path}[{i}].ip")
        for j, name in enumerate(alias.get("hostnames") or ()):
            yield from check_name(name, f"{path}[{i}].hostnames[{j}]", subdomain)


def _check_names(spec: Obj, path: str) -> Iterator[FieldError]:
    for name in ("serviceAccountName", "nodeName"):
        if spec.get(name):
            yield from check_name(spec[name], f"{path}.{name}", subdomain)
    yield from check_range(spec.get("activeDeadlineSeconds"), f"{path}.activeDeadlineSeconds", 1, _HIGHEST)
    for name in ("hostname", "subdomain"):
        if spec.get(name):
            yield from check_name(spec[name], f"{path}.{name}", label)


def _check_classes(spec: Obj, path: str) -> Iterator[FieldError]:
    if spec.get("priorityClassName"):
        yield from check_name(spec["priorityClassName"], f"{path}.priorityClassName", subdomain)
    if spec.get("runtimeClassName") is not None:
        yield from check_name(spec["runtimeClassName"], f"{path}.runtimeClassName", subdomain)
    policy = spec.get("preemptionPolicy")
    if policy == "":
        yield required(f"{path}.preemptionPolicy")
    elif policy is not None and policy not in _PREEMPTION:
        yield not_one_of(f"{path}.preemptionPolicy", policy, _PREEMPTION)


def _check_system(system: Obj | None, path: str) -> Iterator[FieldError]:
    if system is not None and not system.get("name"):
        yield required(f"{path}.name")
    elif system is not None and system["name"] not in _SYSTEMS:
        yield not_supported(path, system["name"], _SYSTEMS)


def _check_toleration(toleration: Obj, path: str) -> Iterator[FieldError]:
    operator, effect = toleration.get("operator", ""), toleration.get("effect", "")
    if toleration.get("key"):
        yield from check_name(toleration["key"], f"{path}.key", qualified_name)
    elif operator != "Exists":
        why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        yield invalid(f"{path}.operator", operator, why)
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        yield invalid(f"{path}.effect", effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")
    yield from _check_tolerated(operator, toleration.get("value", ""), f"{path}.operator")
    if effect and effect not in EFFECTS:
        yield not_one_of(f"{path}.effect", effect, EFFECTS)


def _check_tolerated(operator: str, value: str, path: str) -> Iterator[FieldError]:
    if operator in ("", "Equal"):
        if wrong := label_value(value):
            yield invalid(path, value, ";".join(wrong))
    elif operator == "Exists":
        if value:
            yield invalid(path, value, "value must be empty when `operator` is 'Exists'")
    else:
        compared = ("Lt", "Gt") if operator in ("Lt", "Gt") else ()
        yield not_one_of(path, operator, ("Equal", "Exists", *compared))
