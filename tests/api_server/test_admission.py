"""What is added to objects on their way in, and what is turned away."""

import re
from typing import Any, ClassVar

import pytest

from cluster.api.admission.limit_range import out_of_bounds
from cluster.api.admission.security_checks import violations
from cluster.api.context import User
from cluster.api.core import Core
from cluster.api.local import LocalClient
from cluster.api.verbs import WriteOptions
from cluster.client import Forbidden, Invalid, Obj
from tests.api_server.objects import pod, with_default_account


def create(client: LocalClient, obj: Obj) -> Obj:
    return client.create("pods", obj, "default")


def container(name: str = "main", **fields: Any) -> Obj:
    return {"name": name, "image": "busybox", **fields}


class TestServiceAccount:
    def test_a_pod_gets_its_accounts_token(self, client: LocalClient) -> None:
        with_default_account(client)
        spec = create(client, pod())["spec"]
        assert spec["serviceAccountName"] == spec["serviceAccount"] == "default"
        (volume,) = spec["volumes"]
        (mount,) = spec["containers"][0]["volumeMounts"]
        assert mount == {
            "name": volume["name"],
            "readOnly": True,
            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
        }
        assert volume["name"].startswith("kube-api-access-")
        assert volume["projected"]["sources"][0] == {
            "serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}
        }

    @pytest.mark.parametrize(("of_account", "of_pod"), [(False, None), (True, False), (None, False)])
    def test_either_may_opt_out(self, client: LocalClient, of_account: bool | None, of_pod: bool | None) -> None:
        account: Obj = {"metadata": {"name": "default"}}
        if of_account is not None:
            account["automountServiceAccountToken"] = of_account
        client.create("serviceaccounts", account, "default")
        asked = pod()
        if of_pod is not None:
            asked["spec"]["automountServiceAccountToken"] = of_pod
        assert "volumes" not in create(client, asked)["spec"]

    def test_the_pod_has_the_last_word(self, client: LocalClient) -> None:
        client.create(
            "serviceaccounts", {"metadata": {"name": "default"}, "automountServiceAccountToken": False}, "default"
        )
        assert create(client, pod(automountServiceAccountToken=True))["spec"]["volumes"]

    def test_a_pod_needs_its_account(self, client: LocalClient) -> None:
        with pytest.raises(Forbidden) as refused:
            create(client, pod())
        assert refused.value.message == (
            'pods "web" is forbidden: error looking up service account default/default: '
            'serviceaccount "default" not found'
        )


class TestDefaults:
    def test_a_pod_outlives_its_node_by_five_minutes_unless_it_says_otherwise(self, client: LocalClient) -> None:
        with_default_account(client)
        mine = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "tolerationSeconds": 3}
        mine["effect"] = "NoExecute"
        tolerations = create(client, pod(tolerations=[mine]))["spec"]["tolerations"]
        assert [(t["key"], t["tolerationSeconds"]) for t in tolerations] == [
            ("node.kubernetes.io/not-ready", 3),
            ("node.kubernetes.io/unreachable", 300),
        ]

    def test_a_class_is_a_number(self, client: LocalClient) -> None:
        with_default_account(client)
        spec = create(client, pod(priorityClassName="system-node-critical"))["spec"]
        assert (spec["priority"], spec["preemptionPolicy"]) == (2000001000, "PreemptLowerPriority")
        with pytest.raises(Forbidden, match="no PriorityClass with name ghost was found"):
            create(client, pod("other", priorityClassName="ghost"))

    def test_services_get_addresses_that_are_free(self, client: LocalClient) -> None:
        spec = {"ports": [{"port": 80}], "type": "NodePort"}
        made = [client.create("services", {"metadata": {"name": f"s{n}"}, "spec": spec}, "default") for n in range(20)]
        assert len({s["spec"]["clusterIP"] for s in made}) == 20
        assert len({s["spec"]["ports"][0]["nodePort"] for s in made}) == 20
        client.patch("services", "s0", "default", {"spec": {"selector": {"a": "b"}}})
        assert client.get("services", "s0", "default")["spec"]["clusterIP"] == made[0]["spec"]["clusterIP"]
        taken = {**spec, "clusterIP": "198.19.0.1"}
        with pytest.raises(Invalid, match="provided IP is already allocated"):
            client.create("services", {"metadata": {"name": "no"}, "spec": taken}, "default")


class TestLimitRange:
    RANGE: ClassVar[Obj] = {
        "type": "Container",
        "default": {"memory": "96Mi", "cpu": "200m"},
        "defaultRequest": {"memory": "48Mi", "cpu": "50m"},
    }

    def test_what_a_container_does_not_say_is_filled_in_and_noted(self, client: LocalClient) -> None:
        """As recorded, annotation and all."""
        with_default_account(client)
        client.create("limitranges", {"metadata": {"name": "l"}, "spec": {"limits": [self.RANGE]}}, "default")
        made = create(client, pod(containers=[container("app")]))
        assert made["spec"]["containers"][0]["resources"] == {
            "limits": {"cpu": "200m", "memory": "96Mi"},
            "requests": {"cpu": "50m", "memory": "48Mi"},
        }
        assert made["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
            "LimitRanger plugin set: cpu, memory request for container app; cpu, memory limit for container app"
        )
        assert made["status"]["qosClass"] == "Burstable"

    @pytest.mark.parametrize(
        ("item", "resources", "message"),
        [
            (
                {"max": {"memory": "1Gi"}},
                {"limits": {"memory": "2Gi"}},
                "maximum memory usage per Container is 1Gi, but limit is 2Gi",
            ),
            ({"max": {"memory": "1Gi"}}, {}, "maximum memory usage per Container is 1Gi.  No limit is specified"),
            (
                {"min": {"cpu": "100m"}},
                {"requests": {"cpu": "50m"}},
                "minimum cpu usage per Container is 100m, but request is 50m",
            ),
            (
                {"maxLimitRequestRatio": {"cpu": "2"}},
                {"requests": {"cpu": "100m"}, "limits": {"cpu": "400m"}},
                "cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000",
            ),
        ],
    )
    def test_bounds_are_named(self, item: Obj, resources: Obj, message: str) -> None:
        obj = pod(containers=[container(resources=resources)])
        assert list(out_of_bounds("pods", obj, {"type": "Container", **item})) == [message]


class TestQuota:
    HARD: ClassVar[dict[str, str]] = {"pods": "1", "requests.memory": "64Mi", "limits.memory": "128Mi"}
    SIZED: ClassVar[Obj] = {"resources": {"requests": {"memory": "48Mi"}, "limits": {"memory": "64Mi"}}}

    def test_a_namespace_gets_no_more_than_it_was_given(self, client: LocalClient) -> None:
        """As recorded."""
        with_default_account(client)
        client.create("resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": self.HARD}}, "default")
        create(client, pod("one", containers=[container(**self.SIZED)]))
        with pytest.raises(Forbidden) as refused:
            create(client, pod("two", containers=[container(**self.SIZED)]))
        assert refused.value.message == (
            'pods "two" is forbidden: exceeded quota: q, requested: pods=1,requests.memory=48Mi, '
            "used: pods=1,requests.memory=48Mi, limited: pods=1,requests.memory=64Mi"
        )

    def test_what_is_counted_must_be_said(self, client: LocalClient) -> None:
        with_default_account(client)
        client.create("resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": self.HARD}}, "default")
        with pytest.raises(
            Forbidden, match=re.escape("failed quota: q: must specify limits.memory for: main; requests.memory")
        ):
            create(client, pod())

    def test_what_must_be_said_is_named_as_the_quota_names_it(self, client: LocalClient) -> None:
        with_default_account(client)
        client.create("resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"cpu": "1"}}}, "default")
        with pytest.raises(Forbidden, match=r"failed quota: q: must specify cpu for: main$"):
            create(client, pod())

    def test_a_scope_leaves_other_pods_alone(self, client: LocalClient) -> None:
        with_default_account(client)
        spec = {"hard": {"pods": "0"}, "scopes": ["BestEffort"]}
        client.create("resourcequotas", {"metadata": {"name": "q"}, "spec": spec}, "default")
        create(client, pod("sized", containers=[container(**self.SIZED)]))
        with pytest.raises(Forbidden, match="exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0"):
            create(client, pod("small"))

    def test_a_scope_selector_picks_priorities(self, client: LocalClient) -> None:
        with_default_account(client)
        client.create("priorityclasses.scheduling.k8s.io", {"metadata": {"name": "high"}, "value": 10})
        term = {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}
        spec = {"hard": {"pods": "0"}, "scopeSelector": {"matchExpressions": [term]}}
        client.create("resourcequotas", {"metadata": {"name": "q"}, "spec": spec}, "default")
        create(client, pod("plain"))
        with pytest.raises(Forbidden, match="exceeded quota: q"):
            create(client, pod("urgent", priorityClassName="high"))

    @pytest.mark.parametrize(
        ("spec", "why"),
        [
            ({"hard": {"cpu": "1"}, "scopes": ["BestEffort"]}, "unsupported scope applied to resource"),
            ({"scopes": ["Nice"]}, 'spec.scopes: Invalid value: ["Nice"]: unsupported scope'),
            ({"scopes": ["BestEffort", "NotBestEffort"]}, "conflicting scopes"),
        ],
    )
    def test_scopes_that_make_no_sense(self, client: LocalClient, spec: Obj, why: str) -> None:
        with pytest.raises(Invalid, match=re.escape(why)):
            client.create("resourcequotas", {"metadata": {"name": "q"}, "spec": spec}, "default")

    def test_pods_that_are_done_cost_nothing(self, client: LocalClient) -> None:
        with_default_account(client)
        client.create("resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "1"}}}, "default")
        create(client, pod("one"))
        client.patch("pods", "one", "default", {"status": {"phase": "Succeeded"}}, subresource="status")
        create(client, pod("two"))

    def test_objects_are_counted_too(self, client: LocalClient) -> None:
        hard = {"count/configmaps": "1"}
        client.create("resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": hard}}, "default")
        client.create("configmaps", {"metadata": {"name": "a"}}, "default")
        with pytest.raises(Forbidden, match="exceeded quota: q, requested: count/configmaps=1"):
            client.create("configmaps", {"metadata": {"name": "b"}}, "default")


SAFE: Obj = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
RECORDED = (
    'allowPrivilegeEscalation != false (container "app" must set securityContext.allowPrivilegeEscalation=false), '
    'unrestricted capabilities (container "app" must set securityContext.capabilities.drop=["ALL"]), '
    'runAsNonRoot != true (pod or container "app" must set securityContext.runAsNonRoot=true), '
    'seccompProfile (pod or container "app" must set securityContext.seccompProfile.type to "RuntimeDefault" or '
    '"Localhost")'
)


class TestPodSecurity:
    def namespace(self, client: LocalClient, **modes: str) -> None:
        labels = {f"pod-security.kubernetes.io/{mode}": level for mode, level in modes.items()}
        client.patch("namespaces", "default", "", {"metadata": {"labels": labels}})

    def test_a_pod_that_violates_is_refused_in_full(self, client: LocalClient) -> None:
        """As recorded."""
        with_default_account(client)
        self.namespace(client, enforce="restricted")
        with pytest.raises(Forbidden) as refused:
            create(client, pod(containers=[container("app")]))
        assert refused.value.message == f'pods "web" is forbidden: violates PodSecurity "restricted:latest": {RECORDED}'

    def test_what_makes_pods_is_warned_about(self, core: Core, client: LocalClient) -> None:
        self.namespace(client, warn="restricted", enforce="restricted")
        template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container("app")]}}
        spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
        options = WriteOptions(user=User("me"))
        deployment = {"metadata": {"name": "web"}, "spec": spec}
        core.verbs.create(core.verbs.resource("deployments.apps"), "default", deployment, options)
        assert options.warnings == [f'would violate PodSecurity "restricted:latest": {RECORDED}']

    def test_a_safe_pod_passes(self, client: LocalClient) -> None:
        with_default_account(client)
        self.namespace(client, enforce="restricted", warn="restricted")
        create(client, pod(containers=[container(securityContext=SAFE)]))

    def test_an_unknown_level_is_refused(self, client: LocalClient) -> None:
        with pytest.raises(Invalid, match='Invalid value: "strict": must be one of privileged, baseline, restricted'):
            self.namespace(client, enforce="strict")

    @pytest.mark.parametrize(
        ("spec", "found"),
        [
            ({"hostNetwork": True, "hostPID": True}, "host namespaces (hostNetwork=true, hostPID=true)"),
            ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, 'hostPath volumes (volume "v")'),
            (
                {"containers": [container(ports=[{"containerPort": 80, "hostPort": 80}])]},
                'hostPort (container "main" uses hostPort 80)',
            ),
            (
                {"containers": [container(securityContext={"privileged": True})]},
                'privileged (container "main" must not set securityContext.privileged=true)',
            ),
            (
                {"containers": [container(securityContext={"capabilities": {"add": ["NET_ADMIN"]}})]},
                'non-default capabilities (container "main" must not include "NET_ADMIN" in '
                "securityContext.capabilities.add)",
            ),
            (
                {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
                'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
            ),
            ({"securityContext": {"sysctls": [{"name": "kernel.x", "value": "1"}]}}, "forbidden sysctls (kernel.x)"),
        ],
    )
    def test_the_baseline(self, spec: Obj, found: str) -> None:
        assert violations("baseline", {"containers": [container()], **spec}) == [found]

    def test_the_baseline_lets_a_plain_pod_pass(self) -> None:
        assert violations("baseline", {"containers": [container()]}) == []

    def test_root_by_number_is_root(self) -> None:
        spec = {"containers": [container(securityContext={**SAFE, "runAsUser": 0})]}
        assert violations("restricted", spec) == ['runAsUser=0 (container "main" must not set runAsUser=0)']
