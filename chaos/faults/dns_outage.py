"""dns-outage: the resolver answers the target's pods no more. What they ask is dropped on the way, and they wait.

Of all ways that touch nothing but the run's own namespace this is the one that needs no other image and no restart: the
pods get a label, and what NetworkPolicies allow them they are allowed still, except port 53. Needs a cluster that
enforces NetworkPolicies, and a resolver whose pods listen on that port; elsewhere lookups go on to succeed, and the
witness says so. Needs `getent` and `timeout` in the image, for the witness. Pods that come later have names again.
"""

from collections.abc import Iterable, Iterator

from chaos.exec import Ended, run_in
from chaos.faults.kind import Arena, FaultKind, FaultRefused, Injury, Params, Sighting, pod_path
from chaos.journal import Undo
from chaos.kube import Obj
from chaos.needs import EXEC, Needs
from chaos.selectors import matches

# The API server's own Service: every cluster has the name.
NAME = "kubernetes.default.svc"
LOOK_UP = ["timeout", "1", "getent", "hosts", NAME]
# Of GNU's timeout, and of BusyBox's older ones.
NO_ANSWER = (124, 143)
LABEL = "seawall.dev/resolver"
DNS_PORT, DNS_NAMES, LAST_PORT = 53, ("dns", "dns-tcp", "domain"), 65535
PROTOCOLS = ("TCP", "UDP", "SCTP")
RELABEL = frozenset(
    {"patch pods", *(f"{verb} networkpolicies.networking.k8s.io" for verb in ("create", "get", "list", "patch"))}
)


class DnsOutage(Params):
    """Nothing to choose: all pods of the target lose their resolver."""


def inject(arena: Arena, params: DnsOutage) -> list[Injury]:  # noqa: ARG001  # every fault is called alike
    pods = [arena.kube.get(pod_path(arena, n)) for n, p in sorted(arena.view.pods(arena.target).items()) if p["ready"]]
    if not pods:
        raise FaultRefused(f"{arena.target} has no Ready pod")
    for pod in pods:
        _must_resolve(arena, pod)
    _close(arena, pods[0]["metadata"].get("labels") or {})
    return [_label(arena, pod) for pod in pods]


def _must_resolve(arena: Arena, pod: Obj) -> None:
    name = pod["metadata"]["name"]
    ended = _look_up(arena, name, pod["spec"]["containers"][0]["name"])
    if ended.code != 0:
        said = (ended.err or ended.out).strip()[:200]
        raise FaultRefused(f"`{' '.join(LOOK_UP)}` in pod {name} ended with {ended.code} before the fault: {said}")


def _look_up(arena: Arena, pod: str, container: str) -> Ended:
    return run_in(arena.kube, pod_path(arena, pod), container, LOOK_UP)


def _close(arena: Arena, labels: dict[str, str]) -> None:
    """Beside every policy that lets the target out stands one that does so without port 53, for pods with the label."""
    path = f"/apis/networking.k8s.io/v1/namespaces/{arena.namespace}/networkpolicies"
    found = [p for p in arena.kube.list(path) if _lets_out(p, labels)]
    for policy in found:
        arena.kube.create(twin_of(policy), arena.namespace)
    if not found:
        arena.kube.create(_policy("seawall-no-dns", {"policyTypes": ["Egress"], "egress": [{}]}), arena.namespace)
    for policy in found:
        _turn_away(arena, f"{path}/{policy['metadata']['name']}", policy)


def _turn_away(arena: Arena, path: str, policy: Obj) -> None:
    """The policy holds no more for pods with the label."""
    selector, metadata = policy["spec"].get("podSelector") or {}, policy["metadata"]
    before, why = {"matchExpressions": None, **selector}, f"give NetworkPolicy {metadata['name']} its selector back"
    patch = {"spec": {"podSelector": before}}
    arena.will_undo(Undo(action="merge", path=path, uid=metadata["uid"], patch=patch, why=why))
    arena.kube.merge(path, {"spec": {"podSelector": _also(selector, "DoesNotExist")}})


def _lets_out(policy: Obj, labels: dict[str, str]) -> bool:
    spec = policy["spec"]
    return "Egress" in (spec.get("policyTypes") or ()) and matches(spec.get("podSelector") or {}, labels)


def _also(selector: Obj, operator: str) -> Obj:
    """The selector, for pods with the label (Exists) or without it (DoesNotExist) alone."""
    expressions = selector.get("matchExpressions") or ()
    return {**selector, "matchExpressions": [*expressions, {"key": LABEL, "operator": operator}]}


def twin_of(policy: Obj) -> Obj:
    """The same policy for pods with the label, in all but names: whom they let in is not to change."""
    return _policy(f"{policy['metadata']['name']}-no-dns", policy["spec"])


def _policy(name: str, spec: Obj) -> Obj:
    selector, egress = _also(spec.get("podSelector") or {}, "Exists"), list(without_dns(spec.get("egress") or ()))
    spec = {**spec, "podSelector": selector, "egress": egress}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name}, "spec": spec}


def without_dns(rules: Iterable[Obj]) -> Iterator[Obj]:
    """What egress rules allow, port 53 excepted. A rule that allowed nothing else is left out."""
    for rule in rules:
        ports = [left for port in rule.get("ports") or _all_ports() for left in _but_dns(port)]
        if ports:
            yield {**rule, "ports": ports}


def _all_ports() -> list[Obj]:
    return [{"protocol": protocol} for protocol in PROTOCOLS]


def _but_dns(port: Obj) -> list[Obj]:
    """One entry of `ports`, without 53: none, one or two ranges."""
    if isinstance(port.get("port"), str):
        return [] if port["port"] in DNS_NAMES else [port]
    number = int(port.get("port", 1))
    last = int(port.get("endPort", number)) if "port" in port else LAST_PORT
    if not number <= DNS_PORT <= last:
        return [port]
    halves = ((number, DNS_PORT - 1), (DNS_PORT + 1, last))
    return [{**port, "port": first, "endPort": end} for first, end in halves if first <= end]


def _label(arena: Arena, pod: Obj) -> Injury:
    """From now on the policies for pods with the label hold for it. Taking the label off is the whole undo."""
    name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
    off, why = {"metadata": {"labels": {LABEL: None}}}, f"let pod {name} reach its resolver"
    number = arena.will_undo(Undo(action="merge", path=pod_path(arena, name), uid=uid, patch=off, why=why))
    arena.kube.merge(pod_path(arena, name), {"metadata": {"labels": {LABEL: "none"}}})
    data = {"pod": name, "uid": uid, "container": pod["spec"]["containers"][0]["name"]}
    return Injury(target=name, detail=f"the resolver answers pod {name} no more", undo=number, data=data)


def witness(arena: Arena, params: DnsOutage, injury: Injury) -> Sighting:  # noqa: ARG001  # every witness is called alike
    """A lookup in the pod itself, as the app does it: does nobody answer?"""
    ended = _look_up(arena, injury.target, injury.data["container"])
    said = f"a lookup of {NAME} in pod {injury.target}"
    if ended.code in NO_ANSWER:
        return Sighting(ok=True, detail=f"{said} was not answered within 1 s")
    return Sighting(ok=False, detail=f"{said} ended with {ended.code}: {(ended.out or ended.err).strip()[:100]}")


DNS_OUTAGE = FaultKind(
    name="dns-outage",
    summary="the resolver answers the target's pods no more",
    params=DnsOutage,
    exercises=("observability",),
    inject=inject,
    witness=witness,
    asks=Needs(enforcement=True, permissions=EXEC | RELABEL),
)
