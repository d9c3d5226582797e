"""What a pod that fitted nowhere waits for: the change that can help it, and no other."""

import pytest

from cluster.client import Obj
from cluster.objects import Key
from cluster.scheduler.facts import PodFacts
from cluster.scheduler.hints import claim_may_help, may_help, volume_may_help
from cluster.scheduler.volumes import IN_USE

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


class TestClaims:
    """A pod that mounts claims is tried again for those, and not for whatever happens to others'."""

    MOUNTS = facts(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}])

    def test_its_own_claim_helps_and_no_other(self) -> None:
        assert claim_may_help(self.MOUNTS, Key("a", "data"))
        assert not claim_may_help(self.MOUNTS, Key("a", "other"))
        assert not claim_may_help(self.MOUNTS, Key("b", "data"))

    def test_a_volume_helps_but_where_another_pod_has_the_claim(self) -> None:
        assert volume_may_help(self.MOUNTS, ["node(s) had volume node affinity conflict"])
        assert not volume_may_help(self.MOUNTS, IN_USE.reasons)
        assert not volume_may_help(facts(), [])
