"""Where a run may go and what it may touch. Pure: it judges names and objects, and refuses before anything is done."""

from collections.abc import Iterable
from typing import Any

RUN_LABEL = "seawall.dev/run"
VARIANT_LABEL = "seawall.dev/variant"
ROLE_LABEL = "seawall.dev/role"
EXPIRES_ANNOTATION = "seawall.dev/expires"

# Contexts that tools for local clusters make. Whoever means another cluster says so by name.
LOCAL_NAMES = ("minikube", "docker-desktop", "rancher-desktop", "orbstack", "colima", "microk8s")
LOCAL_PREFIXES = ("seawall", "kind-", "k3d-", "colima-", "minikube-")


class Forbidden(Exception):
    """The guard's refusal. Not retryable; the message says what would allow it."""


def looks_local(context: str) -> bool:
    """Whether a context's name is one that a tool for local clusters gives."""
    return context in LOCAL_NAMES or context.startswith(LOCAL_PREFIXES)


def check_context(context: str, allowed: Iterable[str]) -> None:
    """Raises `Forbidden` for a context that does not look local and was not allowed by name."""
    if looks_local(context) or context in set(allowed):
        return
    raise Forbidden(
        f"context {context!r} does not look like a test cluster, so nothing was touched; "
        f"if you mean it, say --allow-context {context}"
    )


def is_embedded(context: str) -> bool:
    """Whether a context's name is the embedded cluster's: nobody else's work is on its nodes."""
    return context.startswith("seawall")


def check_nodes(context: str, *, allowed: bool, why: str) -> None:
    """Raises `Forbidden` when a fault reaches beyond its namespaces on a cluster that is not the embedded one."""
    if allowed or is_embedded(context):
        return
    raise Forbidden(f"{why}, which can hurt whatever else runs there; if you mean it, say --allow nodes")


def is_ours(namespace: dict[str, Any], run: str) -> bool:
    """Whether a Namespace object is one that this run made: only those are ever deleted."""
    return carries(namespace, run) and not namespace["metadata"]["name"].startswith("kube-")


def carries(obj: dict[str, Any], run: str) -> bool:
    """Whether an object carries the run's label."""
    labels = (obj.get("metadata") or {}).get("labels") or {}
    return bool(run) and labels.get(RUN_LABEL) == run
