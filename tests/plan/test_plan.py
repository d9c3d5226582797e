"""From a scenario to manifests: variants differ in what was stripped and in nothing else."""

from dataclasses import replace
from typing import Any

import pytest

from chaos.defenses import registry, strip
from chaos.manifests import Manifest, Manifests, containers, parse, pod_spec
from chaos.plan import Plan, PlanRefused, namespace_name, plan
from chaos.scenario import Scenario
from tests.defenses.manifests import extended, sound
from tests.judge.tape import scenario as body

MORE = """
kind: RoleBinding
apiVersion: rbac.authorization.k8s.io/v1
metadata: {name: web}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: web}, {kind: ServiceAccount, name: other, namespace: monitoring}]
---
kind: Secret
apiVersion: v1
metadata: {name: key}
stringData: {password: hunter2}
"""


def planned(manifests: Manifests | None = None, **keys: Any) -> Plan:
    known = {"only", "nodes"}
    scenario = Scenario.model_validate(body("resources", **{k: v for k, v in keys.items() if k not in known}))
    rest = {k: v for k, v in keys.items() if k in known}
    return plan(scenario, manifests or extended(MORE), run="r1", now=1_700_000_000, **rest)


def objects(found: Plan, variant: str) -> dict[tuple[str, str], dict[str, Any]]:
    chosen = next(v for v in found.variants if v.name == variant)
    return {(o["kind"], o["metadata"]["name"]): o for o in chosen.objects}


def test_each_variant_has_a_labelled_namespace_that_expires() -> None:
    namespace = planned().variants[0].namespace
    assert namespace["metadata"]["name"] == "seawall-r1-defended"
    assert namespace["metadata"]["labels"] == {"seawall.dev/run": "r1", "seawall.dev/variant": "defended"}
    # 60 s to become ready, 50 s of phases, ten minutes of margin.
    assert namespace["metadata"]["annotations"]["seawall.dev/expires"] == "2023-11-14T22:25:10Z"


def test_the_load_has_a_namespace_that_policies_can_name() -> None:
    metadata = planned().load_namespace["metadata"]
    assert metadata["name"] == "seawall-r1-load"
    assert metadata["labels"]["seawall.dev/role"] == "load"


def test_variants_differ_in_the_strip_alone() -> None:
    found = planned()
    defended, undefended = objects(found, "defended"), objects(found, "undefended")
    assert list(defended) == list(undefended)
    different = [key for key in defended if unplaced(defended[key]) != unplaced(undefended[key])]
    assert different == [("Deployment", "web")]
    bare = unplaced(undefended["Deployment", "web"])
    whole = unplaced(defended["Deployment", "web"])
    for container in containers(whole):
        del container.spec["resources"]
    assert bare == whole


def unplaced(obj: dict[str, Any]) -> dict[str, Any]:
    """The object without what says which variant it belongs to."""
    metadata = {k: v for k, v in obj["metadata"].items() if k not in ("namespace", "labels")}
    subjects = [{**s, "namespace": ""} for s in obj.get("subjects", ())]
    return {**obj, "metadata": metadata, **({"subjects": subjects} if subjects else {})}


def test_objects_are_labelled_but_pods_are_not_touched() -> None:
    web = objects(planned(), "defended")["Deployment", "web"]
    assert web["metadata"]["labels"] == {"seawall.dev/run": "r1", "seawall.dev/variant": "defended"}
    assert web["spec"]["template"] == sound()[1].data["spec"]["template"]


def test_a_given_namespace_becomes_the_variants() -> None:
    moved = tuple(
        replace(m, data={**m.data, "metadata": {**m.data["metadata"], "namespace": "shop"}}) for m in extended(MORE)
    )
    for obj in planned(moved).variants[0].objects:
        assert obj["metadata"]["namespace"] == "seawall-r1-defended"


def test_bindings_follow_their_accounts_into_the_namespace() -> None:
    subjects = objects(planned(), "defended")["RoleBinding", "web"]["subjects"]
    assert [s["namespace"] for s in subjects] == ["seawall-r1-defended", "monitoring"]


def test_each_variant_has_hosts_of_its_own() -> None:
    """One ingress serves them all, and of two Ingresses for one host only the older is heard."""
    spec = "rules: [{host: web.example}, {host: '*.example'}, {}], tls: [{hosts: [web.example], secretName: x}]"
    text = f"{{kind: Ingress, apiVersion: networking.k8s.io/v1, metadata: {{name: web}}, spec: {{{spec}}}}}"
    found = planned(extended(text))
    for variant in ("defended", "undefended"):
        own = objects(found, variant)["Ingress", "web"]["spec"]
        hosts = [f"{variant}-r1.web.example", f"*.{variant}-r1.example", None]
        assert [rule.get("host") for rule in own["rules"]] == hosts
        assert own["tls"][0]["hosts"] == hosts[:1]


def test_what_pods_need_comes_before_them() -> None:
    kinds = [o["kind"] for o in planned().variants[0].objects]
    assert kinds[-1] == "Deployment"


def test_a_plan_leaves_the_manifests_as_they_were() -> None:
    manifests = sound()
    before = repr(manifests)
    planned(manifests, isolation="node", nodes=["a", "b"])
    assert repr(manifests) == before


class TestIsolation:
    """`isolation: node` gives each variant a node of its own."""

    def test_every_pod_is_bound_to_its_variants_node(self) -> None:
        found = planned(isolation="node", nodes=["n2", "n1", "n3"])
        assert [v.node for v in found.variants] == ["n1", "n2"]
        web = objects(found, "undefended")["Deployment", "web"]
        assert pod_spec(web)["nodeSelector"] == {"kubernetes.io/hostname": "n2"}

    def test_without_it_no_node_is_named(self) -> None:
        assert [v.node for v in planned(nodes=["n1", "n2"]).variants] == ["", ""]

    def test_too_few_nodes_are_refused(self) -> None:
        with pytest.raises(PlanRefused, match="each of its 2 variants a node of its own, and the cluster has 1"):
            planned(isolation="node", nodes=["n1"])

    def test_one_variant_at_a_time_needs_one(self) -> None:
        assert [v.node for v in planned(isolation="node", nodes=["n1"], only=["defended"]).variants] == ["n1"]


@pytest.mark.parametrize("part", ["x", "undefended", "v" * 40])
@pytest.mark.parametrize("run", ["r1", "20261122-221005-oomkilled-surprise", "R_1.", "r" * 70])
def test_names_fit_kubernetes(run: str, part: str) -> None:
    name = namespace_name(run, part)
    assert len(name) <= 63
    assert name.startswith(("seawall-r", "seawall-2"))
    assert name.replace("-", "").isalnum()
    assert name == name.lower().strip("-")


def test_long_names_that_differ_at_their_end_stay_different() -> None:
    assert namespace_name("r" * 70, "defended") != namespace_name("r" * 70, "undefended")


class TestAdvice:
    """What to change should a defense break, with its place."""

    def advice(self, variant: str, manifests: Manifests | None = None) -> dict[str, Any]:
        found = planned(manifests)
        record = next(v for v in found.variants if v.name == variant).record()
        advice: dict[str, Any] = record["advice"]["resources"]
        return advice

    def test_what_was_stripped_is_what_is_missing(self) -> None:
        advice = self.advice("undefended")
        assert {f["rule"] for f in advice["findings"]} == {"request-missing", "limit-missing"}
        assert {(f["file"], f["line"] > 0) for f in advice["findings"]} == {("shop.yaml", True)}
        assert "+            memory: 128Mi" in advice["patch"]
        assert "shop.yaml:" in advice["patch"]

    def test_a_sound_workload_is_told_nothing(self) -> None:
        assert self.advice("defended") == {"findings": [], "patch": ""}

    def test_an_unsound_workload_is_told_what_a_fix_adds(self) -> None:
        bare = registry["resources"].strip(extended(MORE))
        assert "+          limits:" in self.advice("defended", bare)["patch"]

    def test_secrets_stay_out_of_patches(self) -> None:
        assert "hunter2" not in repr(planned().variants[1].record())


def test_stripping_in_a_plan_is_stripping_by_name() -> None:
    stripped = strip(sound(), ["resources.limits"])
    found = planned(sound(), variants={"defended": {"strip": ["resources.limits"]}}, expect={})
    assert pod_spec(objects(found, "defended")["Deployment", "web"]) == pod_spec(stripped[1].data)


def test_a_list_is_its_items() -> None:
    text = "kind: List\napiVersion: v1\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n"
    assert [(m.ref, m.at().line) for m in parse(text, "f")] == [("configmap/a", 4)]
    assert isinstance(parse(text, "f")[0], Manifest)


BIG = """
kind: Deployment
apiVersion: apps/v1
metadata: {name: big}
spec: {template: {spec: {containers: [{name: a, image: a, resources: {requests: {memory: 1Gi}}}]}}}
"""


def test_the_largest_workload_is_made_first_also_where_its_requests_are_stripped() -> None:
    """It is the hardest to place, and the variants must not differ in the order of things."""
    found = planned(extended(MORE + "---" + BIG))
    for variant in found.variants:
        made = [o["metadata"]["name"] for o in variant.objects if o["kind"] == "Deployment"]
        assert made == ["big", "web"]


def test_what_belongs_to_no_namespace_has_the_variants_own_name_and_accounts() -> None:
    """Stripped of RBAC, the accounts of the variant's namespace are cluster-admin, and nobody else's."""
    found = planned(variants={"undefended": {"strip": ["rbac"]}}, expect={})
    binding = objects(found, "undefended")["ClusterRoleBinding", "seawall-r1-undefended-seawall-stripped-rbac"]
    assert "namespace" not in binding["metadata"]
    assert binding["metadata"]["labels"]["seawall.dev/run"] == "r1"
    assert {s["namespace"] for s in binding["subjects"]} == {"seawall-r1-undefended"}
