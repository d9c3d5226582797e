"""Which nodes take a pod, and the exact words of refusal; as recorded in `schedule-*` and `unschedulable-requests`."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.client import Obj
from cluster.scheduler import messages
from cluster.scheduler.affinity import affinity_filters, affinity_scores
from cluster.scheduler.facts import NodeFacts, PodFacts, requests_of
from cluster.scheduler.filters import NODE_FILTERS, refusals
from cluster.scheduler.scores import best
from cluster.scheduler.spread import spread_filters

ZONE = "topology.kubernetes.io/zone"
HOST = "kubernetes.io/hostname"


def node(
    name: str, zone: str = "a", *, cpu: str = "2", memory: str = "1Gi", pods: str = "110", **spec: Any
) -> NodeFacts:
    labels = {HOST: name, ZONE: zone}
    allocatable = {"cpu": cpu, "memory": memory, "pods": pods}
    return NodeFacts(
        {"metadata": {"name": name, "labels": labels}, "spec": spec, "status": {"allocatable": allocatable}}
    )


_serial = iter(range(10**9))


def pod(
    labels: dict[str, str] | None = None, *, cpu: str = "", memory: str = "", owner: str = "", **spec: Any
) -> PodFacts:
    requests = {k: v for k, v in (("cpu", cpu), ("memory", memory)) if v}
    uid = f"pod-{next(_serial)}"
    owners = [{"uid": owner, "controller": True, "kind": "ReplicaSet", "name": owner}] if owner else []
    metadata = {"name": uid, "uid": uid, "namespace": "default", "labels": labels or {}, "ownerReferences": owners}
    container = {"name": "c", "image": "i", "resources": {"requests": requests}}
    return PodFacts({"metadata": metadata, "spec": {"containers": [container], **spec}})


def on(where: NodeFacts, *pods: PodFacts) -> NodeFacts:
    for each in pods:
        where.add(each)
    return where


def verdict(incoming: PodFacts, *nodes: NodeFacts) -> list[str] | str:
    """The names of the feasible nodes, or the message."""
    filters = [*NODE_FILTERS, *spread_filters(incoming, nodes), *affinity_filters(incoming, nodes, {})]
    feasible, refused = refusals(incoming, nodes, filters)
    return [n.name for n in feasible] or messages.unschedulable(len(nodes), refused)


def resizing(asked: str, granted: str, has: str) -> PodFacts:
    status = {"name": "c", "allocatedResources": {"cpu": granted}, "resources": {"requests": {"cpu": has}}}
    facts = pod(cpu=asked)
    return PodFacts({**facts.obj, "status": {"containerStatuses": [status]}})


@pytest.mark.parametrize(
    ("asked", "granted", "has"), [("1", "500m", "500m"), ("500m", "1", "1"), ("500m", "500m", "1")]
)
def test_a_pod_that_is_resized_holds_the_most_of_what_it_asks_for_was_granted_and_has(
    asked: str, granted: str, has: str
) -> None:
    """Nobody else is given what it may yet get, nor what it has not given back (KEP-1287)."""
    there = on(node("n1", cpu="1500m"), resizing(asked, granted, has))
    assert "1 Insufficient cpu." in verdict(pod(cpu="600m"), there)
    assert verdict(pod(cpu="500m"), there) == ["n1"]


def test_requests_beyond_every_node_are_refused_as_recorded() -> None:
    assert verdict(pod(cpu="8", memory="64Gi"), node("n1"), node("n2")) == (
        "0/2 nodes are available: 2 Insufficient cpu, 2 Insufficient memory. no new claims to deallocate, "
        "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
    )


def test_cordoned_and_tainted_nodes_are_refused_as_recorded() -> None:
    taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    cordoned, tainted = node("n1", unschedulable=True, taints=[taint]), node("n2", taints=[taint])
    assert verdict(pod(), cordoned, tainted) == (
        "0/2 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable. no new claims to "
        "deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
    )
    assert verdict(pod(tolerations=[{"operator": "Exists"}]), cordoned, tainted) == ["n1", "n2"]


def test_taken_host_ports_are_refused_as_recorded() -> None:
    container = {"name": "c", "image": "i", "ports": [{"containerPort": 80, "hostPort": 80}]}

    def listening() -> PodFacts:
        return pod(containers=[container])

    n1, n2 = on(node("n1"), listening()), on(node("n2"), listening())
    assert verdict(listening(), n1, n2) == (
        "0/2 nodes are available: 2 node(s) didn't have free ports for the requested pod ports. no new claims to "
        "deallocate, preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod."
    )


def test_what_pods_take_counts_against_the_node_until_they_go() -> None:
    big = pod(cpu="1500m")
    full = on(node("n1"), big)
    assert "1 Insufficient cpu" in verdict(pod(cpu="600m"), full)
    assert verdict(pod(cpu="500m"), full) == ["n1"]
    full.remove(big.uid)
    assert verdict(pod(cpu="2"), full) == ["n1"]


def test_a_node_takes_no_more_pods_than_it_says() -> None:
    assert "1 Too many pods" in verdict(pod(), on(node("n1", pods="1"), pod()))


def test_node_selector_and_affinity_narrow_the_nodes() -> None:
    nodes = node("n1", "a"), node("n2", "b")
    assert verdict(pod(nodeSelector={ZONE: "b"}), *nodes) == ["n2"]
    term = {"matchExpressions": [{"key": ZONE, "operator": "NotIn", "values": ["b"]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    assert verdict(pod(affinity={"nodeAffinity": required}), *nodes) == ["n1"]
    assert "2 node(s) didn't match Pod's node affinity/selector" in verdict(pod(nodeSelector={ZONE: "c"}), *nodes)


def spread(key: str, skew: int = 1, **more: Any) -> dict[str, Any]:
    selector = {"matchLabels": {"app": "web"}}
    return {
        "topologyKey": key,
        "maxSkew": skew,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": selector,
        **more,
    }


def test_a_spread_constraint_keeps_zones_level() -> None:
    web = {"app": "web"}
    nodes = on(node("n1", "a"), pod(web)), node("n2", "b"), node("n3", "a")
    assert verdict(pod(web, topologySpreadConstraints=[spread(ZONE)]), *nodes) == ["n2"]
    assert verdict(pod(web, topologySpreadConstraints=[spread(ZONE, 2)]), *nodes) == ["n1", "n2", "n3"]
    assert verdict(pod(web, topologySpreadConstraints=[spread(HOST)]), *nodes) == ["n2", "n3"]


def test_a_cordoned_domain_still_counts_by_default_and_not_when_taints_are_honoured() -> None:
    web, taint = {"app": "web"}, {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    nodes = on(node("n1", "a"), pod(web)), node("n2", "b", unschedulable=True, taints=[taint])
    said = verdict(pod(web, topologySpreadConstraints=[spread(ZONE)]), *nodes)
    assert "1 node(s) didn't match pod topology spread constraints, 1 node(s) were unschedulable" in said
    honouring = spread(ZONE, nodeTaintsPolicy="Honor")
    assert verdict(pod(web, topologySpreadConstraints=[honouring]), *nodes) == ["n1"]


def test_a_node_without_the_label_is_refused_by_name() -> None:
    constraint = spread("rack")
    assert "(missing required label)" in verdict(
        pod({"app": "web"}, topologySpreadConstraints=[constraint]), node("n1")
    )


def near(kind: str, key: str, labels: dict[str, str]) -> dict[str, Any]:
    term = {"topologyKey": key, "labelSelector": {"matchLabels": labels}}
    return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def test_anti_affinity_works_both_ways() -> None:
    web = {"app": "web"}
    shy = pod(web, affinity=near("podAntiAffinity", HOST, web))
    nodes = on(node("n1"), shy), node("n2")
    assert verdict(pod(web, affinity=near("podAntiAffinity", HOST, web)), *nodes) == ["n2"]
    assert verdict(pod(web), *nodes) == ["n2"]
    assert verdict(pod({"app": "other"}), *nodes) == ["n1", "n2"]
    assert "1 node(s) didn't satisfy existing pods anti-affinity rules" in verdict(pod(web), nodes[0])


def test_affinity_follows_friends_and_the_first_of_a_group_may_start_alone() -> None:
    db = {"app": "db"}
    nodes = on(node("n1", "a"), pod(db)), node("n2", "b"), node("n3", "a")
    assert verdict(pod(affinity=near("podAffinity", ZONE, db)), *nodes) == ["n1", "n3"]
    assert "2 node(s) didn't match pod affinity rules" in verdict(
        pod(affinity=near("podAffinity", ZONE, {"app": "none"})), node("n1"), node("n2")
    )
    assert verdict(pod(db, affinity=near("podAffinity", ZONE, db)), node("n1"), node("n2")) == ["n1", "n2"]


def test_preferences_score_without_excluding() -> None:
    db = {"app": "db"}
    term = {"topologyKey": HOST, "labelSelector": {"matchLabels": db}}
    wish = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 10, "podAffinityTerm": term}]}
    nodes = [on(node("n1"), pod(db)), node("n2")]
    assert affinity_scores(pod(affinity={"podAffinity": wish}), nodes, nodes, {}) == {"n1": 100.0, "n2": 0.0}
    assert affinity_scores(pod(affinity={"podAntiAffinity": wish}), nodes, nodes, {}) == {"n1": 0.0, "n2": 100.0}


def place(incoming: PodFacts, nodes: list[NodeFacts]) -> str:
    chosen = best(incoming, nodes, nodes, {}, random.Random(1))
    chosen.add(incoming)
    return chosen.name


def test_replicas_without_constraints_are_kept_apart() -> None:
    nodes = [node("n1", "a"), node("n2", "b"), node("n3", "a")]
    assert sorted(place(pod(owner="rs"), nodes) for _ in range(3)) == ["n1", "n2", "n3"]


def test_the_emptier_node_is_better() -> None:
    nodes = [on(node("n1"), pod(cpu="1", memory="512Mi")), node("n2")]
    assert place(pod(cpu="100m"), nodes) == "n2"


@given(st.lists(st.integers(0, 3000), max_size=30))
def test_requests_never_exceed_a_node(wanted: list[int]) -> None:
    """However pods come, what is placed fits."""
    nodes = [node("n1"), node("n2")]
    for millis in wanted:
        incoming = pod(cpu=f"{millis}m")
        feasible, _ = refusals(incoming, nodes, NODE_FILTERS)
        if feasible:
            best(incoming, nodes, feasible, {}, random.Random(0)).add(incoming)
    assert all(n.taken.get("cpu", 0) <= 2000 for n in nodes)


@pytest.mark.parametrize(
    ("init", "expected"),
    [
        ([], 100),
        ([{"cpu": "300m"}], 300),
        ([{"cpu": "50m"}], 100),
        ([{"cpu": "50m", "always": True}], 150),
        ([{"cpu": "50m", "always": True}, {"cpu": "300m"}], 350),
    ],
)
def test_init_containers_count_by_the_hungriest_and_sidecars_all_along(init: list[Obj], expected: int) -> None:
    containers = [{"resources": {"requests": {"cpu": "100m"}}}]
    inits = [
        {"resources": {"requests": {"cpu": i["cpu"]}}, **({"restartPolicy": "Always"} if i.get("always") else {})}
        for i in init
    ]
    assert requests_of({"containers": containers, "initContainers": inits})["cpu"] == expected
