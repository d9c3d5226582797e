"""What a container may do to its node, what is in its image and who has looked, and whom its pods may talk to.

The container's rules are those of the Pod Security Standard *restricted* plus a read-only root, with the precedence the
kubelet uses: what a container says overrides what its pod says. That a NetworkPolicy exists proves nothing about
packets: configured here is not held.
"""

from collections.abc import Iterator
from typing import Any

from chaos.defenses import image_scan, ingress_tls
from chaos.defenses.kind import Check, Defense, Item, Rule
from chaos.judging.security import judge
from chaos.manifests import (
    Container,
    Manifest,
    Manifests,
    Obj,
    Selecting,
    by_selector,
    containers,
    each_container,
    each_workload,
    items,
    made,
    mapping,
    numbered,
    of_kind,
    pod_spec,
    pod_spec_path,
    put,
    remembered,
    selecting,
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
DENY_ALL, ALLOW_DNS, ALLOW_OWN = "default-deny", "allow-dns", "allow-same-namespace"

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
MOVING_TAG = Rule(
    "image-tag-moves",
    "Without a tag, or with latest, two nodes run two versions and a rollback brings back nothing.",
    "Name a version.",
)
NO_DIGEST = Rule(
    "image-digest-missing",
    "A tag can be pushed again: what runs is not what was tested and scanned.",
    "Pin the image as name:tag@sha256:….",
)
NOT_ISOLATED: dict[str, Rule] = {
    "Ingress": Rule(
        "ingress-open",
        "Pods are open to every other pod of the cluster until a NetworkPolicy selects them.",
        "Add a default deny for Ingress and allow the callers by name.",
    ),
    "Egress": Rule(
        "egress-open",
        "An intruder in the pod can reach every Service, the cloud's metadata and the internet.",
        "Add a default deny for Egress and allow DNS and the callees by name.",
    ),
}
ALLOWS_ALL = Rule(
    "network-policy-allows-all",
    "An empty rule allows everybody: the pod is selected, and as open as before.",
    "Name the peers in from: or to:.",
)
NO_DNS = Rule(
    "dns-blocked",
    "With Egress denied and port 53 not allowed, every name lookup of the pod fails.",
    "Allow Egress to port 53, UDP and TCP.",
)


def restraint(pod: Obj, container: Obj, key: str) -> Any:
    """A securityContext's value as it holds for a container: its own, else its pod's."""
    own = mapping(container, "securityContext")
    return own[key] if key in own else mapping(pod, "securityContext").get(key)


def _context(manifests: Manifests) -> Iterator[Check]:
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


def image_tag(image: str) -> str:
    """The tag of an image reference; `host:5000/app` has none."""
    _, colon, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    return tag if colon else ""


def _image(manifests: Manifests) -> Iterator[Check]:
    for workload in workloads(manifests):
        for container in containers(workload.data):
            image = str(container.spec.get("image") or "")
            digest = "@sha256:" in image

            def check(rule: Rule, ok: bool, what: str, c: Container = container, w: Manifest = workload) -> Check:
                path = (*c.path, "image")
                return Check(rule=rule, manifest=w, ok=ok, what=what, path=path, container=c.name, fixable=False)

            if not digest and image_tag(image) in ("", "latest"):
                yield check(MOVING_TAG, False, f"image {image or 'unset'}")
            yield check(NO_DIGEST, digest, f"image {image or 'unset'}")


def policies_of(workload: Manifest, manifests: Manifests, direction: str) -> list[Manifest]:
    """The NetworkPolicies that isolate a workload's pods in one direction."""
    found = selecting(_policies(manifests), _pod_selector, workload)
    return [policy for policy in found if direction in directions(policy.data)]


def _pod_selector(policy: Obj) -> Any:
    return dig(policy, "spec", "podSelector")


@remembered
def _policies(manifests: Manifests) -> Selecting:
    return by_selector(of_kind(manifests, "NetworkPolicy"), _pod_selector)


def directions(policy: Obj) -> set[str]:
    """What a policy isolates. Unset: Ingress always, Egress when it has egress rules."""
    spec = mapping(policy, "spec")
    return words(spec, "policyTypes") or {"Ingress", *(["Egress"] if spec.get("egress") else [])}


def _network(manifests: Manifests) -> Iterator[Check]:
    for workload in workloads(manifests):
        for direction, rule in NOT_ISOLATED.items():
            policies = policies_of(workload, manifests, direction)
            what = f"no NetworkPolicy isolates its pods for {direction}"
            yield Check(rule=rule, manifest=workload, ok=bool(policies), what=what)
            for policy in policies:
                yield from _open_rules(policy, direction)
        egress = policies_of(workload, manifests, "Egress")
        if egress and not any(_allows_dns(policy.data) for policy in egress):
            yield Check(rule=NO_DNS, manifest=workload, ok=False, what="port 53 is not among its allowed Egress")


def _open_rules(policy: Manifest, direction: str) -> Iterator[Check]:
    key, peers = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    for i, rule in numbered(policy.data, "spec", key):
        if not rule.get(peers) and not rule.get("ports"):
            what, path = f"{key}[{i}] has neither {peers} nor ports", ("spec", key, i)
            yield Check(rule=ALLOWS_ALL, manifest=policy, ok=False, what=what, path=path, fixable=False)


def _allows_dns(policy: Obj) -> bool:
    return any(not rule.get("ports") or any(map(_is_dns, items(rule, "ports"))) for rule in _egress(policy))


def _egress(policy: Obj) -> list[Obj]:
    return items(policy, "spec", "egress")


def _is_dns(port: Obj) -> bool:
    number, last = port.get("port"), port.get("endPort")
    within = isinstance(number, int) and isinstance(last, int) and number <= 53 <= last
    return port.get("protocol", "TCP") == "UDP" and (number in (None, 53, "dns", "domain") or within)


def strip_context(manifests: Manifests) -> Manifests:
    def strip(data: Obj) -> None:
        for holder in (pod_spec(data), *(c.spec for c in containers(data))):
            context = mapping(holder, "securityContext")
            kept = {k: v for k, v in context.items() if k not in RESTRAINTS}
            holder.pop("securityContext", None)
            if kept:
                holder["securityContext"] = kept

    return each_workload(manifests, strip)


def strip_image(manifests: Manifests) -> Manifests:
    """The digest goes, the tag stays: what can still be pulled, and moves."""

    def strip(container: Container) -> None:
        if "@" in str(container.spec.get("image")):
            container.spec["image"] = container.spec["image"].partition("@")[0]

    return each_container(manifests, strip)


def strip_network(manifests: Manifests) -> Manifests:
    return tuple(m for m in manifests if m.kind != "NetworkPolicy")


def fix_context(manifests: Manifests) -> Manifests:
    def fix(data: Obj) -> None:
        for key in HOST_NAMESPACES:
            if pod_spec(data).get(key) is True:
                del pod_spec(data)[key]
        for container in containers(data):
            container.spec["securityContext"] = _restrained(pod_spec(data), container.spec)

    return each_workload(manifests, fix)


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


def fix_network(manifests: Manifests) -> Manifests:
    """Deny by default, then DNS and the workload's own namespace; callers from elsewhere are the author's to name."""
    for workload in workloads(manifests):
        open_now = [d for d in NOT_ISOLATED if not policies_of(workload, manifests, d)]
        if open_now:
            manifests = put(manifests, made(_policy(DENY_ALL, {"policyTypes": ["Ingress", "Egress"]}), workload))
            manifests = put(manifests, made(_own_namespace(), workload))
        egress = policies_of(workload, manifests, "Egress")
        if not any(_allows_dns(policy.data) for policy in egress):
            manifests = put(manifests, made(_dns(), workload))
    return manifests


def _policy(name: str, spec: Obj) -> Obj:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {"podSelector": {}, **spec},
    }


def _own_namespace() -> Obj:
    peer: list[Obj] = [{"podSelector": {}}]
    rules = {"ingress": [{"from": peer}], "egress": [{"to": peer}], "policyTypes": ["Ingress", "Egress"]}
    return _policy(ALLOW_OWN, rules)


def _dns() -> Obj:
    ports = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    return _policy(ALLOW_DNS, {"egress": [{"ports": ports}], "policyTypes": ["Egress"]})


SECURITY = Defense(
    name="security",
    title="Security context, images and network policies",
    items=(
        Item(name="context", checks=_context, strip=strip_context, fix=fix_context),
        Item(name="image", checks=_image, strip=strip_image, fix=lambda manifests: manifests),
        Item(name="scan", checks=image_scan.checks, strip=image_scan.strip, fix=lambda manifests: manifests),
        Item(name="network-policy", checks=_network, strip=strip_network, fix=fix_network),
        Item(name="ingress-tls", checks=ingress_tls.checks, strip=ingress_tls.strip, fix=lambda manifests: manifests),
    ),
    judge=judge,
)
