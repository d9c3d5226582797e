"""What a container may do to its node, a part of `security`: the Pod Security Standard *restricted*, and a root file
system that nobody writes to.

Precedence is the kubelet's: what a container says overrides what its pod says.
"""

from collections.abc import Iterator
from typing import Any

from chaos.defenses.kind import Check, Rule
from chaos.manifests import (
    Container,
    Manifest,
    Manifests,
    Obj,
    containers,
    each_workload,
    mapping,
    numbered,
    pod_spec,
    pod_spec_path,
    words,
    workloads,
)
from chaos.marked import dig

# Any number does that is no account of the node; this one is what distroless images call nonroot.
NOBODY = 65532
HOST_NAMESPACES = ("hostNetwork", "hostPID", "hostIPC")
# What a securityContext holds that restrains a process. fsGroup and the like grant access and are no defense.
RESTRAINTS = (
    "runAsNonRoot",
    "runAsUser",
    "runAsGroup",
    "allowPrivilegeEscalation",
    "capabilities",
    "seccompProfile",
    "readOnlyRootFilesystem",
    "privileged",
    "appArmorProfile",
)
RUNS_AS_ROOT = Rule(
    "may-run-as-root",
    "Root in the container is root on the node once any wall between them has a hole.",
    "Set runAsNonRoot: true and a numeric runAsUser other than 0; with a user by name the kubelet refuses to start it.",
)
ESCALATION = Rule(
    "privilege-escalation-allowed",
    "A setuid program in the image can make the process root again.",
    "Set allowPrivilegeEscalation: false.",
)
CAPABILITIES = Rule(
    "capabilities-not-dropped",
    "The default capabilities let a process forge packets, change owners and more that it never needs.",
    "Set capabilities.drop: [ALL], and add back NET_BIND_SERVICE at most.",
)
SECCOMP = Rule(
    "seccomp-unconfined",
    "Unconfined, a process may make every system call, and that is where kernels are broken.",
    "Set seccompProfile.type: RuntimeDefault.",
)
WRITABLE_ROOT = Rule(
    "root-filesystem-writable",
    "An intruder can replace the program and bring tools along.",
    "Set readOnlyRootFilesystem: true and mount an emptyDir where the program must write.",
)
PRIVILEGED = Rule(
    "privileged",
    "A privileged container is the node: every device and every capability.",
    "Remove privileged: true.",
)
HOST_NAMESPACE = Rule(
    "host-namespace",
    "The pod sees the node's own network, processes or memory.",
    "Remove hostNetwork, hostPID and hostIPC.",
)
HOST_PATH = Rule(
    "host-path",
    "A path of the node inside the pod is a way out of it, and differs from node to node.",
    "Use a PersistentVolumeClaim, a ConfigMap or an emptyDir.",
)


def restraint(pod: Obj, container: Obj, key: str) -> Any:
    """A securityContext's value as it holds for a container: its own, else its pod's."""
    own = mapping(container, "securityContext")
    return own[key] if key in own else mapping(pod, "securityContext").get(key)


def checks(manifests: Manifests) -> Iterator[Check]:
    for workload in workloads(manifests):
        yield from _pod_context(workload)
        for container in containers(workload.data):
            yield from _container_context(workload, container)


def _pod_context(workload: Manifest) -> Iterator[Check]:
    spec, path = pod_spec(workload.data), pod_spec_path(workload.data)
    for key in HOST_NAMESPACES:
        if spec.get(key) is True:
            yield Check(rule=HOST_NAMESPACE, manifest=workload, ok=False, what=f"{key}: true", path=(*path, key))
    for i, volume in numbered(spec, "volumes"):
        if "hostPath" in volume:
            what = f"volume {volume.get('name')} is {mapping(volume, 'hostPath').get('path')} of the node"
            at = (*path, "volumes", i)
            yield Check(rule=HOST_PATH, manifest=workload, ok=False, what=what, path=at, fixable=False)


def _container_context(workload: Manifest, container: Container) -> Iterator[Check]:
    pod = pod_spec(workload.data)

    def check(rule: Rule, ok: bool, what: str) -> Check:
        path = (*container.path, "securityContext")
        return Check(rule=rule, manifest=workload, ok=ok, what=what, path=path, container=container.name)

    def value(key: str) -> Any:
        return restraint(pod, container.spec, key)

    user, capabilities = value("runAsUser"), mapping(container.spec, "securityContext", "capabilities")
    numeric = isinstance(user, int) and user > 0
    non_root = value("runAsNonRoot") is True and numeric
    yield check(RUNS_AS_ROOT, non_root, f"runAsNonRoot: {_word(value('runAsNonRoot'))}, runAsUser: {_word(user)}")
    escalation = mapping(container.spec, "securityContext").get("allowPrivilegeEscalation")
    yield check(ESCALATION, escalation is False, f"allowPrivilegeEscalation: {_word(escalation)}")
    added = words(capabilities, "add") - {"NET_BIND_SERVICE"}
    dropped = "ALL" in words(capabilities, "drop") and not added
    yield check(CAPABILITIES, dropped, f"adds {', '.join(sorted(added))}" if added else "does not drop ALL")
    profile = mapping({"_": value("seccompProfile")}, "_").get("type")
    yield check(SECCOMP, profile in ("RuntimeDefault", "Localhost"), f"seccompProfile: {_word(profile)}")
    read_only = mapping(container.spec, "securityContext").get("readOnlyRootFilesystem")
    yield check(WRITABLE_ROOT, read_only is True, f"readOnlyRootFilesystem: {_word(read_only)}")
    if mapping(container.spec, "securityContext").get("privileged") is True:
        yield check(PRIVILEGED, False, "privileged: true")


def _word(value: Any) -> str:
    return "unset" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def strip(manifests: Manifests) -> Manifests:
    def free(data: Obj) -> None:
        for holder in (pod_spec(data), *(c.spec for c in containers(data))):
            context = mapping(holder, "securityContext")
            kept = {k: v for k, v in context.items() if k not in RESTRAINTS}
            holder.pop("securityContext", None)
            if kept:
                holder["securityContext"] = kept

    return each_workload(manifests, free)


def fix(manifests: Manifests) -> Manifests:
    def restrain(data: Obj) -> None:
        for key in HOST_NAMESPACES:
            if pod_spec(data).get(key) is True:
                del pod_spec(data)[key]
        for container in containers(data):
            container.spec["securityContext"] = _restrained(pod_spec(data), container.spec)

    return each_workload(manifests, restrain)


def _restrained(pod: Obj, container: Obj) -> Obj:
    """The container's context with what restricted asks for; what its pod gives it already is not said again."""
    context = dict(mapping(container, "securityContext"))
    context.pop("privileged", None)
    if restraint(pod, container, "runAsNonRoot") is not True:
        context["runAsNonRoot"] = True
    user = restraint(pod, container, "runAsUser")
    if not isinstance(user, int) or user <= 0:
        context["runAsUser"] = NOBODY
    if dig(restraint(pod, container, "seccompProfile"), "type") not in ("RuntimeDefault", "Localhost"):
        context["seccompProfile"] = {"type": "RuntimeDefault"}
    kept = sorted(words(context, "capabilities", "add") & {"NET_BIND_SERVICE"})
    return {
        **context,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"], **({"add": kept} if kept else {})},
        "readOnlyRootFilesystem": True,
    }
