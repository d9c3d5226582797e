"""What the API refuses of the kinds that make pods, and of what scales and guards them."""

from typing import Any

import pytest

from cluster.api.core import Core
from cluster.client import Obj
from tests.api_server.refusals import NO_LABEL, NO_SUBDOMAIN, SELECTOR, changed, made, named, template, wrong

MISSED = "`selector` does not match template `labels`"


def workload(**spec: Any) -> Obj:
    return named(spec={"selector": SELECTOR, "template": template(), **spec})


@pytest.mark.parametrize(
    ("spec", "errors"),
    [
        (
            {"replicas": -1, "minReadySeconds": -1, "revisionHistoryLimit": -1, "progressDeadlineSeconds": -1},
            [
                "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
                "spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0",
                "spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0",
                "spec.progressDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0",
                "spec.progressDeadlineSeconds: Invalid value: -1: must be greater than minReadySeconds",
            ],
        ),
        (
            {"strategy": {"type": "Fast", "rollingUpdate": {"maxSurge": 1}}},
            [
                'spec.strategy: Unsupported value: {"Type":"Fast","RollingUpdate":{"MaxUnavailable":0,"MaxSurge":1}}: '
                'supported values: "Recreate", "RollingUpdate"'
            ],
        ),
        (
            {"strategy": {"rollingUpdate": {"maxUnavailable": "all", "maxSurge": "0%"}}},
            [
                'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "all": a valid percent string must be a '
                "numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is "
                "'[0-9]+%')",
                'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "all": may not be 0 when `maxSurge` is 0',
            ],
        ),
        (
            {"selector": {"matchExpressions": [{"key": "app", "operator": "In"}]}, "template": template(hostname="A")},
            [
                "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' "
                "or 'NotIn'",
                'spec.selector: Invalid value: {"matchExpressions":[{"key":"app","operator":"In"}]}: invalid label '
                "selector",
            ],
        ),
        ({"selector": {}}, ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"]),
        (
            {"template": template(activeDeadlineSeconds=1, restartPolicy="Never")},
            [
                'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
                "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not "
                "Supported",
            ],
        ),
    ],
)
def test_each_mistake_of_a_deployment_is_told(core: Core, spec: Obj, errors: list[str]) -> None:
    assert wrong(core, "deployments.apps", workload(**spec)) == errors


@pytest.mark.parametrize(
    ("spec", "errors"),
    [
        ({"selector": None}, [f'spec.template.metadata.labels: Invalid value: {{"app":"x"}}: {MISSED}']),
        ({"selector": {}}, ["spec.selector: Invalid value: {}: empty selector is invalid for daemonset"]),
        (
            {"updateStrategy": {"type": "Now"}, "revisionHistoryLimit": -1},
            [
                'spec.updateStrategy: Unsupported value: {"Type":"Now","RollingUpdate":null}: supported values: '
                '"RollingUpdate", "OnDelete"',
                "spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0",
            ],
        ),
        (
            {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "101%", "maxSurge": 1}}},
            [
                'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than '
                "100%",
                "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is "
                "non-zero",
            ],
        ),
    ],
)
def test_each_mistake_of_a_daemon_set_is_told(core: Core, spec: Obj, errors: list[str]) -> None:
    assert wrong(core, "daemonsets.apps", workload(**spec)) == errors


@pytest.mark.parametrize(
    ("spec", "errors"),
    [
        (
            {"podManagementPolicy": "Odd", "updateStrategy": {"type": "OnDelete", "rollingUpdate": {"partition": 1}}},
            [
                "spec.podManagementPolicy: Invalid value: \"Odd\": must be 'OrderedReady' or 'Parallel'",
                'spec.updateStrategy.rollingUpdate: Invalid value: {"Partition":1,"MaxUnavailable":null}: only allowed '
                "for updateStrategy 'RollingUpdate'",
            ],
        ),
        (
            {
                "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Keep"},
                "volumeClaimTemplates": [{"metadata": {"name": "d"}, "spec": {}}],
                "ordinals": {"start": -1},
                "serviceName": "A",
            },
            [
                'spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: "Keep": supported values: '
                '"Retain", "Delete"',
                "spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required",
                "spec.volumeClaimTemplates[0].spec.resources[storage]: Required value",
                "spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0",
                f'spec.serviceName: Invalid value: "A": {NO_LABEL}',
            ],
        ),
        (
            {"selector": {"matchLabels": {"a b": "c"}}},
            [
                'spec.selector.matchLabels: Invalid value: "a b": name part must consist of alphanumeric characters, '
                "'-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or "
                "'my.name',  or '123-abc', regex used for validation is "
                "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
                'spec.selector: Invalid value: {"matchLabels":{"a b":"c"}}',
            ],
        ),
    ],
)
def test_each_mistake_of_a_stateful_set_is_told(core: Core, spec: Obj, errors: list[str]) -> None:
    assert wrong(core, "statefulsets.apps", workload(**spec)) == errors


def test_a_stateful_sets_name_is_a_label(core: Core) -> None:
    dotted = {**workload(), "metadata": {"name": "a.b"}}
    assert wrong(core, "statefulsets.apps", dotted) == ['metadata.name: Invalid value: "a.b": must not contain dots']


def test_a_stateful_set_told_to_roll_says_no_more_than_that(core: Core) -> None:
    kept, _ = made(core, "statefulsets.apps", workload(updateStrategy={"type": "RollingUpdate"}))
    assert kept["spec"]["updateStrategy"] == {"type": "RollingUpdate"}
    defaulted, _ = made(core, "statefulsets.apps", {**workload(), "metadata": {"name": "y"}})
    assert defaulted["spec"]["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}


def test_a_replication_controllers_pods_have_no_deadline(core: Core) -> None:
    spec = {"selector": {"app": "y"}, "template": template(activeDeadlineSeconds=1)}
    assert wrong(core, "replicationcontrollers", named(spec=spec)) == [
        f'spec.template.metadata.labels: Invalid value: {{"app":"x"}}: {MISSED}',
        "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicationController is not "
        "Supported",
    ]


def job(**spec: Any) -> Obj:
    return named(spec={"template": template(restartPolicy="Never"), **spec})


@pytest.mark.parametrize(
    ("spec", "errors"),
    [
        (
            {"completionMode": "Odd", "managedBy": "a b/c"},
            [
                f'spec.managedBy: Invalid value: "a b": {NO_SUBDOMAIN}',
                'spec.completionMode: Unsupported value: "Odd": supported values: "NonIndexed", "Indexed"',
            ],
        ),
        (
            {"completionMode": "Indexed", "completions": 200_000, "parallelism": 100_001, "backoffLimitPerIndex": 1},
            [
                "spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode "
                "is Indexed",
                "spec.maxFailedIndexes: Required value: must be specified when completions is above 100000",
                "spec.parallelism: Invalid value: 100001: must be less than or equal to 10000 when completions are "
                "above 100000 and used with backoff limit per index",
            ],
        ),
        (
            {"podFailurePolicy": {"rules": [{"onExitCodes": {"values": [1]}}, {"action": "Stop"}]}},
            [
                'spec.podFailurePolicy.rules[0].action: Required value: valid values: ["Count" "FailIndex" "FailJob" '
                '"Ignore"]',
                'spec.podFailurePolicy.rules[0].onExitCodes.operator: Required value: valid values: ["In" "NotIn"]',
                'spec.podFailurePolicy.rules[1].action: Unsupported value: "Stop": supported values: "Count", '
                '"FailIndex", "FailJob", "Ignore"',
                "spec.podFailurePolicy.rules[1]: Invalid value: specifying one of OnExitCodes and OnPodConditions is "
                "required",
            ],
        ),
        (
            {
                "completionMode": "Indexed",
                "completions": 3,
                "successPolicy": {"rules": [{"succeededIndexes": "2-1", "succeededCount": 1}]},
            },
            [
                'spec.successPolicy.rules[0].succeededIndexes: Invalid value: "2-1": error parsing succeededIndexes: '
                "non-increasing order, previous: 2, current: 1",
                "spec.successPolicy.rules[0].succeededCount: Invalid value: 1: must be less than or equal to 0 (the "
                "number of indexes in the specified succeededIndexes field)",
            ],
        ),
        (
            {"template": template(restartPolicy="OnFailure"), "podFailurePolicy": {"rules": []}},
            [
                'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when '
                "podFailurePolicy is specified"
            ],
        ),
        (
            {"template": template()},
            ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
        ),
    ],
)
def test_each_mistake_of_a_job_is_told(core: Core, spec: Obj, errors: list[str]) -> None:
    assert wrong(core, "jobs.batch", job(**spec)) == errors


def test_the_pods_of_an_indexed_job_are_hosts(core: Core) -> None:
    indexed = {**job(completionMode="Indexed", completions=3), "metadata": {"name": "a.b"}}
    assert wrong(core, "jobs.batch", indexed) == [
        'metadata.name: Invalid value: "a.b": will not able to create pod with invalid DNS label: a.b-2'
    ]


@pytest.mark.parametrize(
    ("spec", "errors"),
    [
        (
            {"schedule": "TZ=UTC * * * * *"},
            [
                'spec.schedule: Invalid value: "TZ=UTC * * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone '
                "field instead"
            ],
        ),
        (
            {"timeZone": "local", "concurrencyPolicy": "Maybe"},
            [
                'spec.timeZone: Invalid value: "local": timeZone must be an explicit time zone as defined in '
                "https://www.iana.org/time-zones",
                'spec.timeZone: Invalid value: "local": unknown time zone local',
                'spec.concurrencyPolicy: Unsupported value: "Maybe": supported values: "Allow", "Forbid", "Replace"',
            ],
        ),
        (
            {"jobTemplate": {"spec": {**job()["spec"], "selector": SELECTOR, "manualSelector": True}}},
            [
                'spec.jobTemplate.spec.selector: Invalid value: {"matchLabels":{"app":"x"}}: `selector` will be '
                "auto-generated",
                'spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"',
            ],
        ),
    ],
)
def test_each_mistake_of_a_cron_job_is_told(core: Core, spec: Obj, errors: list[str]) -> None:
    usual = {"schedule": "* * * * *", "jobTemplate": {"spec": job()["spec"]}}
    assert wrong(core, "cronjobs.batch", named(spec=usual | spec)) == errors


@pytest.mark.parametrize(
    ("spec", "errors"),
    [
        (
            {"minReplicas": 0, "maxReplicas": -1, "scaleTargetRef": {"kind": "a/b", "name": "", "apiVersion": "a/b/c"}},
            [
                "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1",
                "spec.maxReplicas: Invalid value: -1: must be greater than or equal to 1",
                "spec.maxReplicas: Invalid value: -1: must be greater than or equal to `minReplicas`",
                "spec.scaleTargetRef.kind: Invalid value: \"a/b\": may not contain '/'",
                "spec.scaleTargetRef.name: Required value",
                'spec.scaleTargetRef.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
                "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to "
                "zero replicas",
            ],
        ),
        (
            {
                "metrics": [
                    {"type": "Resource", "resource": {"name": "", "target": {"type": "Odd", "value": "0"}}},
                    {"type": "Pods", "resource": {"name": "cpu", "target": {"type": "Value", "averageValue": "1"}}},
                    {"type": "ContainerResource", "containerResource": {"name": "x", "container": "A"}},
                ]
            },
            [
                "spec.metrics[0].resource.name: Required value: must specify a resource name",
                'spec.metrics[0].resource.target.type: Invalid value: "Odd": must be either Utilization, Value, or '
                "AverageValue",
                'spec.metrics[0].resource.target.value: Invalid value: "0": must be positive',
                "spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw "
                "value or a target utilization",
                "spec.metrics[1].pods: Required value: must populate information for the given metric source",
                'spec.metrics[2].containerResource.name: Invalid value: "x": must be a standard resource type or '
                "fully qualified",
                'spec.metrics[2].containerResource.name: Invalid value: "x": must be a standard resource for '
                "containers",
                f'spec.metrics[2].containerResource.container: Invalid value: "A": {NO_LABEL}',
                "spec.metrics[2].containerResource.target.type: Required value: must specify a metric target type",
                'spec.metrics[2].containerResource.target.type: Invalid value: "": must be either Utilization, Value, '
                "or AverageValue",
                "spec.metrics[2].containerResource.target.averageUtilization: Required value: must set either a "
                "target raw value or a target utilization",
            ],
        ),
    ],
)
def test_each_mistake_of_an_autoscaler_is_told(core: Core, spec: Obj, errors: list[str]) -> None:
    target = {"kind": "Deployment", "name": "a", "apiVersion": "apps/v1"}
    whole = named(spec={"maxReplicas": 3, "scaleTargetRef": target} | spec)
    assert wrong(core, "horizontalpodautoscalers.autoscaling", whole) == errors


class TestUpdates:
    @pytest.mark.parametrize("key", ["deployments.apps", "replicasets.apps", "daemonsets.apps"])
    def test_a_selector_stays(self, core: Core, key: str) -> None:
        made(core, key, workload())
        other = {"matchExpressions": [{"key": "app", "operator": "Exists"}]}
        assert changed(core, key, "x", selector=other) == [
            'spec.selector: Invalid value: {"matchExpressions":[{"key":"app","operator":"Exists"}]}: field is immutable'
        ]

    def test_the_claims_of_a_stateful_set_stay(self, core: Core) -> None:
        made(core, "statefulsets.apps", workload(serviceName="s"))
        (error,) = changed(core, "statefulsets.apps", "x", serviceName="t")
        assert error.startswith("spec: Forbidden: updates to statefulset spec for fields other than 'replicas', ")

    def test_the_policies_of_a_job_stay(self, core: Core) -> None:
        rule = {"action": "Count", "onPodConditions": [{"type": "Ready"}]}
        made(core, "jobs.batch", job(podFailurePolicy={"rules": [rule]}))
        again = {"rules": [{**rule, "action": "FailJob"}]}
        assert changed(core, "jobs.batch", "x", podFailurePolicy=again) == [
            'spec.podFailurePolicy: Invalid value: {"Rules":[{"Action":"FailJob","OnExitCodes":null,"OnPodConditions":'
            '[{"Type":"Ready","Status":"True"}]}]}: field is immutable'
        ]


def test_a_claim_of_a_stateful_set_is_a_volume_of_its_pods_and_needs_a_name(core: Core) -> None:
    claim = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
    spec = {"selector": SELECTOR, "template": template(), "volumeClaimTemplates": [claim]}
    assert wrong(core, "statefulsets.apps", named(spec=spec)) == [
        "spec.template.spec.volumes[0].persistentVolumeClaim.claimName: Required value",
        "spec.template.spec.volumes[0].name: Required value",
    ]


def test_labels_of_a_stateful_sets_template_are_looked_at_twice(core: Core) -> None:
    labelled = template() | {"metadata": {"labels": {"app": "x", "b": "-"}}}
    errors = wrong(core, "statefulsets.apps", named(spec={"selector": SELECTOR, "template": labelled}))
    assert [error.partition(":")[0] for error in errors] == ["spec.template.labels"] * 2
