"""PodSecurity: what a namespace's labels enforce on pods, and warn about on whatever makes pods."""

from cluster.api.admission.security_checks import LEVELS, violations
from cluster.api.context import Cluster, Write
from cluster.api.errors import forbidden
from cluster.api.field_errors import not_supported, refuse
from cluster.client import Obj

_LABEL = "pod-security.kubernetes.io"
_MODES = ("enforce", "audit", "warn")
_TEMPLATES = frozenset(
    {
        "deployments.apps",
        "replicasets.apps",
        "statefulsets.apps",
        "daemonsets.apps",
        "jobs.batch",
        "replicationcontrollers",
    }
)


def pod_security(cluster: Cluster, write: Write) -> None:
    if write.operation == "DELETE" or write.subresource not in ("", "ephemeralcontainers"):
        return
    if write.resource.key == "namespaces":
        _check_labels(write)
        return
    spec = pod_spec(write.resource.key, write.obj)
    if spec and (write.old is None or spec != pod_spec(write.resource.key, write.old)):
        _judge(cluster, write, spec)


def pod_spec(key: str, obj: Obj) -> Obj | None:
    """The spec of the pods that an object is or makes, None if it makes none. Pure."""
    if key == "cronjobs.batch":
        obj = obj["spec"]["jobTemplate"]
    elif key not in _TEMPLATES and key != "pods":
        return None
    maker: Obj = obj if key == "pods" else (obj["spec"].get("template") or {})
    return maker.get("spec")


def _judge(cluster: Cluster, write: Write, spec: Obj) -> None:
    entry = cluster.store.get("namespaces", "", write.namespace)
    labels = (entry.object["metadata"].get("labels") or {}) if entry else {}
    if write.resource.key == "pods" and (found := _violated(labels, "enforce", spec)):
        raise forbidden(write.resource, write.name, f"violates PodSecurity {found}")
    if found := _violated(labels, "warn", spec):
        write.warnings.append(f"would violate PodSecurity {found}")


def _violated(labels: dict[str, str], mode: str, spec: Obj) -> str:
    level = labels.get(f"{_LABEL}/{mode}", "privileged")
    # A level that nobody knows was refused when it was written; objects from before count as the strictest.
    found = violations(level if level in LEVELS else "restricted", spec)
    version = labels.get(f"{_LABEL}/{mode}-version", "latest")
    return f'"{level}:{version}": {", ".join(found)}' if found else ""


def _check_labels(write: Write) -> None:
    labels = write.obj["metadata"].get("labels") or {}
    named = [(f"{_LABEL}/{mode}", labels.get(f"{_LABEL}/{mode}")) for mode in _MODES]
    errors = [not_supported(f"metadata.labels[{k}]", v, LEVELS) for k, v in named if v is not None and v not in LEVELS]
    if errors:
        raise refuse(errors, group="", kind="Namespace", name=write.name)
