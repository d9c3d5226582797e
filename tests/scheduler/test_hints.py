"""What a pod that fitted nowhere waits for: the change that can help it, and no other."""

import pytest

from cluster.client import Obj
from cluster.scheduler.facts import PodFacts
from cluster.scheduler.hints import may_help

FRIEND = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "friend"}}}


def facts(
    name: str = "p", *, app: str = "", requests: Obj | None = None, namespace: str = "a", **spec: object
) -> PodFacts:
    container = {"name": "main", "resources": {"requests": requests or {}}}
    meta = {"name": name, "uid": name, "namespace": namespace, "labels": {"app": app} if app else {}}
    return PodFacts({"metadata": meta, "spec": {"containers": [container], **spec}})


def required(kind: str) -> Obj:
    return {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [FRIEND]}}}


@pytest.mark.parametrize(
    ("reason", "waiting", "changed", "gone"),
    [
        ("Insufficient cpu", facts(), facts(requests={"cpu": "1"}), True),
        ("Too many pods", facts(), facts(), True),
        ("node(s) didn't match pod affinity rules", facts(**required("podAffinity")), facts(app="friend"), False),
        (
            "node(s) didn't match pod anti-affinity rules",
            facts(**required("podAntiAffinity")),
            facts(app="friend"),
            True,
        ),
        (
            "node(s) didn't satisfy existing pods anti-affinity rules",
            facts(app="friend"),
            facts(**required("podAntiAffinity")),
            True,
        ),
        ("node(s) didn't match pod topology spread constraints", facts(), facts(), True),
    ],
)
def test_each_reason_has_its_cure(reason: str, waiting: PodFacts, changed: PodFacts, *, gone: bool) -> None:
    assert may_help(waiting, [reason], changed, {}, gone=gone)


@pytest.mark.parametrize(
    ("reason", "waiting", "changed", "gone"),
    [
        ("Insufficient cpu", facts(), facts(requests={"memory": "1Gi"}), True),
        ("Insufficient cpu", facts(), facts(requests={"cpu": "1"}), False),
        ("node(s) didn't match pod affinity rules", facts(**required("podAffinity")), facts(app="friend"), True),
        ("node(s) didn't match pod affinity rules", facts(**required("podAffinity")), facts(app="other"), False),
        ("node(s) didn't match pod topology spread constraints", facts(), facts(namespace="b"), True),
        ("node(s) had untolerated taint(s)", facts(), facts(), True),
    ],
)
def test_what_cannot_help_wakes_nobody(reason: str, waiting: PodFacts, changed: PodFacts, *, gone: bool) -> None:
    assert not may_help(waiting, [reason], changed, {}, gone=gone)
