"""Small readers of a pod's specification, shared by the parts of the kubelet."""

from enum import StrEnum

from cluster.client import Obj


class Kind(StrEnum):
    """The roles of a container in its pod."""

    INIT = "init"
    SIDECAR = "sidecar"
    MAIN = "main"
    EPHEMERAL = "ephemeral"


def init_containers(pod: Obj) -> list[Obj]:
    found: list[Obj] = pod["spec"].get("initContainers") or []
    return found


def containers(pod: Obj) -> list[Obj]:
    found: list[Obj] = pod["spec"]["containers"]
    return found


def all_containers(pod: Obj) -> list[Obj]:
    return [*init_containers(pod), *containers(pod)]


def ephemeral_containers(pod: Obj) -> list[Obj]:
    """Those that were added to look into the running pod."""
    found: list[Obj] = pod["spec"].get("ephemeralContainers") or []
    return found


def container_named(pod: Obj, name: str) -> Obj | None:
    return next((c for c in (*all_containers(pod), *ephemeral_containers(pod)) if c["name"] == name), None)


def is_sidecar(container: Obj) -> bool:
    """A native sidecar (KEP-753): an init container that is kept running."""
    return container.get("restartPolicy") == "Always"


def kind_of_init(container: Obj) -> Kind:
    return Kind.SIDECAR if is_sidecar(container) else Kind.INIT


def restart_policy(pod: Obj) -> str:
    return str(pod["spec"].get("restartPolicy", "Always"))


def should_restart(policy: str, kind: Kind, exit_code: int) -> bool:
    """Whether a container that ended is started again."""
    if kind is Kind.SIDECAR:
        return True
    if kind is Kind.EPHEMERAL:
        return False
    if kind is Kind.INIT:
        return exit_code != 0 and policy != "Never"
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def grace_seconds(pod: Obj) -> int:
    """What a container gets between SIGTERM and SIGKILL when nobody asked for something else."""
    found = pod["spec"].get("terminationGracePeriodSeconds")
    if found is None:
        return 30
    return int(found) if found >= 0 else 1


def on_host_network(pod: Obj) -> bool:
    """Whether it lives in its node's network instead of one of its own."""
    return bool(pod["spec"].get("hostNetwork"))


def hostname(pod: Obj) -> str:
    """The pod's own name for itself, without trailing dash or dot; in its node's network, the node's."""
    if on_host_network(pod):
        return str(pod["spec"]["nodeName"])
    wanted = str(pod["spec"].get("hostname") or pod["metadata"]["name"])
    return wanted[:63].rstrip("-.")


def host_domain(pod: Obj, cluster_domain: str) -> str:
    """The domain of a pod with a subdomain (StatefulSets), else empty."""
    subdomain = pod["spec"].get("subdomain")
    return f"{subdomain}.{pod['metadata']['namespace']}.svc.{cluster_domain}" if subdomain else ""
