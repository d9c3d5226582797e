"""What a scenario asks of a cluster, and what is told of one that cannot give it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chaos.faults import registry
from chaos.manifests import Manifests, load, parse
from chaos.needs import ENFORCEMENT_TRIAL, EXEC, TARGET, TRACE, Needs
from chaos.observe import IN_NAMESPACE, NODES
from chaos.preflight import RUN, WATCHED, Facts, needs, plural, spoken, unmet, untold
from chaos.scenario import Scenario, read
from tests.defenses.manifests import edited, extended, sound
from tests.judge.tape import scenario as body

LIBRARY = Path(__file__).parents[2] / "scenarios"
WHOLE = Facts(
    kubernetes="v1.36.2",
    nodes={"node1": "a", "node2": "b", "node3": "c"},
    metrics=True,
    storage={"standard": True, "fast": False},
    ingress={"nginx": False},
    forbidden=frozenset(),
    enforced=True,
)
AUTOSCALER = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, maxReplicas: 5}
"""
INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {rules: [{host: shop.example}]}
"""
CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""
APART = """      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            - {topologyKey: %s, labelSelector: {matchLabels: {app: %s}}}
      serviceAccountName: web
"""


def asked(fault: str, manifests: Manifests | None = None, defense: str = "resources", **keys: Any) -> Needs:
    only = keys.pop("only", ())
    scenario = Scenario.model_validate(body(defense, fault={fault: {}}, **keys))
    return needs(scenario, sound() if manifests is None else manifests, only=only)


class TestNeeds:
    """Derived from the fault, and from what it exercises of the manifests."""

    @pytest.mark.parametrize("name", ["node-drain", "node-loss", "data-loss", "zone-outage"])
    def test_what_has_to_move_needs_another_node(self, name: str) -> None:
        assert asked(name).nodes == 2

    def test_a_zone_can_only_be_lost_where_there_is_another(self) -> None:
        assert asked("zone-outage").zones == 2

    def test_isolation_takes_a_node_for_each_variant_that_is_run_and_one_for_the_load(self) -> None:
        assert asked("memory-leak", isolation="node").nodes == 3
        assert asked("memory-leak", isolation="node", only=["defended"]).nodes == 2

    def test_policies_count_for_the_faults_that_exercise_them(self) -> None:
        assert asked("rogue-client").enforcement
        assert not asked("deadlock").enforcement

    def test_without_a_policy_there_is_nothing_to_enforce(self) -> None:
        bare = tuple(m for m in sound() if m.kind != "NetworkPolicy")
        assert not asked("rogue-client", bare).enforcement

    def test_the_resolver_is_cut_off_by_policies_whether_the_workload_has_any_or_not(self) -> None:
        assert asked("dns-outage", ()).enforcement

    def test_metrics_are_for_an_autoscaler_that_is_to_scale(self) -> None:
        assert asked("traffic-spike", extended(AUTOSCALER)).metrics
        assert not asked("traffic-spike").metrics
        assert not asked("deadlock", extended(AUTOSCALER)).metrics

    def test_an_autoscaler_by_other_metrics_needs_other_apis(self) -> None:
        external = AUTOSCALER.replace("maxReplicas: 5", "maxReplicas: 5, metrics: [{type: External}]")
        assert not asked("traffic-spike", extended(external)).metrics

    def test_an_ingress_needs_its_class_or_a_default(self) -> None:
        named = INGRESS.replace("{rules", "{ingressClassName: edge, rules")
        old = INGRESS.replace("{name: web}", '{name: web, annotations: {kubernetes.io/ingress.class: "edge"}}')
        assert asked("eavesdropper", extended(named)).ingress == {"edge"}
        assert asked("eavesdropper", extended(INGRESS)).ingress == {""}
        assert asked("eavesdropper", extended(old)).ingress == frozenset()
        assert asked("deadlock", extended(named)).ingress == frozenset()

    @pytest.mark.parametrize(("given", "classes"), [("", {""}), ("storageClassName: fast, ", {"fast"})])
    def test_a_claim_needs_its_class_or_a_default(self, given: str, classes: set[str]) -> None:
        claim = CLAIM.replace("{accessModes", f"{{{given}accessModes")
        assert asked("deadlock", extended(claim)).storage == classes

    def test_a_claim_of_no_class_takes_a_volume_that_is_there(self) -> None:
        claim = CLAIM.replace("{accessModes", '{storageClassName: "", accessModes')
        assert asked("deadlock", extended(claim)).storage == frozenset()

    def test_a_variant_that_lost_its_class_asks_for_the_default(self) -> None:
        scenario = read(LIBRARY / "pending-volume.yaml")
        manifests = load(scenario.manifest_paths, scenario.folder)
        assert needs(scenario, manifests).storage == {"standard", ""}
        assert needs(scenario, manifests, only=["defended"]).storage == {"standard"}

    def test_replicas_that_must_be_apart_need_as_many_places(self) -> None:
        def apart(key: str, app: str) -> Needs:
            return asked("deadlock", edited("      serviceAccountName: web\n", APART % (key, app)))

        assert apart("kubernetes.io/hostname", "web").nodes == 3
        assert apart("topology.kubernetes.io/zone", "web").zones == 3
        assert apart("kubernetes.io/hostname", "other").nodes == 1

    def test_a_spread_that_is_only_preferred_needs_nothing(self) -> None:
        assert (asked("deadlock").nodes, asked("deadlock").zones) == (1, 0)

    def test_a_spread_that_is_required_needs_its_domains(self) -> None:
        hard = edited("whenUnsatisfiable: ScheduleAnyway", "minDomains: 2, whenUnsatisfiable: DoNotSchedule")
        assert asked("deadlock", hard).nodes == 2

    def test_permissions_are_the_runs_the_faults_and_one_for_each_kind_of_object(self) -> None:
        found = asked("node-drain").permissions
        assert found >= RUN.permissions | {"patch nodes", "create pods/eviction"}
        assert found >= {"create deployments.apps", "create networkpolicies.networking.k8s.io", "create services"}

    @pytest.mark.parametrize(
        ("fault", "without"), [("deadlock", TRACE), ("crash", TRACE), ("memory-leak", TRACE), ("pod-death", EXEC)]
    )
    def test_what_it_takes_without_endpoints_is_asked_about_and_not_missed(
        self, fault: str, without: frozenset[str]
    ) -> None:
        found = asked(fault)
        assert found.at_most >= without
        assert not without & found.permissions

    def test_what_a_run_watches_it_asks_to_watch(self) -> None:
        """A watch that is refused leaves a verdict unproven."""
        watched = {w.path.rpartition("/")[2] for w in (*IN_NAMESPACE, NODES)}
        assert watched == {resource.partition(".")[0] for resource in WATCHED}

    def test_stripping_can_ask_for_more(self) -> None:
        """A variant without least privilege is bound to the whole cluster."""
        found = asked("stolen-token", defense="rbac")
        verbs = ("create", "get", "delete")
        assert {f"{verb} clusterrolebindings.rbac.authorization.k8s.io" for verb in verbs} <= found.permissions
        assert found.handed_out == {"bind clusterroles.rbac.authorization.k8s.io cluster-admin"}
        assert asked("stolen-token", defense="rbac", only=["defended"]).handed_out == frozenset()

    @pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
    def test_a_new_revision_is_one_of_whatever_the_target_is(self, kind: str) -> None:
        workload = {"manifests": ["web.yaml"], "target": f"{kind.lower()}/web"}
        found = asked("rollout", edited("kind: Deployment", f"kind: {kind}"), workload=workload).permissions
        assert {f"get {kind.lower()}s.apps", f"patch {kind.lower()}s.apps"} <= found
        assert TARGET not in " ".join(found)

    def test_what_a_trial_of_policies_takes_is_wished_by_who_needs_them_enforced(self) -> None:
        assert asked("rogue-client").wished >= ENFORCEMENT_TRIAL
        assert not asked("deadlock").wished & ENFORCEMENT_TRIAL

    def test_what_is_only_wished_is_not_missed(self) -> None:
        found = asked("traffic-spike")
        assert "list pods.metrics.k8s.io" in found.at_most
        assert unmet(found, replace(WHOLE, forbidden=found.wished)) == []
        assert untold(found, replace(WHOLE, forbidden=found.wished)) == []

    @pytest.mark.parametrize(
        ("kind", "resource"),
        [
            ("deployment", "deployments"),
            ("networkpolicy", "networkpolicies"),
            ("ingress", "ingresses"),
            ("storageclass", "storageclasses"),
            ("endpoints", "endpoints"),
            ("gateway", "gateways"),
        ],
    )
    def test_resources_are_called_as_kubernetes_does(self, kind: str, resource: str) -> None:
        assert plural(kind) == resource


class TestUnmet:
    """Each lack is one line; what is there, and what nobody knows, is none."""

    @pytest.mark.parametrize(
        ("lack", "need", "told"),
        [
            ({"nodes": {"node1": "a"}}, Needs(nodes=2), "it needs 2 nodes that take pods, and the cluster has 1"),
            ({"nodes": {"node1": "", "node2": ""}}, Needs(zones=2), "it needs nodes in 2 zones"),
            ({"metrics": False}, Needs(metrics=True), "reads metrics.k8s.io"),
            ({"storage": {"fast": False}}, Needs(storage=frozenset({""})), "the default storage class, and none is"),
            ({"storage": {}}, Needs(storage=frozenset({"fast"})), "storage class fast, and there is none"),
            (
                {"ingress": {"edge": True}},
                Needs(ingress=frozenset({"nginx"})),
                "ingress class nginx, and there is edge",
            ),
            ({"enforced": False}, Needs(enforcement=True), "does not enforce NetworkPolicies"),
            ({"forbidden": {"patch nodes"}}, Needs(permissions=frozenset({"patch nodes"})), "you may not patch nodes"),
        ],
    )
    def test_what_is_lacking_is_told_in_a_line(self, lack: dict[str, Any], need: Needs, told: str) -> None:
        (line,) = unmet(need, replace(WHOLE, **lack))
        assert told in line
        assert unmet(need, WHOLE) == []

    def test_permissions_are_told_verb_by_verb(self) -> None:
        assert spoken({"patch nodes", "create pods/exec", "create pods"}) == "create pods, pods/exec; patch nodes"
        assert spoken(()) == ""

    def test_a_permission_that_nobody_asks_for_is_not_missed(self) -> None:
        assert unmet(RUN, replace(WHOLE, forbidden=frozenset({"patch nodes"}))) == []

    @pytest.mark.parametrize(
        ("unknown", "need", "told"),
        [
            ({"nodes": None}, Needs(nodes=9, zones=9), "how many nodes take pods is not known"),
            ({"storage": None}, Needs(storage=frozenset({"x"})), "which storage classes there are is not known"),
            ({"ingress": None}, Needs(ingress=frozenset({"x"})), "which ingress classes there are is not known"),
            ({"enforced": None}, Needs(enforcement=True), "whether NetworkPolicies are enforced is not known"),
            (
                {"forbidden": TRACE},
                Needs(without_endpoints=TRACE),
                "whether the app can be hurt without permission to patch pods/ephemeralcontainers is not known",
            ),
            (
                {"forbidden": {"bind clusterroles.rbac.authorization.k8s.io view"}},
                Needs(handed_out=frozenset({"bind clusterroles.rbac.authorization.k8s.io view"})),
                "whether you may grant what you may not do yourself "
                "(bind clusterroles.rbac.authorization.k8s.io view) is not known",
            ),
        ],
    )
    def test_what_nobody_knows_is_neither_there_nor_lacking(
        self, unknown: dict[str, Any], need: Needs, told: str
    ) -> None:
        facts = replace(WHOLE, **unknown)
        assert unmet(need, facts) == []
        assert untold(need, facts) == [told]

    def test_what_is_not_asked_for_need_not_be_known(self) -> None:
        assert untold(RUN, replace(WHOLE, storage=None, ingress=None, enforced=None)) == []


class TestTheLibrary:
    """Every scenario of it can run on a cluster with three zones and all services."""

    @pytest.mark.parametrize("path", sorted(LIBRARY.glob("*.yaml")), ids=lambda path: path.stem)
    def test_a_whole_cluster_takes_it(self, path: Path) -> None:
        scenario = read(path)
        found = needs(scenario, load(scenario.manifest_paths, scenario.folder))
        assert unmet(found, WHOLE) == untold(found, WHOLE) == []

    def test_a_small_cluster_takes_most_of_it(self) -> None:
        small = replace(WHOLE, nodes={"n1": "a", "n2": "b"}, metrics=False, ingress={}, enforced=False)
        scenarios = [read(path) for path in sorted(LIBRARY.glob("*.yaml"))]
        lacking = {s.scenario for s in scenarios if unmet(needs(s, load(s.manifest_paths, s.folder)), small)}
        policies = {"open-network", "root-container", "dns-outage"}
        room = {"oomkilled-surprise", "noisy-neighbour", "evicted-first"}
        assert lacking == policies | room | {"two-writers", "cost-spiral", "plaintext-ingress"}


def test_what_a_fault_tries_is_a_kind_that_preflight_knows() -> None:
    """An unknown one would be a KeyError in the middle of the night."""
    kinds = {kind for fault in registry.values() for kind in fault.tries}
    manifests = parse("\n---\n".join(f"kind: {k}\napiVersion: v1\nmetadata: {{name: x}}" for k in sorted(kinds)), "x")
    for fault in registry.values():
        assert asked(fault.name, manifests)
