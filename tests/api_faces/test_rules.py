"""What is wrong with an object is said in Kubernetes' words, all of it at once."""

import copy
from typing import Any, ClassVar

import pytest

from cluster.api.decode import decode
from cluster.api.resources import registry
from cluster.client import BadRequest, Invalid, NotImplementedHere
from cluster.selectors import parse_fields

Obj = dict[str, Any]
UPPER = (
    'Pod "UPPER" is invalid: metadata.name: Invalid value: "UPPER": a lowercase RFC 1123 subdomain must consist of '
    "lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. "
    r"'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def complete(key: str, obj: Obj) -> Obj:
    clean, _ = decode(registry[key], obj)
    registry[key].defaults(clean)
    return clean


def refusal(key: str, obj: Obj, old: Obj | None = None) -> Invalid:
    with pytest.raises(Invalid) as refused:
        registry[key].check(complete(key, obj), old)
    return refused.value


def field(path: str) -> Obj:
    return {"fieldRef": {"fieldPath": path}}


def nodes(expression: Obj) -> Obj:
    return {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    }


class TestRecordedRefusals:
    """Word for word what a real API server answered."""

    def test_an_empty_deployment(self) -> None:
        empty = {"metadata": {"name": "empty", "namespace": "d"}, "spec": {}}
        assert refusal("deployments.apps", empty).message == (
            'Deployment.apps "empty" is invalid: [spec.selector: Required value, spec.template.metadata.labels: '
            "Invalid value: null: `selector` does not match template `labels`, spec.template.spec.containers: "
            "Required value]"
        )

    def test_a_toleration_with_too_much(self, pod: Obj) -> None:
        pod["spec"]["tolerations"] = [{"key": "a", "operator": "Exists", "value": "v"}]
        assert refusal("pods", pod).message == (
            'Pod "p" is invalid: spec.tolerations[0].operator: Invalid value: "v": '
            "value must be empty when `operator` is 'Exists'"
        )

    def test_supported_values_come_in_the_order_of_the_reference(self, pod: Obj) -> None:
        pod["spec"]["restartPolicy"] = "Sometimes"
        assert 'supported values: "Always", "OnFailure", "Never"' in refusal("pods", pod).message

    def test_a_budget_of_both_kinds(self) -> None:
        spec = {"minAvailable": 1, "maxUnavailable": 1, "selector": {}}
        budget = {"metadata": {"name": "both", "namespace": "d"}, "spec": spec}
        assert refusal("poddisruptionbudgets.policy", budget).message == (
            'PodDisruptionBudget.policy "both" is invalid: spec: Invalid value: {"MinAvailable":1,"Selector":{},'
            '"MaxUnavailable":1,"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set'
        )

    def test_upper_case_name(self, pod: Obj) -> None:
        pod["metadata"]["name"] = "UPPER"
        assert refusal("pods", pod).message == UPPER

    def test_no_containers(self, pod: Obj) -> None:
        pod["spec"] = {}
        assert refusal("pods", pod).message == 'Pod "p" is invalid: spec.containers: Required value'

    def test_request_beyond_limit(self, pod: Obj) -> None:
        pod["spec"]["containers"][0]["resources"] = {"limits": {"memory": "1Gi"}, "requests": {"memory": "2Gi"}}
        assert refusal("pods", pod).message == (
            'Pod "p" is invalid: spec.containers[0].resources.requests: Invalid value: "2Gi": '
            "must be less than or equal to memory limit of 1Gi"
        )

    def test_selector_that_misses_the_template(self, deployment: Obj) -> None:
        deployment["spec"]["template"]["metadata"]["labels"] = {"a": "c"}
        assert refusal("deployments.apps", deployment).message == (
            'Deployment.apps "app" is invalid: spec.template.metadata.labels: Invalid value: {"a":"c"}: '
            "`selector` does not match template `labels`"
        )

    def test_two_mistakes_in_one_service(self) -> None:
        service = {"metadata": {"name": "s", "namespace": "d"}, "spec": {"ports": [{"port": 99999}]}}
        refused = refusal("services", service)
        assert [(c.field, c.reason, c.message) for c in refused.causes] == [
            ("spec.ports[0].port", "FieldValueInvalid", "Invalid value: 99999: must be between 1 and 65535, inclusive"),
            (
                "spec.ports[0].targetPort",
                "FieldValueInvalid",
                "Invalid value: 99999: must be between 1 and 65535, inclusive",
            ),
        ]
        assert refused.message.startswith('Service "s" is invalid: [spec.ports[0].port: Invalid value: 99999')


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"restartPolicy": "Sometimes"},
            'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always"',
        ),
        ({"dnsPolicy": "None"}, "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"),
        (
            {"dnsConfig": {"nameservers": ["x"]}},
            'spec.dnsConfig.nameservers[0]: Invalid value: "x": must be a valid IP',
        ),
        ({"hostAliases": [{"ip": "x"}]}, 'spec.hostAliases[0].ip: Invalid value: "x": must be a valid IP address'),
        ({"readinessGates": [{"conditionType": "a b"}]}, "spec.readinessGates[0].conditionType: Invalid value"),
        (
            {"containers": [{"name": "a", "image": "i", "resources": {"requests": {"example.com/gpu": "1"}}}]},
            "resources.limits: Required value: Limit must be set for non overcommitable resources",
        ),
        (
            {"containers": [{"name": "a", "image": "i", "env": [{"name": "A", "valueFrom": field("metadata.nope")}]}]},
            'fieldRef.fieldPath: Invalid value: "metadata.nope": error converting fieldPath: field label not supported',
        ),
        (
            {"containers": [{"name": "a", "image": "i", "env": [{"name": "A", "valueFrom": field("status.phase")}]}]},
            'fieldRef.fieldPath: Unsupported value: "status.phase": supported values: "metadata.name"',
        ),
        (
            {"containers": [{"name": "a", "image": "i", "lifecycle": {"preStop": {"sleep": {"seconds": 99}}}}]},
            "sleep: Invalid value: 99: must be non-negative and less than terminationGracePeriodSeconds (30)",
        ),
        (
            {"affinity": {"nodeAffinity": nodes({"key": "a", "operator": "In"})}},
            "matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
        ),
        ({"volumes": []}, 'spec.containers[0].volumeMounts[0].name: Not found: "src"'),
        ({"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}, "value must be empty when `operator`"),
        (
            {"topologySpreadConstraints": [{"maxSkew": 0}]},
            "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0",
        ),
        ({"containers": [{"name": "a"}]}, "spec.containers[0].image: Required value"),
        ({"containers": [{"name": "a", "image": "i"}] * 2}, 'spec.containers[1].name: Duplicate value: "a"'),
    ],
)
def test_a_bad_pod_spec_is_refused(pod: Obj, change: Obj, message: str) -> None:
    pod["spec"] |= change
    assert message in refusal("pods", pod).message


@pytest.mark.parametrize(
    ("probe", "message"),
    [
        ({}, "livenessProbe: Required value: must specify a handler type"),
        ({"tcpSocket": {"port": 1}, "exec": {"command": ["a"]}}, "Forbidden: may not specify more than 1 handler type"),
        ({"tcpSocket": {"port": 0}}, "livenessProbe.tcpSocket.port: Invalid value: 0"),
        (
            {"tcpSocket": {"port": 80}, "successThreshold": 2},
            "livenessProbe.successThreshold: Invalid value: 2: must be 1",
        ),
        ({"tcpSocket": {"port": 80}, "failureThreshold": -1}, "livenessProbe.failureThreshold: Invalid value: -1"),
    ],
)
def test_a_bad_probe_is_refused(pod: Obj, probe: Obj, message: str) -> None:
    pod["spec"]["containers"][0]["livenessProbe"] = {**probe, "periodSeconds": 5}
    assert message in refusal("pods", pod).message


class TestWhatMayNotChange:
    def test_a_pods_spec_but_for_images_and_more_tolerations(self, pod: Obj) -> None:
        old = complete("pods", pod)
        free = copy.deepcopy(old)
        free["spec"]["containers"][0]["image"] = "demo/app:2"
        free["spec"]["tolerations"] = [{"key": "a", "operator": "Exists"}]
        registry["pods"].check(free, old)
        bound = copy.deepcopy(old)
        bound["spec"]["containers"][0]["command"] = ["sh"]
        assert "spec: Forbidden: pod updates may not change fields other than" in refusal("pods", bound, old).message

    def test_a_pods_node_outside_the_binding(self, pod: Obj) -> None:
        old = complete("pods", pod)
        new = copy.deepcopy(old)
        new["spec"]["nodeName"] = "node1"
        with pytest.raises(Invalid, match="pod updates may not change fields"):
            registry["pods"].prepare_update(new, old)

    def test_a_deployments_selector(self, deployment: Obj) -> None:
        old = complete("deployments.apps", deployment)
        new = copy.deepcopy(old)
        new["spec"]["selector"]["matchLabels"] = new["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
        assert "field is immutable" in refusal("deployments.apps", new, old).message

    def test_a_services_address(self) -> None:
        service = {
            "metadata": {"name": "s", "namespace": "d"},
            "spec": {"ports": [{"port": 80}], "clusterIP": "198.19.0.7"},
        }
        old = complete("services", service)
        new = copy.deepcopy(old)
        new["spec"] |= {"clusterIP": "198.19.0.8", "clusterIPs": ["198.19.0.8"]}
        assert "spec.clusterIPs[0]: " in refusal("services", new, old).message

    def test_a_bindings_role(self) -> None:
        binding = {"metadata": {"name": "b", "namespace": "d"}, "roleRef": {"kind": "Role", "name": "a"}}
        old = complete("rolebindings.rbac.authorization.k8s.io", binding)
        new = copy.deepcopy(old)
        new["roleRef"]["name"] = "admin"
        assert "cannot change roleRef" in refusal("rolebindings.rbac.authorization.k8s.io", new, old).message


class TestWhoWritesWhat:
    def test_a_write_to_the_object_leaves_its_status(self, deployment: Obj) -> None:
        resource = registry["deployments.apps"]
        old = {**complete("deployments.apps", deployment), "status": {"replicas": 3}}
        old["metadata"] |= {"uid": "u", "generation": 4}
        new = copy.deepcopy(old)
        new["status"], new["metadata"]["uid"], new["spec"]["replicas"] = {"replicas": 9}, "forged", 2
        resource.prepare_update(new, old)
        assert new["status"] == {"replicas": 3}
        assert (new["metadata"]["uid"], new["metadata"]["generation"]) == ("u", 5)

    def test_a_write_to_the_status_leaves_the_object(self, deployment: Obj) -> None:
        resource = registry["deployments.apps"]
        old = complete("deployments.apps", deployment)
        old["metadata"]["generation"] = 4
        new: Obj = {"metadata": {"name": "app", "namespace": "default"}, "spec": {}, "status": {"replicas": 9}}
        resource.prepare_status_update(new, old)
        assert new["spec"] == old["spec"]
        assert new["status"] == {"replicas": 9}
        assert new["metadata"]["generation"] == 4


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"setHostnameAsFQDN": True}, "spec.setHostnameAsFQDN"),
        ({"volumes": [{"name": "src", "csi": {"driver": "x"}}]}, "spec.volumes[0].csi"),
        ({"volumes": [{"name": "src", "nfs": {"server": "x"}}]}, "spec.volumes[0].nfs"),
        ({"securityContext": {"sysctls": [{"name": "a", "value": "b"}]}}, "spec.securityContext.sysctls"),
        ({"hostUsers": False}, "spec.hostUsers"),
    ],
)
def test_what_this_cluster_does_not_do_is_refused_by_name(pod: Obj, change: Obj, field: str) -> None:
    pod["spec"] |= change
    with pytest.raises(NotImplementedHere) as refused:
        registry["pods"].check(complete("pods", pod))
    assert refused.value.code == 501
    assert refused.value.message.startswith(f"{field} is not supported by this cluster")


def test_templates_are_refused_like_pods(deployment: Obj) -> None:
    deployment["spec"]["template"]["spec"]["hostUsers"] = False
    with pytest.raises(NotImplementedHere, match=r"^spec\.template\.spec\.hostUsers is not supported"):
        registry["deployments.apps"].check(complete("deployments.apps", deployment))


@pytest.mark.parametrize(
    ("context", "what"),
    [
        ({"privileged": True}, "privileged"),
        ({"capabilities": {"add": ["SYS_PTRACE"]}}, "capabilities.add: SYS_PTRACE"),
        ({"capabilities": {"add": ["all"]}}, "capabilities.add: ALL"),
    ],
)
def test_who_sees_the_node_s_processes_may_not_trace_them(pod: Obj, context: Obj, what: str) -> None:
    pod["spec"]["hostPID"] = True
    registry["pods"].check(complete("pods", pod))
    pod["spec"]["containers"][0]["securityContext"] = context
    with pytest.raises(NotImplementedHere) as refused:
        registry["pods"].check(complete("pods", pod))
    where = f"spec.hostPID with spec.containers[0].securityContext.{what}"
    assert refused.value.message.startswith(f"{where} is not supported by this cluster")


class TestHostNetwork:
    """A container's port is the node's."""

    PORTS: ClassVar[list[Obj]] = [{"containerPort": 80}]

    def test_a_pods_ports_are_the_nodes(self, pod: Obj) -> None:
        pod["spec"] |= {"hostNetwork": True}
        pod["spec"]["containers"][0]["ports"] = copy.deepcopy(self.PORTS)
        assert complete("pods", pod)["spec"]["containers"][0]["ports"][0]["hostPort"] == 80

    def test_a_template_leaves_it_open(self, deployment: Obj) -> None:
        spec = deployment["spec"]["template"]["spec"]
        spec |= {"hostNetwork": True}
        spec["containers"][0]["ports"] = copy.deepcopy(self.PORTS)
        made = complete("deployments.apps", deployment)
        assert "hostPort" not in made["spec"]["template"]["spec"]["containers"][0]["ports"][0]
        registry["deployments.apps"].check(made)

    def test_another_port_of_the_node_is_invalid(self, pod: Obj) -> None:
        pod["spec"] |= {"hostNetwork": True}
        pod["spec"]["containers"][0]["ports"] = [{"containerPort": 80, "hostPort": 81}]
        (cause,) = refusal("pods", pod).causes
        assert cause.field == "spec.containers[0].ports[0].hostPort"
        assert cause.message == "Invalid value: 81: must match `containerPort` when `hostNetwork` is true"


def test_processes_are_the_pods_or_the_nodes(pod: Obj) -> None:
    pod["spec"] |= {"hostPID": True, "shareProcessNamespace": True}
    (cause,) = refusal("pods", pod).causes
    assert cause.field == "spec.securityContext.shareProcessNamespace"
    assert cause.message == "Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled"


def test_unknown_selectable_fields_are_refused() -> None:
    registry["pods"].check_field_selector(parse_fields("spec.nodeName=n,status.phase!=Running,metadata.name=p"))
    with pytest.raises(BadRequest, match=r"field label not supported: spec\.foo"):
        registry["pods"].check_field_selector(parse_fields("spec.foo=1"))
    with pytest.raises(BadRequest, match='is not a known field selector: only "'):
        registry["configmaps"].check_field_selector(parse_fields("spec.foo=1"))
