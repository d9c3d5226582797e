"""What the API takes and warns of, in the words of a real API server: allowed, and hardly ever meant."""

from typing import Any

import pytest

from cluster.api.context import User
from cluster.api.core import Core
from cluster.api.verbs import WriteOptions
from cluster.client import Obj
from tests.api_server.refusals import NAMESPACE, SELECTOR, made, named, template, warned

SURPRISING = "which can result in surprising behavior; a DNS label is recommended: [must not contain dots]"
NAMED = f"metadata.name: this is used in Pod names and hostnames, {SURPRISING}"
ACCOUNT = {"metadata": {"name": "default"}}
PORT_80 = {"containerPort": 80, "hostPort": 8080}
NO_POD = "a null labelSelector results in matching no pod"


@pytest.fixture(autouse=True)
def _account(core: Core) -> None:
    made(core, "serviceaccounts", ACCOUNT)


def pod(**spec: Any) -> Obj:
    return named(spec={"containers": [{"name": "c", "image": "i"}], "automountServiceAccountToken": False, **spec})


def with_ports(*ports: Obj) -> Obj:
    return pod(containers=[{"name": "c", "image": "i", "ports": list(ports)}])


def affinity(kind: str, **terms: Any) -> Obj:
    return pod(affinity={kind: terms})


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (
            with_ports({"containerPort": 80, "name": "a"}, {"containerPort": 80, "name": "b"}),
            ["spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]"],
        ),
        (
            with_ports({"containerPort": 80}, PORT_80),
            ["spec.containers[0].ports[1]: overlapping port definition with spec.containers[0].ports[0]"],
        ),
        (
            with_ports({**PORT_80, "hostIP": "0.0.0.0"}, PORT_80),
            ["spec.containers[0].ports[1]: dangerously ambiguous port definition with spec.containers[0].ports[0]"],
        ),
        (
            with_ports({"containerPort": 80, "hostIP": "10.0.0.1"}),
            [
                "spec.containers[0].ports[0]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:80 "
                "Protocol:TCP HostIP:10.0.0.1}"
            ],
        ),
        (
            pod(
                initContainers=[{"name": "first", "image": "i", "ports": [{"containerPort": 81, "name": "web"}]}],
                containers=[{"name": "c", "image": "i", "ports": [{"containerPort": 80, "name": "web"}]}],
            ),
            [
                'spec.containers[0].ports[0]: duplicate port name "web" with spec.initContainers[0].ports[0], services '
                "and probes that select ports by name will use spec.initContainers[0].ports[0]"
            ],
        ),
        (
            pod(imagePullSecrets=[{"name": "a"}, {"name": "a"}, {}]),
            [
                'spec.imagePullSecrets[1].name: duplicate name "a"',
                'spec.imagePullSecrets[2].name: invalid empty name ""',
            ],
        ),
        (
            pod(hostAliases=[{"ip": "10.0.0.1", "hostnames": ["a"]}, {"ip": "10.0.0.1", "hostnames": ["b"]}]),
            ['spec.hostAliases[1].ip: duplicate ip "10.0.0.1"'],
        ),
        (
            pod(nodeSelector={"beta.kubernetes.io/os": "linux"}),
            ['spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'],
        ),
        (
            affinity("podAntiAffinity", requiredDuringSchedulingIgnoredDuringExecution=[{"topologyKey": "zone"}]),
            [
                "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector: "
                f"{NO_POD}"
            ],
        ),
        (
            pod(
                topologySpreadConstraints=[
                    {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"},
                ]
            ),
            [f"spec.topologySpreadConstraints[0].labelSelector: {NO_POD}"],
        ),
        (
            pod(
                volumes=[
                    {
                        "name": "v",
                        "configMap": {
                            "name": "cm",
                            "items": [{"key": "a", "path": "x"}, {"key": "b", "path": "x/y"}],
                        },
                    }
                ]
            ),
            ['volume "v" (ConfigMap "cm"): overlapping paths: "x/y" with "x"'],
        ),
    ],
)
def test_who_creates_a_pod_is_told_what_is_hardly_meant(core: Core, new: Obj, told: list[str]) -> None:
    assert warned(core, "pods", new) == told


def test_nobody_is_told_again_when_a_pod_is_changed(core: Core) -> None:
    made(core, "pods", pod(nodeSelector={"beta.kubernetes.io/os": "linux"}))
    options = WriteOptions(user=User("system:test", groups=frozenset({"system:masters"})))

    def edit(obj: Obj) -> Obj:
        return {**obj, "metadata": {**obj["metadata"], "labels": {"a": "b"}}}

    core.verbs.edit(core.verbs.resource("pods"), NAMESPACE, "x", edit, options)
    assert options.warnings == []


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("deployments.apps", [NAMED]),
        ("replicasets.apps", [NAMED]),
        ("daemonsets.apps", []),
    ],
)
def test_pods_should_get_names_that_are_labels(core: Core, key: str, told: list[str]) -> None:
    assert warned(core, key, named("a.b", {"selector": SELECTOR, "template": template()})) == told


def test_a_pod_should_have_a_name_that_is_a_label(core: Core) -> None:
    new = {**pod(), "metadata": {"name": "a.b"}}
    assert warned(core, "pods", new) == [f"metadata.name: this is used in the Pod's hostname, {SURPRISING}"]


def test_a_template_is_told_where_it_stands(core: Core) -> None:
    old = {"nodeSelector": {"beta.kubernetes.io/arch": "arm64"}, "restartPolicy": "Never"}
    cron = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template(**old)}}}
    assert warned(core, "cronjobs.batch", named(spec=cron)) == [
        "spec.jobTemplate.spec.template.spec.nodeSelector[beta.kubernetes.io/arch]: deprecated since v1.14; use "
        '"kubernetes.io/arch" instead'
    ]


PORTS = {"ports": [{"port": 80}]}
WEB = {"service": {"name": "web", "port": {"number": 80}}}


def annotated(name: str, value: str, **fields: Any) -> Obj:
    return {"metadata": {"name": "x", "annotations": {name: value}}, **fields}


@pytest.mark.parametrize(
    ("key", "new", "told"),
    [
        (
            "services",
            named(spec={**PORTS, "clusterIP": "None", "sessionAffinity": "ClientIP", "externalName": "a.b"}),
            [
                "spec.SessionAffinity is ignored for headless services",
                'spec.externalName is ignored when spec.type is not "ExternalName"',
            ],
        ),
        (
            "services",
            annotated("service.kubernetes.io/topology-aware-hints", "auto", spec=PORTS),
            [
                "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use "
                "service.kubernetes.io/topology-mode instead"
            ],
        ),
        (
            "ingresses.networking.k8s.io",
            annotated("kubernetes.io/ingress.class", "web", spec={"defaultBackend": WEB}),
            ["annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead"],
        ),
        (
            "networkpolicies.networking.k8s.io",
            named(spec={"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "FD00::/8"}}]}]}),
            [
                'spec.ingress[0].from[0].ipBlock.cidr: IPv6 CIDR value "FD00::/8" should be in RFC 5952 canonical '
                'format ("fd00::/8")'
            ],
        ),
        (
            "persistentvolumeclaims",
            named(spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1500m"}}}),
            ['spec.resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer'],
        ),
        (
            "resourcequotas",
            named(spec={"hard": {"requests.cpu": "2", "limits.cpu": "1"}}),
            ["ResourceQuota requests.cpu (2) should be less than limits.cpu (1)"],
        ),
        (
            "serviceaccounts",
            annotated("kubernetes.io/enforce-mountable-secrets", "true"),
            [
                "metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; prefer separate "
                "namespaces to isolate access to mounted secrets"
            ],
        ),
        (
            "secrets",
            named(type="kubernetes.io/tls", data={"tls.crt": "YQ==", "tls.key": "YQ=="}),
            ["tls: failed to find any PEM data in certificate input"],
        ),
    ],
)
def test_what_is_of_no_use_is_taken_and_told(core: Core, key: str, new: Obj, told: list[str]) -> None:
    assert warned(core, key, new) == told
