"""What the API refuses of pods: every mistake, in the words, the order and the places of a real one."""

from typing import Any

import pytest

from cluster.api.core import Core
from cluster.client import NotImplementedHere, Obj
from tests.api_server.objects import pod, with_default_account
from tests.api_server.refusals import EMPTY_LABEL, NO_IP, NO_LABEL, NO_SUBDOMAIN, changed, made, wrong

_C = "spec.containers[0]"


@pytest.fixture(autouse=True)
def _account(core: Core) -> None:
    with_default_account(core.client("system:test"))


def of_container(core: Core, **fields: Any) -> list[str]:
    return wrong(core, "pods", pod(containers=[{"name": "c", "image": "i", **fields}]))


def of_pod(core: Core, **spec: Any) -> list[str]:
    return wrong(core, "pods", pod(**spec))


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        (
            {"ports": [{"containerPort": 80, "name": "-Bad--"}]},
            [
                'ports[0].name: Invalid value: "-Bad--": must contain only alpha-numeric characters (a-z, 0-9), and '
                "hyphens (-)",
                'ports[0].name: Invalid value: "-Bad--": must not contain consecutive hyphens',
                'ports[0].name: Invalid value: "-Bad--": must not begin or end with a hyphen',
            ],
        ),
        (
            {"ports": [{"containerPort": 1, "hostPort": 9}, {"containerPort": 2, "hostPort": 9}]},
            ['ports[1].hostPort: Duplicate value: "TCP//9"'],
        ),
        (
            {"terminationMessagePolicy": "Log", "imagePullPolicy": "Often", "image": ""},
            [
                "image: Required value",
                'terminationMessagePolicy: Unsupported value: "Log": supported values: "File", "FallbackToLogsOnError"',
                'imagePullPolicy: Unsupported value: "Often": supported values: "Always", "IfNotPresent", "Never"',
            ],
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels"}}}]},
            [
                'env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: '
                '"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", '
                '"status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"'
            ],
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name['x']"}}}]},
            [
                "env[0].valueFrom.fieldRef.fieldPath: Invalid value: \"metadata.name['x']\": error converting "
                "fieldPath: field label does not support subscript: metadata.name['x']"
            ],
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name", "apiVersion": "v2"}}}]},
            [
                'env[0].valueFrom.fieldRef.fieldPath: Invalid value: "metadata.name": error converting fieldPath: '
                "unsupported pod version: v2"
            ],
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "A_", "key": "a b"}}}]},
            [
                f'env[0].valueFrom.configMapKeyRef.name: Invalid value: "A_": {NO_SUBDOMAIN}',
                'env[0].valueFrom.configMapKeyRef.key: Invalid value: "a b": a valid config key must consist of '
                "alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex "
                "used for validation is '[-._a-zA-Z0-9]+')",
            ],
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "2"}}}]},
            [
                'env[0].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor\'s values 1m '
                "and 1 are supported with the cpu resource"
            ],
        ),
        (
            {
                "envFrom": [
                    {},
                    {"configMapRef": {"name": ""}},
                    {"configMapRef": {"name": "a"}, "secretRef": {"name": "b"}},
                ]
            },
            [
                'envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`',
                "envFrom[1].configMapRef.name: Required value",
                'envFrom: Invalid value: "": may not have more than one field specified at a time',
            ],
        ),
        (
            {"livenessProbe": {"httpGet": {"port": 80, "httpHeaders": [{"name": "a b", "value": "c"}]}}},
            [
                'livenessProbe.httpGet.httpHeaders: Invalid value: "a b": a valid HTTP header must consist of '
                "alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is "
                "'[-A-Za-z0-9]+')"
            ],
        ),
        (
            {"livenessProbe": {"tcpSocket": {"port": "80"}}},
            ['livenessProbe.tcpSocket.port: Invalid value: "80": must contain at least one letter (a-z)'],
        ),
        (
            {"lifecycle": {"preStop": {"sleep": {"seconds": 31}}}},
            [
                "lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than "
                "terminationGracePeriodSeconds (30)",
            ],
        ),
        (
            {"securityContext": {"seccompProfile": {"type": "RuntimeDefault", "localhostProfile": "x"}}},
            [
                'securityContext.seccompProfile.localhostProfile: Invalid value: {"Type":"RuntimeDefault",'
                '"LocalhostProfile":"x"}: can only be set when seccomp type is Localhost'
            ],
        ),
        (
            {"securityContext": {"procMount": "Unmasked", "runAsGroup": -1}},
            [
                "securityContext.runAsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive",
                'securityContext.procMount: Invalid value: "Unmasked": `hostUsers` must be false to use `Unmasked`',
            ],
        ),
        (
            {"restartPolicy": "Sometimes"},
            [
                'restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"',
            ],
        ),
    ],
)
def test_each_mistake_of_a_container_is_told(core: Core, fields: Obj, errors: list[str]) -> None:
    assert of_container(core, **fields) == [f"{_C}.{error}" for error in errors]


def test_resources_have_names_of_their_own(core: Core) -> None:
    at = f"{_C}.resources.requests"
    requests = {"pods": "500m", "a b": "1", "requests.x/y": "1", "example.com/gpu": "1"}
    assert of_container(core, resources={"requests": requests}) == [
        f'{at}[pods]: Invalid value: "pods": must be a standard resource for containers',
        f'{at}[pods]: Invalid value: "500m": must be an integer',
        f'{at}[a b]: Invalid value: "a b": {EMPTY_LABEL[1]}',
        f'{at}[a b]: Invalid value: "a b": must be a standard resource for containers',
        f'{at}[requests.x/y]: Invalid value: "requests.x/y": doesn\'t follow extended resource name standard',
        f"{_C}.resources.limits: Required value: Limit must be set for non overcommitable resources",
        f"{_C}.resources.limits: Required value: Limit must be set for non overcommitable resources",
    ]


def test_an_extended_resource_is_requested_as_it_is_limited(core: Core) -> None:
    resources = {"limits": {"example.com/gpu": "2"}, "requests": {"example.com/gpu": "1"}}
    assert of_container(core, resources=resources) == [
        f'{_C}.resources.requests: Invalid value: "1": must be equal to example.com/gpu limit of 2'
    ]


def test_only_sound_volumes_can_be_mounted(core: Core) -> None:
    mounts = [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/a", "subPath": "/b", "subPathExpr": "c"}]
    containers = [{"name": "c", "image": "i", "volumeMounts": mounts}]
    volumes = [{"name": "v", "configMap": {"name": "", "defaultMode": 4096}}]
    assert of_pod(core, containers=containers, volumes=volumes) == [
        "spec.volumes[0].configMap.name: Required value",
        "spec.volumes[0].configMap.defaultMode: Invalid value: 4096: must be a number between 0 and 0777 (octal), "
        "both inclusive",
        f'{_C}.volumeMounts[0].name: Not found: "v"',
        f'{_C}.volumeMounts[1].name: Not found: "v"',
        f'{_C}.volumeMounts[1].mountPath: Invalid value: "/a": must be unique',
        f'{_C}.volumeMounts.subPath: Invalid value: "/b": must be a relative path',
        f'{_C}.volumeMounts[1].subPathExpr: Invalid value: "c": subPathExpr and subPath are mutually exclusive',
    ]


@pytest.mark.parametrize(
    ("volume", "errors"),
    [
        (
            {"emptyDir": {"sizeLimit": "-1"}},
            ["emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity"],
        ),
        (
            {"hostPath": {"path": "/a/../b", "type": "Folder"}},
            [
                "hostPath.path: Invalid value: \"/a/../b\": must not contain '..'",
                'hostPath.type: Unsupported value: "Folder": supported values: "", "BlockDevice", "CharDevice", '
                '"Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
            ],
        ),
        (
            {"secret": {"secretName": "s", "items": [{"key": "k", "path": "..a", "mode": -1}]}},
            [
                "secret.items[0].path: Invalid value: \"..a\": must not start with '..'",
                "secret.items[0].mode: Invalid value: -1: must be a number between 0 and 0777 (octal), both inclusive",
            ],
        ),
        (
            {"downwardAPI": {"items": [{"path": "p"}, {"path": "q", "resourceFieldRef": {"resource": "limits.cpu"}}]}},
            [
                "downwardAPI: Required value: one of fieldRef and resourceFieldRef is required",
                "downwardAPI.resourceFieldRef.containerName: Required value",
            ],
        ),
        (
            {
                "projected": {
                    "sources": [
                        {"serviceAccountToken": {"path": "", "expirationSeconds": 60}},
                        {"secret": {"name": "s", "items": [{"key": "k", "path": "a"}]}, "configMap": {"name": "m"}},
                        {"configMap": {"name": "m", "items": [{"key": "k", "path": "a"}]}},
                    ]
                }
            },
            [
                "projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 60: may not specify a "
                "duration less than 10 minutes",
                "projected.path: Required value",
                "projected.sources[1]: Forbidden: may not specify more than 1 volume type per source",
                'projected: Invalid value: "m": conflicting duplicate paths',
            ],
        ),
    ],
)
def test_each_mistake_of_a_volume_is_told(core: Core, volume: Obj, errors: list[str]) -> None:
    assert of_pod(core, volumes=[{"name": "v", **volume}]) == [f"spec.volumes[0].{error}" for error in errors]


@pytest.mark.parametrize(
    ("spec", "errors"),
    [
        (
            {"dnsConfig": {"nameservers": ["1.2.3.4.5", "010.1.1.1"], "searches": ["a_b.", "C"], "options": [{}]}},
            [
                f'dnsConfig.nameservers[0]: Invalid value: "1.2.3.4.5": {NO_IP}',
                'dnsConfig.nameservers[1]: Invalid value: "010.1.1.1": must not have leading 0s',
                'dnsConfig.searches[1]: Invalid value: "C": a lowercase RFC 1123 subdomain must consist of lower case '
                "alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character "
                "(e.g. 'example.com', regex used for validation is "
                r"'_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')",
                "dnsConfig.options[0]: Required value: must not be empty",
            ],
        ),
        (
            {"hostUsers": False, "hostNetwork": True, "hostPID": True, "hostnameOverride": "A"},
            [
                "hostNetwork: Forbidden: when `hostUsers` is false",
                "HostPID: Forbidden: when `hostUsers` is false",
                "hostnameOverride: Forbidden: may not be specified when hostNetwork is true",
                f'hostnameOverride: Invalid value: "A": {NO_SUBDOMAIN}',
            ],
        ),
        (
            {"tolerations": [{"key": "a", "operator": "Lt", "value": "1"}, {"operator": "Equal", "effect": "Never"}]},
            [
                'tolerations[0].operator: Unsupported value: "Lt": supported values: "Equal", "Exists", "Lt", "Gt"',
                'tolerations[1].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which '
                'means "match all values and all keys"',
                'tolerations[1].effect: Unsupported value: "Never": supported values: "NoSchedule", '
                '"PreferNoSchedule", "NoExecute"',
            ],
        ),
        (
            {
                "topologySpreadConstraints": [
                    {"maxSkew": 1, "topologyKey": "z", "whenUnsatisfiable": "ScheduleAnyway", "minDomains": 0},
                    {"maxSkew": 1, "topologyKey": "z", "whenUnsatisfiable": "ScheduleAnyway", "matchLabelKeys": ["a"]},
                ]
            },
            [
                'topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: Duplicate value: "{z, ScheduleAnyway}"',
                "topologySpreadConstraints[0].minDomains: Invalid value: 0: must be greater than zero",
                "topologySpreadConstraints[0].minDomains: Invalid value: 0: can only use minDomains if "
                "whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway",
                "topologySpreadConstraints[1].matchLabelKeys: Forbidden: must not be specified when labelSelector is "
                "not set",
            ],
        ),
        (
            {"securityContext": {"fsGroupChangePolicy": "Never", "supplementalGroups": [-1], "fsGroup": -1}},
            [
                "securityContext.fsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive",
                "securityContext.supplementalGroups[0]: Invalid value: -1: must be between 0 and 2147483647, inclusive",
                'securityContext.fsGroupChangePolicy: Unsupported value: "Never": supported values: "Always", '
                '"OnRootMismatch"',
            ],
        ),
        (
            {"os": {"name": "plan9"}, "preemptionPolicy": "Maybe", "hostname": "a.b"},
            [
                'hostname: Invalid value: "a.b": must not contain dots',
                'preemptionPolicy: Unsupported value: "Maybe": supported values: "PreemptLowerPriority", "Never"',
                'os: Unsupported value: "plan9": supported values: "linux", "windows"',
            ],
        ),
        (
            {"hostAliases": [{"ip": "::ffff:1.2.3.4", "hostnames": ["A"]}]},
            [
                'hostAliases[0].ip: Invalid value: "::ffff:1.2.3.4": must not be an IPv4-mapped IPv6 address',
                f'hostAliases[0].hostnames[0]: Invalid value: "A": {NO_SUBDOMAIN}',
            ],
        ),
    ],
)
def test_each_mistake_of_a_spec_is_told(core: Core, spec: Obj, errors: list[str]) -> None:
    assert of_pod(core, **spec) == [f"spec.{error}" for error in errors]


def test_each_mistake_of_an_affinity_is_told(core: Core) -> None:
    terms = [{"matchExpressions": [{"key": "", "operator": "Gt", "values": []}], "matchFields": [{"key": "spec"}]}]
    node = {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms},
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 0, "preference": {}}],
    }
    pods = {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "", "namespaces": ["A"]}]}
    at, required = "spec.affinity", "requiredDuringSchedulingIgnoredDuringExecution"
    term = f"{at}.nodeAffinity.{required}.nodeSelectorTerms[0]"
    assert of_pod(core, affinity={"nodeAffinity": node, "podAntiAffinity": pods}) == [
        f"{term}.matchExpressions[0].values: Required value: must be specified single value when `operator` is 'Lt' "
        "or 'Gt'",
        *(f'{term}.matchExpressions[0].key: Invalid value: "": {why}' for why in EMPTY_LABEL),
        f'{term}.matchFields[0].operator: Invalid value: "": not a valid selector operator',
        f'{term}.matchFields[0].key: Invalid value: "spec": not a valid field selector key',
        f"{at}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in "
        "the range 1-100",
        f'{at}.podAntiAffinity.{required}[0].namespace: Invalid value: "A": {NO_LABEL}',
        f"{at}.podAntiAffinity.{required}[0].topologyKey: Required value: can not be empty",
        *(f'{at}.podAntiAffinity.{required}[0].topologyKey: Invalid value: "": {why}' for why in EMPTY_LABEL),
    ]


def test_init_containers_have_probes_only_as_sidecars(core: Core) -> None:
    probe = {"tcpSocket": {"port": 1}}
    init = {"name": "c", "image": "i", "livenessProbe": probe, "resizePolicy": []}
    policy = [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]
    containers = [{"name": "c", "image": "i"}]
    assert of_pod(core, containers=containers, initContainers=[{**init, "resizePolicy": policy}]) == [
        'spec.initContainers[0].name: Duplicate value: "c"',
        "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without "
        "restartPolicy=Always",
        'spec.initContainers[0].resizePolicy[0].restartPolicy: Invalid value: "RestartContainer": must not be set to '
        "'RestartContainer' for non-sidecar initContainers",
    ]


@pytest.mark.parametrize("policy", ["Never", "OnFailure"])
def test_restarts_of_init_containers_by_rules_of_their_own_are_refused_by_name(core: Core, policy: str) -> None:
    init = [{"name": "a", "image": "i", "restartPolicy": policy}]
    with pytest.raises(NotImplementedHere, match=r"spec.initContainers\[0\].restartPolicy is not supported"):
        made(core, "pods", pod(initContainers=init))


def test_names_are_told_everything_that_is_wrong_with_them(core: Core) -> None:
    long = "a." * 40 + "B"
    labels = {"/": "x" * 64, "a/b/c": ""}
    assert wrong(core, "pods", pod(labels=labels, containers=[{"name": long, "image": "i"}])) == [
        'metadata.labels: Invalid value: "/": prefix part must be non-empty',
        *(f'metadata.labels: Invalid value: "/": {why}' for why in EMPTY_LABEL),
        f'metadata.labels: Invalid value: "{"x" * 64}": must be no more than 63 bytes',
        "metadata.labels: Invalid value: \"a/b/c\": a valid label key must consist of alphanumeric characters, '-', "
        "'_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or "
        "'123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS "
        "subdomain prefix and '/' (e.g. 'example.com/MyName')",
        f'{_C}.name: Invalid value: "{long}": must be no more than 63 characters',
        f'{_C}.name: Invalid value: "{long}": {NO_LABEL}',
    ]


def test_owners_and_finalizers_are_checked(core: Core) -> None:
    owner = {"apiVersion": "v1", "kind": "Event", "name": "e", "uid": "u", "controller": True}
    other = {"apiVersion": "", "kind": "K", "name": "n", "uid": "", "controller": True}
    metadata = {"name": "p", "ownerReferences": [owner, other], "finalizers": ["orphan", "foregroundDeletion"]}
    errors = wrong(core, "configmaps", {"metadata": metadata})
    assert [error.partition(": Invalid value")[0] for error in errors] == [
        "metadata.ownerReferences",
        "metadata.ownerReferences.apiVersion",
        "metadata.ownerReferences.uid",
        "metadata.ownerReferences",
        "metadata.finalizers",
    ]
    assert errors[0].endswith(": /v1, Kind=Event is disallowed from being an owner")
    assert errors[1] == 'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty'
    assert errors[4].endswith("finalizer orphan and foregroundDeletion cannot be both set")


def test_the_cost_of_a_deletion_is_a_number(core: Core) -> None:
    costly = pod()
    costly["metadata"]["annotations"] = {"controller.kubernetes.io/pod-deletion-cost": "+1"}
    assert wrong(core, "pods", costly) == [
        'metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "+1": must be a 32bit integer'
    ]


class TestUpdates:
    @pytest.fixture(autouse=True)
    def _pod(self, core: Core) -> None:
        toleration = {"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}
        made(core, "pods", pod("web", tolerations=[toleration], activeDeadlineSeconds=50))

    def test_containers_are_neither_added_nor_removed(self, core: Core) -> None:
        containers = [{"name": "main", "image": "busybox"}, {"name": "b", "image": "i"}]
        assert changed(core, "pods", "web", containers=containers) == [
            "spec.containers: Forbidden: pod updates may not add or remove containers"
        ]

    def test_how_long_something_is_tolerated_may_change(self, core: Core) -> None:
        tolerations = core.client("system:test").get("pods", "web", "default")["spec"]["tolerations"]
        longer = [{**tolerations[0], "tolerationSeconds": 9}, *tolerations[1:]]
        assert changed(core, "pods", "web", tolerations=longer) == []
        assert changed(core, "pods", "web", tolerations=[])[0] == (
            "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"
        )

    @pytest.mark.parametrize(
        ("deadline", "why"),
        [
            (60, "Invalid value: 60: must be less than or equal to previous value"),
            (None, "Invalid value: null: must not update from a positive integer to nil value"),
        ],
    )
    def test_a_deadline_only_comes_nearer(self, core: Core, deadline: int | None, why: str) -> None:
        assert changed(core, "pods", "web", activeDeadlineSeconds=deadline)[0] == f"spec.activeDeadlineSeconds: {why}"


def test_a_pods_own_label_values_become_part_of_its_selectors(core: Core) -> None:
    term = {"topologyKey": "z", "labelSelector": {}, "matchLabelKeys": ["app"], "mismatchLabelKeys": ["tier", "no"]}
    affinity = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    kept, _ = made(core, "pods", pod(labels={"app": "a", "tier": "b"}, affinity=affinity))
    selector = kept["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]
    assert selector["labelSelector"]["matchExpressions"] == [
        {"key": "app", "operator": "In", "values": ["a"]},
        {"key": "tier", "operator": "NotIn", "values": ["b"]},
    ]


def test_amounts_are_kept_in_thousandths(core: Core) -> None:
    resources = {"requests": {"cpu": "0.0001", "memory": "1.0001"}}
    kept, _ = made(core, "pods", pod(containers=[{"name": "c", "image": "i", "resources": resources}]))
    assert kept["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "1m", "memory": "1001m"}
