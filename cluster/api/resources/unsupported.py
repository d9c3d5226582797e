"""What real Kubernetes does with a pod and this cluster does not: refused by name with 501, never ignored.

Most of it would let a pod out of the sandbox that the cluster is (the host's namespaces, devices, kernel settings) or
needs drivers that are not here.
"""

from collections.abc import Iterator
from typing import Any

from cluster.client import NotImplementedHere, Obj
from cluster.runtime.capabilities import NEVER

POD = {
    "setHostnameAsFQDN": "host names are the short name",
    "hostnameOverride": "host names are the pod's name",
    "hostUsers": "there are no user namespaces",
    "runtimeClassName": "there is one runtime: runc",
    "overhead": "there is one runtime, without overhead",
    "resourceClaims": "there is no dynamic resource allocation",
    "resources": "resources are set on containers, not on the pod",
}
CONTAINER = {
    "volumeDevices": "there are no block devices",
    "restartPolicyRules": "restarts follow restartPolicy alone",
}
SECURITY = {
    "seLinuxOptions": "there is no SELinux",
    "windowsOptions": "nodes run Linux",
    "appArmorProfile": "there is no AppArmor",
    "sysctls": "kernel settings are the machine's",
}
# What allows to look into any process, whatever it may do that one may not.
TRACING = frozenset({"ALL", "SYS_PTRACE"})
PROPAGATION = ("HostToContainer", "Bidirectional")
VOLUMES = frozenset(
    {"emptyDir", "configMap", "secret", "projected", "downwardAPI", "persistentVolumeClaim", "hostPath"}
)
PROJECTED = frozenset({"serviceAccountToken", "configMap", "secret", "downwardAPI"})
RESOURCE_PREFIXES = ("hugepages-",)


def check_pod_spec(spec: Obj, path: str = "spec") -> Iterator[NotImplementedHere]:
    """One error for each thing asked for that this cluster does not do."""
    yield from _named(spec, POD, path)
    yield from _security(spec.get("securityContext"), f"{path}.securityContext")
    if (spec.get("securityContext") or {}).get("supplementalGroupsPolicy") == "Strict":
        yield refusal(f"{path}.securityContext.supplementalGroupsPolicy: Strict", "groups of the image are merged in")
    if (spec.get("os") or {}).get("name") == "windows":
        yield refusal(f"{path}.os.name", "nodes run Linux")
    for kind, i, container in _containers(spec):
        yield from _container(container, f"{path}.{kind}[{i}]", is_init=kind == "initContainers")
    if spec.get("hostPID"):
        yield from _tracers(spec, path)
    for i, volume in enumerate(spec.get("volumes") or ()):
        yield from _volume(volume, f"{path}.volumes[{i}]")


def _containers(spec: Obj) -> Iterator[tuple[str, int, Obj]]:
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for i, container in enumerate(spec.get(kind) or ()):
            yield kind, i, container


def _tracers(spec: Obj, path: str) -> Iterator[NotImplementedHere]:
    """Whoever may trace what tends a node sees the files of the machine through it."""
    for kind, i, container in _containers(spec):
        context = container.get("securityContext") or {}
        added = {name.upper().removeprefix("CAP_") for name in (context.get("capabilities") or {}).get("add") or ()}
        if context.get("privileged") or added & TRACING:
            where = f"{path}.hostPID with {path}.{kind}[{i}].securityContext"
            what = "privileged" if context.get("privileged") else f"capabilities.add: {min(added & TRACING)}"
            yield refusal(
                f"{where}.{what}", "through a node's first process it reaches past the node, into the machine"
            )


def _container(container: Obj, path: str, *, is_init: bool) -> Iterator[NotImplementedHere]:
    yield from _named(container, CONTAINER, path)
    yield from _security(container.get("securityContext"), f"{path}.securityContext")
    yield from _resources(container.get("resources") or {}, f"{path}.resources")
    yield from _ports(container, path)
    yield from _mounts(container, path)
    yield from _environment(container, path)
    if container.get("restartPolicy") and not is_init:
        yield refusal(f"{path}.restartPolicy", "restarts of main containers follow the pod's restartPolicy")
    if is_init and container.get("restartPolicy") not in (None, "Always"):
        yield refusal(f"{path}.restartPolicy", "init containers are sidecars (Always), or follow the pod's policy")


def _ports(container: Obj, path: str) -> Iterator[NotImplementedHere]:
    for i, port in enumerate(container.get("ports") or ()):
        if port.get("hostPort") and port.get("protocol") == "SCTP":
            yield refusal(f"{path}.ports[{i}].protocol: SCTP", "ports of nodes are TCP and UDP")
        if port.get("hostPort") and port.get("hostIP") not in (None, "", "0.0.0.0"):  # noqa: S104 - compared
            yield refusal(f"{path}.ports[{i}].hostIP", "a node has one address")


def _mounts(container: Obj, path: str) -> Iterator[NotImplementedHere]:
    for i, mount in enumerate(container.get("volumeMounts") or ()):
        if mount.get("mountPropagation") in PROPAGATION:
            yield refusal(f"{path}.volumeMounts[{i}].mountPropagation", "mounts are private: None")
        if mount.get("recursiveReadOnly") == "Enabled":
            yield refusal(f"{path}.volumeMounts[{i}].recursiveReadOnly", "mounts are read-only at their top alone")


def _environment(container: Obj, path: str) -> Iterator[NotImplementedHere]:
    for i, variable in enumerate(container.get("env") or ()):
        if "fileKeyRef" in (variable.get("valueFrom") or {}):
            yield refusal(f"{path}.env[{i}].valueFrom.fileKeyRef", "variables come from ConfigMaps, Secrets and fields")
    if (container.get("resources") or {}).get("claims"):
        yield refusal(f"{path}.resources.claims", "there is no dynamic resource allocation")


def _security(context: Obj | None, path: str) -> Iterator[NotImplementedHere]:
    context = context or {}
    yield from _named(context, SECURITY, path)
    if (context.get("seccompProfile") or {}).get("type") == "Localhost":
        yield refusal(f"{path}.seccompProfile.type", "profiles are RuntimeDefault and Unconfined")
    for name in (context.get("capabilities") or {}).get("add") or ():
        if name.upper().removeprefix("CAP_") in NEVER:
            yield refusal(f"{path}.capabilities.add: {name}", "it reaches past containers, into the machine's kernel")
    if context.get("procMount", "Default") != "Default":
        yield refusal(f"{path}.procMount", "/proc is masked as by default")


def _resources(resources: Obj, path: str) -> list[NotImplementedHere]:
    return [
        refusal(f"{path}.{kind}[{name}]", "nodes have no huge pages")
        for kind in ("requests", "limits")
        for name in resources.get(kind) or {}
        if name.startswith(RESOURCE_PREFIXES)
    ]


def _volume(volume: Obj, path: str) -> Iterator[NotImplementedHere]:
    for kind in sorted(set(volume) - {"name"} - VOLUMES):
        yield refusal(f"{path}.{kind}", f"volumes are {', '.join(sorted(VOLUMES))}")
    wanted = (volume.get("hostPath") or {}).get("type")
    if wanted in ("BlockDevice", "CharDevice", "Socket"):
        yield refusal(f"{path}.hostPath.type: {wanted}", "nodes have disks, but neither devices nor sockets")
    medium = (volume.get("emptyDir") or {}).get("medium", "")
    if medium.startswith("HugePages"):
        yield refusal(f"{path}.emptyDir.medium", "nodes have no huge pages")
    for i, source in enumerate((volume.get("projected") or {}).get("sources") or ()):
        for kind in sorted(set(source) - PROJECTED):
            yield refusal(f"{path}.projected.sources[{i}].{kind}", f"sources are {', '.join(sorted(PROJECTED))}")


def _named(obj: Obj, table: dict[str, str], path: str) -> Iterator[NotImplementedHere]:
    for name, why in table.items():
        if _asks(name, obj.get(name)):
            yield refusal(f"{path}.{name}", why)


def _asks(name: str, value: Any) -> bool:
    # `hostUsers: true` is what happens anyway; only false asks for something.
    return value is False if name == "hostUsers" else bool(value)


def refusal(field: str, why: str) -> NotImplementedHere:
    """The 501 that names a field which would change what happens elsewhere, and here would not."""
    return NotImplementedHere(f"{field} is not supported by this cluster: {why}; remove it or use a real cluster")
