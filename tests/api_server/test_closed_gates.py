"""What Kubernetes takes and does not keep, as long as nobody turns the feature on: neither does this API."""

import pytest

from cluster.api.core import Core
from cluster.client import Obj
from tests.api_server.refusals import made, named

CONTAINER: Obj = {"name": "c", "image": "i"}


@pytest.mark.parametrize(
    "spec",
    [
        {"containers": [{**CONTAINER, "lifecycle": {"stopSignal": "SIGUSR1"}}]},
        {"containers": [CONTAINER], "schedulingGroup": {"podGroupName": "x"}},
    ],
)
def test_a_pod_is_kept_without_what_is_turned_off(core: Core, spec: Obj) -> None:
    template, _ = made(core, "podtemplates", named(template={"spec": spec}))
    assert "schedulingGroup" not in template["template"]["spec"]
    assert "lifecycle" not in template["template"]["spec"]["containers"][0]


def test_hooks_stay_when_the_signal_beside_them_goes(core: Core) -> None:
    hook = {"sleep": {"seconds": 1}}
    spec = {"containers": [{**CONTAINER, "lifecycle": {"stopSignal": "SIGUSR1", "preStop": hook}}]}
    template, _ = made(core, "podtemplates", named(template={"spec": spec}))
    assert template["template"]["spec"]["containers"][0]["lifecycle"] == {"preStop": hook}


@pytest.mark.parametrize("source", ["clusterTrustBundle", "podCertificate"])
def test_a_projected_volume_is_kept_without_what_is_turned_off(core: Core, source: str) -> None:
    volume = {"name": "v", "projected": {"sources": [{source: {}}]}}
    template, told = made(
        core, "podtemplates", named(template={"spec": {"containers": [CONTAINER], "volumes": [volume]}})
    )
    assert template["template"]["spec"]["volumes"][0]["projected"]["sources"] == [{}]
    assert told == ['volume "v" (Projected) has no sources provided']


@pytest.mark.parametrize(
    "source",
    [
        {"dataSource": {"kind": "Odd", "name": "a"}},
        {"dataSourceRef": {"kind": "PersistentVolumeClaim", "name": "a", "namespace": "b"}},
    ],
)
def test_a_claim_starts_empty_where_its_source_counts_for_nothing(core: Core, source: Obj) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **source}
    claim, _ = made(core, "persistentvolumeclaims", named(spec=spec))
    assert {"dataSource", "dataSourceRef"}.isdisjoint(claim["spec"])


def test_a_lease_says_nothing_of_how_its_holder_is_chosen(core: Core) -> None:
    asked = {"strategy": "OldestEmulationVersion", "preferredHolder": "a", "holderIdentity": "b"}
    lease, _ = made(core, "leases.coordination.k8s.io", named(spec=asked))
    assert lease["spec"] == {"holderIdentity": "b"}
