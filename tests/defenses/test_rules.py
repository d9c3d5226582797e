"""What each rule asks, and the traps in which others have been caught."""

import pytest

from chaos.defenses import audit, registry
from chaos.defenses.image_pin import image_tag
from chaos.defenses.observability import names_in
from chaos.defenses.replicas import disruptions_allowed
from chaos.manifests import Manifests, parse
from tests.defenses.manifests import DIGEST, SOUND, edited, extended, sound


def rules(manifests: Manifests) -> list[str]:
    return sorted({f.rule for f in audit(manifests)})


def cut(text: str) -> Manifests:
    return edited(text, "")


@pytest.mark.parametrize(
    ("taken", "given", "found"),
    [
        ("requests: {cpu: 100m, memory: 64Mi}", "requests: {cpu: 0, memory: 64Mi}", ["request-missing"]),
        ("limits: {cpu: 500m, memory: 128Mi}", "limits: {cpu: 500m}", ["limit-missing"]),
        ("memory: 128Mi}", "memory: 32Mi}", ["request-over-limit"]),
        ("memory: 64Mi}", "memory: 64MB}", ["quantity-unreadable"]),
        ("memory: 64Mi}", "memory: -1}", ["quantity-unreadable"]),
        ("port: http}, periodSeconds: 2", "port: web}, periodSeconds: 2", ["probe-port-undeclared"]),
        ("path: /healthz, port: http}, periodSeconds: 5", "path: /readyz, port: http}, periodSeconds: 1",
         ["liveness-as-hasty-as-readiness"]),
        ("readinessProbe: {httpGet: {path: /readyz, port: http}", "readinessProbe: {tcpSocket: {port: http}",
         ["probe-tcp-only"]),
        ("startupProbe:", "lifecycle:", ["startup-missing"]),
        ("readinessProbe:", "lifecycle:", ["readiness-missing"]),
        ("serviceAccountName: web", "serviceAccountName: default", ["own-service-account-missing"]),
        ("      automountServiceAccountToken: false", "      automountServiceAccountToken: true", ["token-mounted"]),
        ("replicas: 3", "replicas: 1", ["single-replica"]),
        ("replicas: 3", "paused: false", ["single-replica"]),
        ("maxUnavailable: 1", "minAvailable: 3", ["disruption-budget-blocks"]),
        ("maxUnavailable: 1", 'minAvailable: "67%"', ["disruption-budget-blocks"]),
        ("maxUnavailable: 1, selector: {matchLabels: {app: web}}",
         "maxUnavailable: 1, selector: {matchLabels: {app: web, tier: back}}", ["disruption-budget-missing"]),
        ("labelSelector: {matchLabels: {app: web}}}", "labelSelector: {matchLabels: {app: wbe}}}", ["not-spread"]),
        ('prometheus.io/port: "8080"', 'prometheus.io/port: "9090"', ["metrics-not-scraped"]),
        ("for: 1m", "keep_firing_for: 1m", ["alert-incomplete"]),
        ('job="web"', 'job="shop"', ["alert-missing"]),
        ("runAsUser: 10001", "runAsUser: 0", ["may-run-as-root"]),
        ("runAsNonRoot: true, runAsUser: 10001", "runAsNonRoot: true", ["may-run-as-root"]),
        ("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: false\n            runAsNonRoot: false",
         ["may-run-as-root"]),
        ("allowPrivilegeEscalation: false", "privileged: false", ["privilege-escalation-allowed"]),
        ("drop: [ALL]", "drop: [ALL], add: [SYS_ADMIN]", ["capabilities-not-dropped"]),
        ("seccompProfile: {type: RuntimeDefault}", "seccompProfile: {type: Unconfined}", ["seccomp-unconfined"]),
        ("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", ["root-filesystem-writable"]),
        (f":1.2{DIGEST}", ":1.2", ["image-digest-missing"]),
        (f":1.2{DIGEST}", "", ["image-digest-missing", "image-tag-moves"]),
        (f":1.2{DIGEST}", ":latest", ["image-digest-missing", "image-tag-moves"]),
        ("podSelector: {}, policyTypes: [Ingress, Egress]", "podSelector: {}, policyTypes: [Ingress]", []),
        ("podSelector: {matchLabels: {app: edge}}", "namespaceSelector: {}", []),
        ("ingress: [{from: [{podSelector: {matchLabels: {app: edge}}}]}]", "ingress: [{}]",
         ["network-policy-allows-all"]),
        ("port: 53", "port: 54", ["dns-blocked"]),
    ],
)  # fmt: skip
def test_each_rule_finds_its_own_and_nothing_else(taken: str, given: str, found: list[str]) -> None:
    assert rules(edited(taken, given)) == found


def test_a_finding_names_its_place() -> None:
    """File, line and column of what is wrong, not of the document it is in."""
    manifests = edited("replicas: 3", "replicas: 1")
    found = audit(manifests)[0]
    line = 1 + next(i for i, text in enumerate(SOUND.splitlines()) if "replicas: 3" in text)
    assert (found.file, found.line, found.column, found.object) == ("shop.yaml", line, 3, "deployment/web")


def test_a_rule_is_waived_only_with_a_reason() -> None:
    waiver = "metadata: {name: web, annotations: {ignore.seawall.dev/single-replica: %s}}\nspec:\n  replicas: 1"
    before = "metadata: {name: web}\nspec:\n  replicas: 3"
    assert rules(edited(before, waiver % "one writer by design")) == []
    assert rules(edited(before, waiver % '" "')) == ["single-replica"]


class TestResources:
    """Values count as the API server completes them."""

    def test_a_limit_alone_is_a_request_too(self) -> None:
        assert rules(cut("requests: {cpu: 100m, memory: 64Mi}")) == []

    def test_stripped_requests_are_explicit_zeros_where_a_limit_stays(self) -> None:
        stripped = registry["resources"].strip(sound(), ["requests"])
        container = stripped[1].data["spec"]["template"]["spec"]["containers"][0]
        assert container["resources"]["requests"] == {"cpu": "0", "memory": "0"}
        assert container["resources"]["limits"] == {"cpu": "500m", "memory": "128Mi"}

    def test_a_request_that_came_from_the_limit_survives_the_limits_strip(self) -> None:
        stripped = registry["resources"].strip(cut("requests: {cpu: 100m, memory: 64Mi}"), ["limits"])
        container = stripped[1].data["spec"]["template"]["spec"]["containers"][0]
        assert container["resources"] == {"requests": {"cpu": "500m", "memory": "128Mi"}}

    def test_a_limit_range_of_the_namespace_gives_defaults(self) -> None:
        bare = edited("resources:", "unused:")
        limits = "kind: LimitRange\napiVersion: v1\nmetadata: {name: d%s}\nspec: {limits: [{type: Container, default: "
        given = parse((limits % "") + "{cpu: 1, memory: 64Mi}}]}", "d.yaml")
        elsewhere = parse((limits % ", namespace: other") + "{cpu: 1, memory: 64Mi}}]}", "d.yaml")
        assert rules(bare + given) == []
        assert rules(bare + elsewhere) == ["limit-missing", "request-missing"]
        assert rules(registry["resources"].strip(bare + given)) == ["limit-missing", "request-missing"]

    def test_init_containers_and_sidecars_count(self) -> None:
        more = edited("      containers:", "      initContainers: [{name: init, image: i:1}]\n      containers:")
        assert {"limit-missing", "request-missing"} <= set(rules(more))

    def test_a_quota_goes_with_what_it_asks_for(self) -> None:
        """A ResourceQuota refuses every pod without requests: stripped of them, nothing would start."""
        quota = "kind: ResourceQuota\napiVersion: v1\nmetadata: {name: q}\nspec: {hard: {requests.cpu: 4, pods: 9}}"
        stripped = registry["resources"].strip(extended(quota))
        assert stripped[-1].data["spec"]["hard"] == {"pods": 9}


AUTOSCALER = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: 3, maxReplicas: %d}
"""


class TestCeilings:
    def test_a_ceiling_is_what_somebody_would_pay_for(self) -> None:
        assert rules(extended(AUTOSCALER % 30)) == []
        assert rules(extended(AUTOSCALER % 31)) == ["autoscaler-unbounded"]

    def test_a_stripped_ceiling_is_found_and_a_fixed_one_is_bearable(self) -> None:
        resources = registry["resources"]
        stripped = resources.strip(extended(AUTOSCALER % 5), ["ceiling"])
        assert rules(stripped) == ["autoscaler-unbounded"]
        (fixed,) = [m for m in resources.fix(stripped) if m.kind == "HorizontalPodAutoscaler"]
        assert fixed.data["spec"]["maxReplicas"] == 30


class TestHealthChecks:
    """Who needs which probe."""

    def test_who_gets_no_traffic_needs_no_readiness(self) -> None:
        unready = edited("readinessProbe:", "lifecycle:")
        unserved = tuple(m for m in unready if m.kind != "Service")
        assert (rules(unready), rules(unserved)) == (["readiness-missing"], [])

    def test_every_container_is_asked_not_every_pod(self) -> None:
        second = (
            "        - {name: sidecar, image: 's:1" + DIGEST + "', securityContext: {allowPrivilegeEscalation: false,"
            " readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}},"
            " resources: {limits: {cpu: 1, memory: 1Mi}}, ports: [{containerPort: 8080}]}\n"
        )
        found = audit(edited("      containers:\n", "      containers:\n" + second))
        assert {f.container for f in found if f.rule == "liveness-missing"} == {"sidecar"}

    def test_identical_probes_are_fine_when_liveness_is_more_patient(self) -> None:
        assert rules(edited("path: /readyz", "path: /healthz")) == []

    def test_stripped_of_independence_liveness_is_readiness_once_more(self) -> None:
        """But for successThreshold, of which the API takes no other than 1 in a liveness probe."""
        given = edited("periodSeconds: 2, failureThreshold: 2", "periodSeconds: 2, successThreshold: 2")
        stripped = registry["health-checks"].strip(given, ["independence"])
        container = stripped[1].data["spec"]["template"]["spec"]["containers"][0]
        assert container["livenessProbe"] == {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 2}
        assert rules(stripped) == ["liveness-as-hasty-as-readiness"]
        assert rules(registry["health-checks"].fix(stripped)) == []

    def test_who_has_one_probe_has_none_to_copy(self) -> None:
        given = edited("readinessProbe:", "lifecycle:")
        assert registry["health-checks"].strip(given, ["independence"]) == given

    def test_jobs_are_exempt(self) -> None:
        job = (
            "kind: Job\napiVersion: batch/v1\nmetadata: {name: j}\nspec: {template: {spec: {containers: [{name: j}]}}}"
        )
        assert not [f for f in registry["health-checks"].audit(extended(job)) if f.object == "job/j"]

    def test_the_fix_asks_as_the_other_probe_does(self) -> None:
        fixed = registry["health-checks"].fix(edited("livenessProbe:", "lifecycle:"))
        container = fixed[1].data["spec"]["template"]["spec"]["containers"][0]
        assert container["livenessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
        assert registry["health-checks"].audit(fixed) == []

    def test_a_container_that_nobody_can_ask_is_not_fixable(self) -> None:
        pod = "kind: Pod\napiVersion: v1\nmetadata: {name: p}\nspec: {containers: [{name: p}]}"
        found = [f for f in registry["health-checks"].audit(extended(pod)) if f.object == "pod/p"]
        assert [(f.rule, f.fixable) for f in found] == [("liveness-missing", False)]


class TestRbac:
    """Rules are effective ones."""

    ROLE = "kind: Role\napiVersion: rbac.authorization.k8s.io/v1\nmetadata: {name: r}\nrules: [%s]\n---\n"
    BIND = (
        "kind: RoleBinding\napiVersion: rbac.authorization.k8s.io/v1\nmetadata: {name: b}\n"
        "roleRef: {kind: %s, name: %s}\nsubjects: [%s]"
    )
    WEB = "{kind: ServiceAccount, name: web}"

    def bound(self, rule: str, subject: str = WEB) -> list[str]:
        text = self.ROLE % rule + self.BIND % ("Role", "r", subject)
        return [f.what for f in registry["rbac"].audit(extended(text))]

    @pytest.mark.parametrize(
        "rule",
        [
            '{verbs: ["*"], resources: [configmaps], apiGroups: [""]}',
            '{verbs: [get], resources: ["*"], apiGroups: [apps]}',
            '{verbs: [list], resources: [secrets], apiGroups: [""], resourceNames: [mine]}',
            '{verbs: [get], resources: [secrets], apiGroups: [""]}',
            '{verbs: [create], resources: [pods/exec], apiGroups: [""]}',
            '{verbs: [create], resources: [pods], apiGroups: ["*"]}',
            '{verbs: [create], resources: [serviceaccounts/token], apiGroups: [""]}',
            '{verbs: [get], resources: [nodes/proxy], apiGroups: [""]}',
            "{verbs: [impersonate], resources: [users], apiGroups: [authentication.k8s.io]}",
            "{verbs: [escalate], resources: [roles], apiGroups: [rbac.authorization.k8s.io]}",
        ],
    )
    def test_dangerous(self, rule: str) -> None:
        assert len(self.bound(rule)) == 1

    @pytest.mark.parametrize(
        "rule",
        [
            '{verbs: [get, list, watch], resources: [pods, services], apiGroups: [""]}',
            '{verbs: [get], resources: [secrets], apiGroups: [""], resourceNames: [mine]}',
            "{verbs: [create], resources: [pods], apiGroups: [metrics.k8s.io]}",
        ],
    )
    def test_harmless(self, rule: str) -> None:
        assert self.bound(rule) == []

    @pytest.mark.parametrize(
        "subject",
        [
            WEB,
            "{kind: Group, name: system:serviceaccounts}",
            "{kind: Group, name: 'system:serviceaccounts:default'}",
            "{kind: Group, name: system:authenticated}",
            "{kind: User, name: 'system:serviceaccount:default:web'}",
        ],
    )
    def test_bindings_reach_by_name_and_by_group(self, subject: str) -> None:
        assert len(self.bound('{verbs: ["*"], resources: [pods], apiGroups: [""]}', subject)) == 1

    @pytest.mark.parametrize(
        "subject", ["{kind: ServiceAccount, name: web, namespace: other}", "{kind: Group, name: system:masters}"]
    )
    def test_others_bindings_do_not(self, subject: str) -> None:
        assert self.bound('{verbs: ["*"], resources: [pods], apiGroups: [""]}', subject) == []

    @pytest.mark.parametrize(("role", "dangerous"), [("cluster-admin", True), ("edit", True), ("view", False)])
    def test_built_in_roles_are_known_though_no_file_holds_them(self, role: str, dangerous: bool) -> None:
        found = registry["rbac"].audit(extended(self.BIND % ("ClusterRole", role, self.WEB)))
        assert bool([f for f in found if f.rule == "too-much-allowed"]) is dangerous

    def test_the_pod_overrides_its_account_about_the_token(self) -> None:
        assert rules(edited("      automountServiceAccountToken: false\n", "")) == []
        assert rules(
            edited("      automountServiceAccountToken: false", "      automountServiceAccountToken: true")
        ) == ["token-mounted"]

    def test_stripped_every_account_is_cluster_admin_as_the_tutorials_have_it(self) -> None:
        stripped = registry["rbac"].strip(sound())
        binding = stripped[-1].data
        assert binding["roleRef"]["name"] == "cluster-admin"
        assert binding["kind"] == "ClusterRoleBinding"
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}]


class TestReplicas:
    """Floors, budgets and the selectors that must match in every part."""

    @pytest.mark.parametrize(
        ("spec", "replicas", "allowed"),
        [
            ({"minAvailable": 1}, 3, 2),
            ({"minAvailable": "50%"}, 3, 1),
            ({"minAvailable": "100%"}, 3, 0),
            ({"maxUnavailable": "10%"}, 3, 1),
            ({"maxUnavailable": 0}, 3, 0),
            ({}, 1, 0),
        ],
    )
    def test_disruptions_allowed(self, spec: dict[str, object], replicas: int, allowed: int) -> None:
        assert disruptions_allowed({"spec": spec}, replicas) == allowed

    def test_an_autoscalers_floor_is_the_floor(self) -> None:
        scaler = (
            "kind: HorizontalPodAutoscaler\napiVersion: autoscaling/v2\nmetadata: {name: h}\n"
            "spec: {%smaxReplicas: 9, scaleTargetRef: {kind: Deployment, name: web}}"
        )
        assert rules(extended(scaler % "")) == ["single-replica"]
        assert rules(extended(scaler % "minReplicas: 2, ")) == []

    def test_two_budgets_on_one_pod_are_one_too_many(self) -> None:
        head = "kind: PodDisruptionBudget\napiVersion: policy/v1\nmetadata: {name: all}\n"
        second = head + "spec: {maxUnavailable: 1, selector: {}}"
        assert rules(extended(second)) == ["two-disruption-budgets"]

    def test_a_budget_of_another_namespace_protects_nobody_here(self) -> None:
        budget = "kind: PodDisruptionBudget\nmetadata: {name: web}"
        moved = edited(budget, "kind: PodDisruptionBudget\nmetadata: {name: web, namespace: other}")
        assert rules(moved) == ["disruption-budget-missing"]

    def test_anti_affinity_spreads_too(self) -> None:
        term = "{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: web}}}"
        text = "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [%s]}}\n      unused:"
        assert rules(edited("topologySpreadConstraints:", text % term)) == []


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("app", ""),
        ("host:5000/app", ""),
        ("host:5000/app:1", "1"),
        ("app:2@sha256:aa", "2"),
        ("a/b/c:latest", "latest"),
    ],
)
def test_a_registrys_port_is_no_tag(image: str, tag: str) -> None:
    assert image_tag(image) == tag


@pytest.mark.parametrize(
    ("expression", "about"),
    [('up{job="web"}', True), ('up{pod=~"web-.*"}', True), ('up{job="cobweb"}', False), ('up{job="my-web"}', False)],
)
def test_an_alert_is_about_whom_it_names(expression: str, about: bool) -> None:
    assert ("web" in names_in(expression)) is about


class TestStorage:
    """What counts is where the data lies, not that some volume is mounted."""

    DB = (
        "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: db}\nspec:\n  %s\n  template:\n    spec:\n"
        "      containers: [{name: db, image: 'postgres:16', volumeMounts: [{name: v, mountPath: %s}]}]\n"
        "      volumes: [{name: v, %s}]\n---\n"
        "kind: PersistentVolumeClaim\napiVersion: v1\nmetadata: {name: c}\n"
        "spec: {accessModes: [ReadWriteOnce], storageClassName: fast}"
    )
    CLAIM = "persistentVolumeClaim: {claimName: c}"
    RECREATE = "strategy: {type: Recreate}"

    def found(self, strategy: str, path: str, volume: str) -> list[str]:
        return [f.rule for f in registry["storage"].audit(parse(self.DB % (strategy, path, volume), "db.yaml"))]

    def test_sound(self) -> None:
        assert self.found(self.RECREATE, "/var/lib/postgresql", self.CLAIM) == []

    def test_an_empty_dir_under_the_data(self) -> None:
        assert self.found(self.RECREATE, "/var/lib/postgresql/data", "emptyDir: {}") == ["state-dies-with-pod"]

    def test_a_claim_somewhere_else_keeps_nothing(self) -> None:
        """A volume on /tmp, and the database on the image's own layer."""
        assert self.found(self.RECREATE, "/tmp", self.CLAIM) == ["state-dies-with-pod"]  # noqa: S108  # a mount path

    def test_a_path_that_only_begins_alike_is_another(self) -> None:
        assert self.found(self.RECREATE, "/var/lib/post", self.CLAIM) == ["state-dies-with-pod"]

    def test_a_rolling_update_has_two_writers(self) -> None:
        assert self.found("replicas: 1", "/var/lib/postgresql", self.CLAIM) == ["two-writers"]

    def test_stripped_the_claim_is_an_empty_dir(self) -> None:
        whole = parse(self.DB % (self.RECREATE, "/var/lib/postgresql", self.CLAIM), "db.yaml")
        stripped = registry["storage"].strip(whole)
        assert [m.kind for m in stripped] == ["Deployment"]
        assert stripped[0].data["spec"]["template"]["spec"]["volumes"] == [{"name": "v", "emptyDir": {}}]


class TestLogs:
    """What collects logs is known by its image or its label; without it they go with their pod."""

    WAIVED = ",\n        ignore.seawall.dev/logs-not-collected: the agents of the cluster take them"
    AGENT = (
        "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: agent}\nspec: {template: {metadata: {labels: {%s}}, "
        "spec: {containers: [{name: agent, image: %s}]}}}"
    )
    SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: agent}\nspec: {selector: {app: agent}}"

    def found(self, labels: str, image: str) -> list[str]:
        manifests = edited(self.WAIVED, "") + parse(self.AGENT % (labels, image), "agent.yaml")
        return [f.object for f in registry["observability"].audit(manifests) if f.rule == "logs-not-collected"]

    def test_a_workload_whose_logs_nobody_collects_is_found(self) -> None:
        assert rules(edited(self.WAIVED, "")) == ["logs-not-collected"]

    @pytest.mark.parametrize(
        "image", ["fluent/fluent-bit:3.1", "grafana/promtail", "cr.fluentbit.io/fluent/fluent-bit@x"]
    )
    def test_a_known_collector_is_enough(self, image: str) -> None:
        assert self.found("app: agent", image) == []

    def test_one_of_another_name_says_what_it_is(self) -> None:
        assert self.found("app.kubernetes.io/component: log-collector", "own/thing:1") == []
        assert self.found("app: agent", "own/fluent-bit-exporter:1") == ["deployment/web"]

    def test_stripped_it_goes_with_the_service_that_leads_to_it_alone(self) -> None:
        agent = self.AGENT % ("app: agent", "fluent/fluent-bit:3.1")
        manifests = edited(self.WAIVED, "") + parse(f"{agent}\n---\n{self.SERVICE}", "agent.yaml")
        left = [m.ref for m in registry["observability"].strip(manifests, ["logs"])]
        assert left == [m.ref for m in manifests if m.name != "agent"]
