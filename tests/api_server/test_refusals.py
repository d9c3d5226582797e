"""Nothing is accepted and ignored: a kind whose controller is not here is refused by name."""

import pytest

from cluster.api.local import LocalClient
from cluster.client import NotImplementedHere, Obj

TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "main", "image": "busybox"}]}}


@pytest.mark.parametrize(
    ("resource", "spec", "named"),
    [
        ("replicationcontrollers", {"selector": {"a": "b"}, "template": TEMPLATE}, "ReplicationControllers"),
    ],
)
def test_a_kind_that_nobody_runs_is_refused(client: LocalClient, resource: str, spec: Obj, named: str) -> None:
    with pytest.raises(NotImplementedHere, match=f"{named} are not run by this cluster") as refused:
        client.create(resource, {"metadata": {"name": "x"}, "spec": spec}, "default")
    assert refused.value.code == 501
    assert not client.list(resource, "default")
