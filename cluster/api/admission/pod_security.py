"""PodSecurity: what a namespace's labels enforce on pods, and warn about on whatever makes pods."""

from cluster.api.admission.security_checks import LEVELS, violations
from cluster.api.context import Cluster, Write
from cluster.api.errors import forbidden
from cluster.api.field_errors import invalid, refuse
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
        _warn_of_old_pods(cluster, write)
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


def _warn_of_old_pods(cluster: Cluster, write: Write) -> None:
    """Pods that run already are not judged again, but whoever changes the level is told of them."""
    labels, old = (((obj or {}).get("metadata") or {}).get("labels") or {} for obj in (write.obj, write.old))
    level, version = (
        labels.get(f"{_LABEL}/enforce{kind}", default) for kind, default in (("", ""), ("-version", "latest"))
    )
    if level == old.get(f"{_LABEL}/enforce") or level not in LEVELS:
        return
    groups: dict[str, list[str]] = {}
    for pod in (entry.object for entry in cluster.store.list("pods", write.name)):
        reasons = [found.partition(" (")[0] for found in violations(level, pod["spec"])]
        groups.setdefault(", ".join(reasons), []).append(pod["metadata"]["name"])
    groups.pop("", None)
    if groups:
        head = f'existing pods in namespace "{write.name}" violate the new PodSecurity enforce level'
        write.warnings.append(f'{head} "{level}:{version}"')
        write.warnings.extend(f"{_first_of(names)}: {reasons}" for reasons, names in sorted(groups.items()))


def _first_of(names: list[str]) -> str:
    first, *others = sorted(names)
    if not others:
        return first
    return f"{first} (and {len(others)} other pod{'s' if len(others) > 1 else ''})"


def _violated(labels: dict[str, str], mode: str, spec: Obj) -> str:
    level = labels.get(f"{_LABEL}/{mode}", "privileged")
    # A level that nobody knows was refused when it was written; objects from before count as the strictest.
    found = violations(level if level in LEVELS else "restricted", spec)
    version = labels.get(f"{_LABEL}/{mode}-version", "latest")
    return f'"{level}:{version}": {", ".join(found)}' if found else ""


def _check_labels(write: Write) -> None:
    labels = write.obj["metadata"].get("labels") or {}
    named = [(f"{_LABEL}/{mode}", labels.get(f"{_LABEL}/{mode}")) for mode in _MODES]
    why = "must be one of privileged, baseline, restricted"
    errors = [invalid(f"metadata.labels[{k}]", v, why) for k, v in named if v is not None and v not in LEVELS]
    if errors:
        raise refuse(errors, group="", kind="Namespace", name=write.name)
