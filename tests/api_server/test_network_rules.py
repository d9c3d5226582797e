"""What the API refuses of Services, their endpoints, Ingresses and NetworkPolicies."""

from typing import Any

import pytest

from cluster.api.core import Core
from cluster.client import Obj
from tests.api_server.refusals import NO_CIDR, NO_IP, NO_LABEL, NO_SUBDOMAIN, changed, made, named, wrong

ONLY_BALANCED = "Forbidden: may only be used when `type` is 'LoadBalancer'"


def service(**spec: Any) -> Obj:
    return named(spec={"ports": [{"port": 80}], **spec})


@pytest.mark.parametrize(
    ("spec", "errors"),
    [
        (
            {"type": "Odd", "sessionAffinity": "Always", "ports": [{"port": 0, "targetPort": "a--b", "name": "A"}]},
            [
                f'spec.ports[0].name: Invalid value: "A": {NO_LABEL}',
                "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
                'spec.ports[0].targetPort: Invalid value: "a--b": must not contain consecutive hyphens',
                'spec.sessionAffinity: Unsupported value: "Always": supported values: "ClientIP", "None"',
                'spec.type: Unsupported value: "Odd": supported values: "ClusterIP", "ExternalName", "LoadBalancer", '
                '"NodePort"',
            ],
        ),
        (
            {"type": "ExternalName", "externalName": "."},
            ["spec.externalName: Required value"],
        ),
        (
            {"type": "NodePort", "ports": [{"name": "a", "port": 1, "nodePort": 30001}, {"name": "b", "port": 1}]},
            [
                'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":1,'
                '"TargetPort":0,"NodePort":0}'
            ],
        ),
        (
            {"loadBalancerSourceRanges": ["10.0.0.1/8", "x"], "loadBalancerClass": "a/b"},
            [
                f"spec.LoadBalancerSourceRanges: {ONLY_BALANCED}",
                'spec.LoadBalancerSourceRanges[0]: Invalid value: "10.0.0.1/8": must not have bits set beyond the '
                "prefix length",
                f'spec.LoadBalancerSourceRanges[1]: Invalid value: "x": {NO_CIDR}',
                f"spec.loadBalancerClass: {ONLY_BALANCED}",
            ],
        ),
        (
            {"externalTrafficPolicy": "Local", "trafficDistribution": "Near", "healthCheckNodePort": 30000},
            [
                'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible '
                "services",
                "spec.healthCheckNodePort: Invalid value: 30000: may only be set when `type` is 'LoadBalancer' and "
                "`externalTrafficPolicy` is 'Local'",
                'spec.trafficDistribution: Unsupported value: "Near": supported values: "PreferClose", '
                '"PreferSameZone", "PreferSameNode"',
            ],
        ),
    ],
)
def test_each_mistake_of_a_service_is_told(core: Core, spec: Obj, errors: list[str]) -> None:
    assert wrong(core, "services", service(**spec)) == errors


@pytest.mark.parametrize(
    ("spec", "errors"),
    [
        (
            {"clusterIP": "10.0.0.256"},
            [f'spec.clusterIPs[0]: Invalid value: "10.0.0.256": {NO_IP}'],
        ),
        (
            {"type": "NodePort", "ports": [{"name": "", "port": 1, "nodePort": 80}, {"port": 2, "nodePort": 81}]},
            [
                "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of "
                "valid ports is 30000-32767"
            ],
        ),
        (
            {"ipFamilies": ["IPv4", "IPv4"]},
            ['spec.ipFamilies[1]: Duplicate value: "IPv4"'],
        ),
    ],
)
def test_what_cannot_be_given_out_is_all_that_is_told(core: Core, spec: Obj, errors: list[str]) -> None:
    assert wrong(core, "services", service(**spec, sessionAffinity="Odd")) == errors


def test_a_node_port_stays_with_its_name(core: Core) -> None:
    given, _ = made(core, "services", service(type="NodePort", ports=[{"name": "a", "port": 80}]))
    kept = given["spec"]["ports"][0]["nodePort"]
    assert changed(core, "services", "x", ports=[{"name": "a", "port": 81}]) == []
    assert core.client("system:test").get("services", "x", "default")["spec"]["ports"][0]["nodePort"] == kept


def test_an_address_stays(core: Core) -> None:
    made(core, "services", service())
    other = {"clusterIP": "10.96.77.1", "clusterIPs": ["10.96.77.1"]}
    errors = changed(core, "services", "x", **other)
    assert errors == ['spec.clusterIPs[0]: Invalid value: ["10.96.77.1"]: may not change once set']


@pytest.mark.parametrize(
    ("subset", "errors"),
    [
        ({}, ["subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"]),
        (
            {
                "addresses": [{"ip": "0.0.0.0", "nodeName": "A_"}, {"ip": "127.0.0.01"}],
                "ports": [{"port": 1}, {"port": 2}],
            },
            [
                f'subsets[0].addresses[0].nodeName: Invalid value: "A_": {NO_SUBDOMAIN}',
                'subsets[0].addresses[0].ip: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)',
                'subsets[0].addresses[1].ip: Invalid value: "127.0.0.01": must not have leading 0s',
                'subsets[0].addresses[1].ip: Invalid value: "127.0.0.01": may not be in the loopback range '
                "(127.0.0.0/8, ::1/128)",
                "subsets[0].ports[0].name: Required value",
                "subsets[0].ports[1].name: Required value",
            ],
        ),
    ],
)
def test_each_mistake_of_endpoints_is_told(core: Core, subset: Obj, errors: list[str]) -> None:
    assert wrong(core, "endpoints", named(subsets=[subset])) == errors


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"endpoints": []}, ["addressType: Required value"]),
        (
            {"addressType": "IPv6", "endpoints": [{"addresses": ["2001:DB8::1", "10.0.0.1"]}, {"addresses": []}]},
            [
                'endpoints[0].addresses[0]: Invalid value: "2001:DB8::1": must be in canonical form ("2001:db8::1")',
                'endpoints[0].addresses: Invalid value: "10.0.0.1": must be an IPv6 address',
                "endpoints[1].addresses: Required value: must contain at least 1 address",
            ],
        ),
        (
            {"addressType": "FQDN", "endpoints": [{"addresses": ["host", "a.B"], "nodeName": "A"}]},
            [
                'endpoints[0].addresses[0]: Invalid value: "host": should be a domain with at least two segments '
                "separated by dots",
                f'endpoints[0].addresses[1]: Invalid value: "a.B": {NO_SUBDOMAIN}',
                f'endpoints[0].nodeName: Invalid value: "A": {NO_SUBDOMAIN}',
            ],
        ),
    ],
)
def test_each_mistake_of_a_slice_is_told(core: Core, fields: Obj, errors: list[str]) -> None:
    assert wrong(core, "endpointslices.discovery.k8s.io", named(**fields)) == errors


def test_each_mistake_of_an_ingress_is_told(core: Core) -> None:
    backend = {"service": {"name": "A", "port": {"name": "web", "number": 80}}}
    paths = [
        {"path": "a//b", "pathType": "Exact", "backend": backend},
        {"path": "/", "pathType": "Regex", "backend": {"resource": {"kind": "", "name": "a/b"}}},
        {"path": "/", "backend": {}},
        {"path": "/", "pathType": "Prefix", "backend": {}},
    ]
    rules = [{"host": "10.1.1.1", "http": {"paths": paths}}]
    tls = [{"hosts": [""], "secretName": "A"}]
    at = "spec.rules[0].http.paths"
    spec = {"rules": rules, "tls": tls, "ingressClassName": "A"}
    assert wrong(core, "ingresses.networking.k8s.io", named(spec=spec)) == [
        'spec.rules[0].host: Invalid value: "10.1.1.1": must be a DNS name, not an IP address',
        f'{at}[0].path: Invalid value: "a//b": must be an absolute path',
        f"{at}[0].path: Invalid value: \"a//b\": must not contain '//'",
        f'{at}[0].backend.service.name: Invalid value: "A": {NO_LABEL}',
        f'{at}[0].backend: Invalid value: "": cannot set both port name & port number',
        f'{at}[1].pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"',
        f"{at}[1].backend.resource.kind: Required value",
        f"{at}[1].backend.resource.name: Invalid value: \"a/b\": may not contain '/'",
        f"{at}[2].pathType: Required value: pathType must be specified",
        f'{at}[3].backend: Invalid value: "": resource or service backend is required',
        f'spec.tls[0].hosts[0]: Invalid value: "": {NO_SUBDOMAIN}',
        f'spec.tls[0].secretName: Invalid value: "A": {NO_SUBDOMAIN}',
        f'spec.ingressClassName: Invalid value: "A": {NO_SUBDOMAIN}',
    ]


@pytest.mark.parametrize(
    ("spec", "errors"),
    [
        ({}, ["spec.controller: Required value"]),
        (
            {"controller": "x", "parameters": {"scope": "Namespace", "namespace": "A", "kind": "K"}},
            [
                'spec.controller: Invalid value: "x": must be a domain-prefixed path (such as "acme.io/foo")',
                "spec.parameters.name: Required value",
                f'spec.parameters.namespace: Invalid value: "A": {NO_LABEL}',
            ],
        ),
    ],
)
def test_each_mistake_of_an_ingress_class_is_told(core: Core, spec: Obj, errors: list[str]) -> None:
    assert wrong(core, "ingressclasses.networking.k8s.io", named(spec=spec)) == errors


def test_the_parameters_of_an_ingress_class_are_clusterwide_unless_said(core: Core) -> None:
    spec = {"controller": "a.io/b", "parameters": {"kind": "K", "name": "n"}}
    kept, _ = made(core, "ingressclasses.networking.k8s.io", named(spec=spec))
    assert kept["spec"]["parameters"]["scope"] == "Cluster"


def test_each_mistake_of_a_network_policy_is_told(core: Core) -> None:
    block = {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8", "11.0.0.0/9", "010.0.0.0/16", "x"]}
    peers = [{}, {"ipBlock": {"cidr": ""}}, {"ipBlock": block, "podSelector": {}}]
    ports = [{"port": "http", "endPort": 9}, {"port": 10, "endPort": 9}, {"port": 0, "protocol": "ICMP"}]
    spec = {"ingress": [{"from": peers, "ports": ports}], "policyTypes": ["Ingress", "Both"]}
    at = "spec.ingress[0]"
    subset = "must be a strict subset of `cidr`"
    assert wrong(core, "networkpolicies.networking.k8s.io", named(spec=spec)) == [
        f"{at}.ports[0].endPort: Invalid value: 9: may not be specified when `port` is non-numeric",
        f"{at}.ports[1].endPort: Invalid value: 10: must be greater than or equal to `port`",
        f'{at}.ports[2].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"',
        f"{at}.ports[2].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        f"{at}.from[0]: Required value: must specify a peer",
        f"{at}.from[1].ipBlock.cidr: Required value",
        f'{at}.from[2].ipBlock.except[0]: Invalid value: "10.0.0.0/8": {subset}',
        f'{at}.from[2].ipBlock.except[1]: Invalid value: "11.0.0.0/9": {subset}',
        f'{at}.from[2].ipBlock.except[2]: Invalid value: "010.0.0.0/16": must not have leading 0s in IP or prefix '
        "length",
        f'{at}.from[2].ipBlock.except[3]: Invalid value: "x": {NO_CIDR}',
        f"{at}.from[2]: Forbidden: may not specify both ipBlock and another peer",
        'spec.policyTypes[1]: Unsupported value: "Both": supported values: "Ingress", "Egress"',
    ]
