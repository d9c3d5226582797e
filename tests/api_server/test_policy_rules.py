"""What the API refuses of storage, bounds, rights, classes, nodes and events."""

from typing import Any

import pytest

from cluster.api.core import Core
from cluster.client import Obj
from tests.api_server.refusals import EMPTY_LABEL, NO_CIDR, NO_SUBDOMAIN, changed, made, named, wrong

NEGATIVE = "must be greater than or equal to 0"


def claim(**spec: Any) -> Obj:
    resources = {"requests": {"storage": "1Gi"}}
    return named(spec={"accessModes": ["ReadWriteOnce"], "resources": resources, **spec})


@pytest.mark.parametrize(
    ("spec", "errors"),
    [
        (
            {"accessModes": ["ReadWriteOncePod", "ReadWriteOnce", "Some"], "storageClassName": "A", "volumeMode": "X"},
            [
                'spec.accessModes: Unsupported value: "Some": supported values: "ReadOnlyMany", "ReadWriteMany", '
                '"ReadWriteOnce", "ReadWriteOncePod"',
                "spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes",
                f'spec.storageClassName: Invalid value: "A": {NO_SUBDOMAIN}',
                'spec.volumeMode: Unsupported value: "X": supported values: "Block", "Filesystem"',
            ],
        ),
        (
            {"accessModes": [], "selector": {"matchExpressions": [{"key": "a", "operator": "Is"}]}, "resources": {}},
            [
                "spec.accessModes: Required value: at least 1 access mode is required",
                'spec.selector.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator',
                "spec.resources[storage]: Required value",
            ],
        ),
        (
            {"dataSourceRef": {"kind": "Snapshot", "name": ""}},
            [
                "spec.dataSource.name: Required value",
                "spec.dataSource: Invalid value: \"Snapshot\": must be 'PersistentVolumeClaim' when referencing the "
                "default apiGroup",
                "spec.dataSourceRef.name: Required value",
                "spec.dataSourceRef: Invalid value: \"Snapshot\": must be 'PersistentVolumeClaim' when referencing the "
                "default apiGroup",
            ],
        ),
        (
            {
                "dataSource": {"kind": "PersistentVolumeClaim", "name": "a"},
                "dataSourceRef": {"kind": "PersistentVolumeClaim", "name": "b"},
            },
            ["spec: Invalid value: {}: must match dataSourceRef"],
        ),
    ],
)
def test_each_mistake_of_a_claim_is_told(core: Core, spec: Obj, errors: list[str]) -> None:
    assert wrong(core, "persistentvolumeclaims", claim(**spec)) == errors


def test_the_mode_of_a_claim_stays(core: Core) -> None:
    made(core, "persistentvolumeclaims", claim())
    errors = changed(core, "persistentvolumeclaims", "x", volumeMode="Block")
    assert errors[0].startswith("spec: Forbidden: spec is immutable after creation except")
    assert errors[1] == 'volumeMode: Invalid value: "Block": field is immutable'


@pytest.mark.parametrize(
    ("spec", "errors"),
    [
        (
            {"capacity": {"storage": "-1", "cpu": "1"}, "hostPath": {"path": "/a"}, "local": {"path": "../b"}},
            [
                'spec.capacity: Unsupported value: {"storage":"-1","cpu":"1"}: supported values: "storage"',
                "spec.capacity[storage]: Invalid value: -1: must be a valid resource quantity",
                'spec.capacity[storage]: Invalid value: "-1": must be greater than zero',
                "spec.local: Forbidden: may not specify more than 1 volume type",
                "spec.nodeAffinity: Required value: Local volume requires node affinity",
            ],
        ),
        (
            {"local": {"path": "../b"}, "nodeAffinity": {}, "persistentVolumeReclaimPolicy": "Keep"},
            [
                'spec.persistentVolumeReclaimPolicy: Unsupported value: "Keep": supported values: "Delete", "Recycle", '
                '"Retain"',
                "spec.nodeAffinity.required: Required value: must specify required node constraints",
                "spec.local.path: Invalid value: \"../b\": must not contain '..'",
            ],
        ),
        (
            {"csi": {"driver": "A_"}, "storageClassName": "a b"},
            [
                f'spec.csi.driver: Invalid value: "A_": {NO_SUBDOMAIN}',
                "spec.csi.volumeHandle: Required value",
                f'spec.storageClassName: Invalid value: "a b": {NO_SUBDOMAIN}',
            ],
        ),
    ],
)
def test_each_mistake_of_a_volume_is_told(core: Core, spec: Obj, errors: list[str]) -> None:
    usual = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}
    assert wrong(core, "persistentvolumes", named(spec=usual | spec)) == errors


def test_each_mistake_of_a_storage_class_is_told(core: Core) -> None:
    topology = {"matchLabelExpressions": [{"key": "z", "values": ["a", "a"]}, {"key": "z", "values": []}]}
    fields: Obj = {"parameters": {"": "x"}, "reclaimPolicy": "Keep", "volumeBindingMode": "Late"}
    assert wrong(core, "storageclasses.storage.k8s.io", named(allowedTopologies=[topology], **fields)) == [
        "provisioner: Required value",
        'parameters: Invalid value: "": field can not be empty.',
        'reclaimPolicy: Unsupported value: "Keep": supported values: "Delete", "Retain"',
        'volumeBindingMode: Unsupported value: "Late": supported values: "Immediate", "WaitForFirstConsumer"',
        'allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: "a"',
        "allowedTopologies[0].matchLabelExpressions[1].values: Required value",
        'allowedTopologies[0].matchLabelExpressions[1].key: Duplicate value: "z"',
    ]


def test_each_mistake_of_a_quota_is_told(core: Core) -> None:
    terms = [
        {"scopeName": "PriorityClass", "operator": "In"},
        {"scopeName": "Terminating", "operator": "In", "values": ["a"]},
        {"scopeName": "Odd", "operator": "Exists", "values": ["a"]},
    ]
    spec = {"hard": {"cpu": "-1", "services": "1"}, "scopeSelector": {"matchExpressions": terms}}
    at = "spec.scopeSelector.matchExpressions"
    errors = wrong(core, "resourcequotas", named(spec=spec))
    shown = (
        '{"MatchExpressions":[{"ScopeName":"PriorityClass","Operator":"In","Values":null},'
        '{"ScopeName":"Terminating","Operator":"In","Values":["a"]},'
        '{"ScopeName":"Odd","Operator":"Exists","Values":["a"]}]}'
    )
    assert errors == [
        f'spec.hard[cpu]: Invalid value: "-1": {NEGATIVE}',
        f"{at}: Invalid value: {shown}: unsupported scope applied to resource",
        f"{at}.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope "
        "selector",
        f"{at}: Invalid value: {shown}: unsupported scope applied to resource",
        f"{at}.operator: Invalid value: \"In\": must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "
        "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or "
        "ResourceQuotaScopeCrossNamespacePodAffinity",
        f'{at}.scopeName: Invalid value: "Odd": unsupported scope',
        f"{at}.values: Invalid value: [\"a\"]: must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope "
        "selector",
    ]


@pytest.mark.parametrize(
    ("item", "errors"),
    [
        ({"type": "Box"}, ['type: Invalid value: "Box": must be a standard limit type or fully qualified']),
        (
            {"type": "Container", "max": {"pods": "1"}, "min": {"cpu": "2"}, "maxLimitRequestRatio": {"cpu": "500m"}},
            [
                'max[pods]: Invalid value: "pods": must be a standard resource for containers',
                'default[pods]: Invalid value: "pods": must be a standard resource for containers',
                'defaultRequest[pods]: Invalid value: "pods": must be a standard resource for containers',
                'maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1',
            ],
        ),
        (
            {"type": "Pod", "max": {"cpu": "4"}, "min": {"cpu": "2"}, "maxLimitRequestRatio": {"cpu": "3"}},
            ['maxLimitRequestRatio[cpu]: Invalid value: "3": ratio 3 is greater than max/min = 2.000000'],
        ),
    ],
)
def test_each_mistake_of_a_limit_range_is_told(core: Core, item: Obj, errors: list[str]) -> None:
    refused = wrong(core, "limitranges", named(spec={"limits": [item]}))
    assert refused == [f"spec.limits[0].{error}" for error in errors]


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        (
            {"roleRef": {"kind": "Role", "name": "a/b", "apiGroup": "x"}, "subjects": [{"kind": "Robot", "name": ""}]},
            [
                'roleRef.apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"',
                "roleRef.name: Invalid value: \"a/b\": may not contain '/'",
                "subjects[0].name: Required value",
                'subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
            ],
        ),
        (
            {"subjects": [{"kind": "ServiceAccount", "name": "A", "apiGroup": "x"}]},
            [
                f'subjects[0].name: Invalid value: "A": {NO_SUBDOMAIN}',
                'subjects[0].apiGroup: Unsupported value: "x": supported values: ""',
            ],
        ),
    ],
)
def test_each_mistake_of_a_binding_is_told(core: Core, fields: Obj, errors: list[str]) -> None:
    usual: Obj = {"roleRef": {"kind": "ClusterRole", "name": "view"}}
    assert wrong(core, "rolebindings.rbac.authorization.k8s.io", named(**(usual | fields))) == errors


def test_each_mistake_of_a_node_is_told(core: Core) -> None:
    taints = [
        {"key": "", "value": "a b", "effect": ""},
        {"key": "k", "effect": "Never"},
        {"key": "k", "effect": "Never"},
    ]
    node = named(spec={"taints": taints, "podCIDRs": ["x"]}, status={"capacity": {"pods": "500m", "cpu": "-1"}})
    at, shown = "metadata.taints", '{"Key":"k","Value":"","Effect":"Never","TimeAdded":null}'
    never = 'Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"'
    assert wrong(core, "nodes", node) == [
        *(f'{at}[0].key: Invalid value: "": {why}' for why in EMPTY_LABEL),
        f'{at}[0].value: Invalid value: "a b": a valid label must be an empty string or consist of alphanumeric '
        "characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "
        "'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
        f"{at}[0].effect: Required value",
        f"{at}[1].effect: {never}",
        f"{at}[2].effect: {never}",
        f"{at}[2]: Duplicate value: {shown}: taints must be unique by key and effect pair",
        'status.capacity.pods: Invalid value: "500m": must be an integer',
        f'status.capacity.cpu: Invalid value: "-1": {NEGATIVE}',
        'status.allocatable.pods: Invalid value: "500m": must be an integer',
        f'status.allocatable.cpu: Invalid value: "-1": {NEGATIVE}',
        f'spec.podCIDRs[0]: Invalid value: "x": {NO_CIDR}',
    ]


def test_what_a_node_was_given_stays(core: Core) -> None:
    made(core, "nodes", named("n", spec={"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.1.0.0/24"], "providerID": "a://b"}))
    assert changed(core, "nodes", "n", podCIDRs=["10.2.0.0/24"], providerID="a://c") == [
        'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
        'spec.providerID: Forbidden: node updates may not change providerID except from "" to valid',
    ]


@pytest.mark.parametrize(
    ("name", "fields", "errors"),
    [
        (
            "system-cluster-critical-2",
            {"value": 1},
            [
                "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use "
                "only. error: system-cluster-critical-2 is not a known system priority class"
            ],
        ),
        (
            "high",
            {"value": 1000000001, "preemptionPolicy": "Maybe"},
            [
                "value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
                'preemptionPolicy: Unsupported value: "Maybe": supported values: "PreemptLowerPriority", "Never"',
            ],
        ),
    ],
)
def test_each_mistake_of_a_priority_class_is_told(core: Core, name: str, fields: Obj, errors: list[str]) -> None:
    assert wrong(core, "priorityclasses.scheduling.k8s.io", named(name, **fields)) == errors


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        (
            {"type": "kubernetes.io/ssh-auth", "data": {"..": "YQ==", "ssh-privatekey": ""}},
            ["data[..]: Invalid value: \"..\": must not be '..'", "data[ssh-privatekey]: Required value"],
        ),
        (
            {"type": "kubernetes.io/basic-auth"},
            ["data[username]: Required value", "data[password]: Required value"],
        ),
    ],
)
def test_each_mistake_of_a_secret_is_told(core: Core, fields: Obj, errors: list[str]) -> None:
    assert wrong(core, "secrets", named(**fields)) == errors


def test_an_event_in_the_newer_way_says_who_tells_what(core: Core) -> None:
    event = named(involvedObject={"namespace": "default"}, eventTime="2026-01-01T00:00:00.000000Z", message="m" * 1025)
    assert wrong(core, "events", event) == [
        "reportingComponent: Required value",
        *(f'reportingComponent: Invalid value: "": {why}' for why in EMPTY_LABEL),
        "reportingInstance: Required value",
        "action: Required value",
        "reason: Required value",
        'message: Invalid value: "": can have at most 1024 characters',
    ]


def test_events_of_the_newer_api_need_a_time_and_a_type(core: Core) -> None:
    event = named(regarding={"namespace": "default"}, series={"count": 1}, deprecatedCount=3)
    assert wrong(core, "events.events.k8s.io", event) == [
        'series.count: Invalid value: "": should be at least 2',
        "series.lastObservedTime: Required value",
        "eventTime: Required value",
        'type: Invalid value: "": has invalid value: ',
        'count: Invalid value: "": needs to be unset',
    ]
