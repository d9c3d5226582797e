"""Defaults are what a real cluster was recorded to write."""

import copy
from typing import Any

import pytest

from cluster.api.decode import decode
from cluster.api.resources import registry
from cluster.api.resources.podspec import pull_policy

Obj = dict[str, Any]


def created(key: str, obj: Obj) -> Obj:
    resource = registry[key]
    clean, unknown = decode(resource, obj)
    assert unknown == []
    clean["metadata"]["uid"] = "u"
    resource.defaults(clean)
    resource.prepare_create(clean)
    resource.check(clean)
    return clean


def test_a_deployment_is_completed_as_recorded(deployment: Obj) -> None:
    """Field for field the stored object of the recording, quantities in canonical form."""
    stored = created("deployments.apps", deployment)
    assert stored["metadata"]["generation"] == 1
    assert "annotations" not in stored["metadata"]
    assert stored["status"] == {}
    assert stored["spec"] == {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "app"}},
        "template": {
            "metadata": {"labels": {"app": "app"}},
            "spec": {
                "volumes": [{"name": "src", "configMap": {"name": "src", "defaultMode": 420}}],
                "containers": [
                    {
                        "name": "app",
                        "image": "demo/app:1",
                        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
                        "resources": {"limits": {"memory": "64Mi"}, "requests": {"cpu": "50m", "memory": "48Mi"}},
                        "volumeMounts": [{"name": "src", "mountPath": "/app"}],
                        "readinessProbe": {
                            "httpGet": {"path": "/readyz", "port": "http", "scheme": "HTTP"},
                            "timeoutSeconds": 1,
                            "periodSeconds": 1,
                            "successThreshold": 1,
                            "failureThreshold": 3,
                        },
                        "terminationMessagePath": "/dev/termination-log",
                        "terminationMessagePolicy": "File",
                        "imagePullPolicy": "IfNotPresent",
                    }
                ],
                "restartPolicy": "Always",
                "terminationGracePeriodSeconds": 30,
                "dnsPolicy": "ClusterFirst",
                "securityContext": {},
                "schedulerName": "default-scheduler",
            },
        },
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    }


@pytest.mark.parametrize(
    ("resources", "requests", "qos"),
    [
        ({}, None, "BestEffort"),
        ({"limits": {"memory": "64Mi"}}, {"memory": "64Mi"}, "Burstable"),
        ({"limits": {"memory": "64Mi", "cpu": "1"}}, {"memory": "64Mi", "cpu": "1"}, "Guaranteed"),
        ({"requests": {"cpu": "0"}}, {"cpu": "0"}, "BestEffort"),
        (
            {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}},
            {"cpu": "500m", "memory": "1Gi"},
            "Burstable",
        ),
    ],
)
def test_a_pods_limits_become_requests_and_its_class_follows(
    pod: Obj, resources: Obj, requests: Obj | None, qos: str
) -> None:
    pod["spec"]["containers"][0]["resources"] = resources
    stored = created("pods", pod)
    assert stored["spec"]["containers"][0]["resources"].get("requests") == requests
    assert stored["status"] == {"phase": "Pending", "qosClass": qos}
    assert stored["spec"]["enableServiceLinks"] is True


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("registry:5000/nginx", "Always"),
        ("registry:5000/nginx:1", "IfNotPresent"),
        ("nginx@sha256:0123", "IfNotPresent"),
    ],
)
def test_only_what_may_change_under_its_name_is_always_pulled(image: str, policy: str) -> None:
    assert pull_policy(image) == policy


def test_a_service_points_at_the_port_it_shows() -> None:
    service = {"metadata": {"name": "s", "namespace": "d"}, "spec": {"ports": [{"port": 80}], "selector": {"a": "b"}}}
    spec = created("services", service)["spec"]
    assert spec["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert spec["type"] == "ClusterIP"
    assert spec["sessionAffinity"] == "None"
    assert spec["internalTrafficPolicy"] == "Cluster"
    assert spec["ipFamilies"] == ["IPv4"]


def test_a_network_policy_isolates_for_egress_only_when_it_has_egress_rules() -> None:
    def types(spec: Obj) -> list[str]:
        policy = {"metadata": {"name": "n", "namespace": "d"}, "spec": {"podSelector": {}, **spec}}
        made: list[str] = created("networkpolicies.networking.k8s.io", policy)["spec"]["policyTypes"]
        return made

    assert types({}) == ["Ingress"]
    assert types({"egress": [{"to": [{"podSelector": {}}]}]}) == ["Ingress", "Egress"]


def test_a_job_selects_its_own_pods_by_uid() -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i:1"}]}}
    job = created("jobs.batch", {"metadata": {"name": "j", "namespace": "d"}, "spec": {"template": template}})
    labels = job["spec"]["template"]["metadata"]["labels"]
    assert job["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}}
    assert labels["batch.kubernetes.io/controller-uid"] == "u"
    assert labels["job-name"] == "j"
    assert job["spec"]["completions"] == job["spec"]["parallelism"] == 1
    assert job["spec"]["backoffLimit"] == 6


def test_plain_text_of_a_secret_is_stored_encoded() -> None:
    secret = {"metadata": {"name": "s", "namespace": "d"}, "data": {"a": "eA=="}, "stringData": {"b": "y"}}
    stored = created("secrets", secret)
    assert stored["data"] == {"a": "eA==", "b": "eQ=="}
    assert "stringData" not in stored
    assert stored["type"] == "Opaque"


def test_defaults_are_written_once(deployment: Obj) -> None:
    """Defaulting what is already complete changes nothing."""
    stored = created("deployments.apps", deployment)
    again = copy.deepcopy(stored)
    registry["deployments.apps"].defaults(again)
    assert again == stored
