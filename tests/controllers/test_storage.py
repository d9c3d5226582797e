"""Claims and volumes: who is bound to whom, what is made and deleted, and what waits for what."""

from typing import Any

import pytest

from cluster.client import Forbidden, NotImplementedHere, Obj
from cluster.timestamps import format_time
from cluster.volumes import CLAIMS, CLASSES, FOLDER_PROVISIONER, VOLUMES, mismatch, smallest_fit
from tests.controllers.world import NAMESPACE, World, pod_template


def claim(world: World, name: str = "data", *, size: str = "1Gi", modes: tuple[str, ...] = (), **spec: Any) -> Obj:
    body = {"accessModes": list(modes or ("ReadWriteOnce",)), "resources": {"requests": {"storage": size}}, **spec}
    return world.client.create(CLAIMS, {"metadata": {"name": name}, "spec": body}, NAMESPACE)


def volume(world: World, name: str, *, size: str = "1Gi", labels: dict[str, str] | None = None, **spec: Any) -> Obj:
    body = {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "storageClassName": "manual"}
    source = {} if {"csi", "local"} & set(spec) else {"hostPath": {"path": f"/{name}"}}
    return world.client.create(
        VOLUMES, {"metadata": {"name": name, "labels": labels or {}}, "spec": {**body, **source, **spec}}
    )


def storage_class(
    world: World, name: str, provisioner: str = FOLDER_PROVISIONER, mode: str = "Immediate", **more: Any
) -> None:
    body = {"metadata": {"name": name}, "provisioner": provisioner, "volumeBindingMode": mode, **more}
    world.client.create(CLASSES, body)


def pod(world: World, name: str, claims: tuple[str, ...] = ("data",), **spec: Any) -> Obj:
    volumes = [{"name": c, "persistentVolumeClaim": {"claimName": c}} for c in claims]
    body = {**pod_template({"app": name}, volumes=volumes, **spec)["spec"]}
    return world.client.create("pods", {"metadata": {"name": name}, "spec": body}, NAMESPACE)


def phase(world: World, resource: str, name: str) -> str:
    found = {o["metadata"]["name"]: o for o in world.client.list(resource)}
    return str(found[name]["status"]["phase"]) if name in found else "gone"


def seen(world: World, name: str = "data") -> Obj:
    return world.client.get(CLAIMS, name, NAMESPACE)


def node_of(world: World, name: str) -> str:
    return str(world.client.get("pods", name, NAMESPACE)["spec"].get("nodeName", ""))


class TestBinding:
    async def test_a_claim_gets_the_smallest_volume_that_serves_it(self, world: World) -> None:
        for name, size in (("large", "5Gi"), ("fits", "2Gi"), ("small", "512Mi")):
            volume(world, name, size=size)
        volume(world, "other-class", storageClassName="fast")
        await world.until(lambda: phase(world, VOLUMES, "small") == "Available")
        claim(world, storageClassName="manual")
        await world.until(lambda: seen(world)["status"]["phase"] == "Bound")
        assert seen(world)["status"] == {
            "phase": "Bound",
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "2Gi"},
        }
        assert seen(world)["spec"]["volumeName"] == "fits"
        assert seen(world)["metadata"]["annotations"] == {
            "pv.kubernetes.io/bind-completed": "yes",
            "pv.kubernetes.io/bound-by-controller": "yes",
        }
        assert phase(world, VOLUMES, "fits") == "Bound"
        assert world.client.get(VOLUMES, "fits")["spec"]["claimRef"]["uid"] == seen(world)["metadata"]["uid"]

    async def test_a_claim_waits_for_a_volume_to_come(self, world: World) -> None:
        claim(world, storageClassName="manual")
        await world.until(lambda: world.said("ProvisioningFailed"))
        assert world.said("ProvisioningFailed") == ['storageclass.storage.k8s.io "manual" not found']
        assert world.events("ProvisioningFailed")[0]["type"] == "Warning"
        assert seen(world)["status"] == {"phase": "Pending"}
        volume(world, "late")
        await world.until(lambda: phase(world, CLAIMS, "data") == "Bound")

    async def test_without_a_class_nobody_makes_a_volume(self, world: World) -> None:
        claim(world, storageClassName="")
        await world.until(lambda: world.said("FailedBinding"))
        (event,) = world.events("FailedBinding")
        assert event["message"] == "no persistent volumes available for this claim and no storage class is set"
        assert (event["type"], event["source"]["component"]) == ("Normal", "persistentvolume-controller")

    async def test_labels_choose_among_volumes(self, world: World) -> None:
        volume(world, "a", labels={"tier": "cold"})
        volume(world, "b", labels={"tier": "hot"})
        claim(world, storageClassName="manual", selector={"matchLabels": {"tier": "hot"}})
        await world.until(lambda: seen(world)["spec"].get("volumeName") == "b")

    async def test_a_claim_may_name_its_volume_and_is_told_why_it_cannot_have_it(self, world: World) -> None:
        volume(world, "mine", size="1Gi")
        claim(world, storageClassName="manual", volumeName="mine")
        await world.until(lambda: phase(world, CLAIMS, "data") == "Bound")
        claim(world, "second", storageClassName="manual", volumeName="mine")
        await world.until(lambda: world.said("FailedBinding"))
        assert world.said("FailedBinding") == ['volume "mine" already bound to a different claim.']
        volume(world, "small", size="1Gi")
        claim(world, "third", storageClassName="manual", volumeName="small", size="2Gi")
        await world.until(lambda: world.said("VolumeMismatch"))
        assert world.said("VolumeMismatch") == ['Cannot bind to requested volume "small": requested PV is too small']

    async def test_a_volume_set_aside_for_a_claim_is_kept_for_it(self, world: World) -> None:
        volume(world, "kept", claimRef={"namespace": NAMESPACE, "name": "chosen"})
        claim(world, "other", storageClassName="manual")
        await world.settle()
        assert phase(world, CLAIMS, "other") == "Pending"
        claim(world, "chosen", storageClassName="manual")
        await world.until(lambda: phase(world, CLAIMS, "chosen") == "Bound")

    async def test_a_claim_whose_volume_is_gone_is_lost_and_says_so(self, world: World) -> None:
        volume(world, "pv")
        claim(world, storageClassName="manual")
        await world.until(lambda: phase(world, CLAIMS, "data") == "Bound")
        world.client.patch(VOLUMES, "pv", "", {"metadata": {"finalizers": None}})
        world.client.delete(VOLUMES, "pv")
        await world.until(lambda: phase(world, CLAIMS, "data") == "Lost")
        assert world.said("ClaimLost") == ["Bound claim has lost its PersistentVolume. Data on the volume is lost!"]

    def test_a_volume_that_cannot_serve_the_claim_is_named_with_the_reason(self) -> None:
        def of(**spec: Any) -> Obj:
            body = {"accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem", "storageClassName": "x", **spec}
            return {"metadata": {"name": "v"}, "spec": body, "status": {"phase": "Available"}}

        wanted = of(resources={"requests": {"storage": "1Gi"}})
        room = {"capacity": {"storage": "1Gi"}}
        assert mismatch(of(**room), wanted) == ""
        assert mismatch(of(capacity={"storage": "1023Mi"}), wanted) == "requested PV is too small"
        assert mismatch(of(**room, storageClassName="y"), wanted) == "storageClassName does not match"
        assert mismatch(of(**room, accessModes=["ReadOnlyMany"]), wanted) == "incompatible accessMode"
        assert smallest_fit(wanted, [of(**room) | {"status": {"phase": "Released"}}]) is None


class TestProvisioning:
    async def test_a_claim_that_names_no_class_waits_for_its_first_pod_and_then_gets_a_volume(
        self, world: World
    ) -> None:
        claim(world)
        await world.until(lambda: world.said("WaitForFirstConsumer"))
        await world.settle()
        assert seen(world)["spec"]["storageClassName"] == "standard"
        assert world.said("WaitForFirstConsumer") == ["waiting for first consumer to be created before binding"]
        assert not world.client.list(VOLUMES)
        pod(world, "web")
        await world.until(lambda: node_of(world, "web"))
        assert seen(world)["metadata"]["annotations"]["volume.kubernetes.io/selected-node"] == node_of(world, "web")
        (made,) = world.client.list(VOLUMES)
        assert made["metadata"]["name"] == f"pvc-{seen(world)['metadata']['uid']}"
        assert made["spec"]["csi"] == {"driver": FOLDER_PROVISIONER, "volumeHandle": made["metadata"]["name"]}
        assert (made["spec"]["persistentVolumeReclaimPolicy"], made["status"]["phase"]) == ("Delete", "Bound")
        assert world.said("ProvisioningSucceeded") == [f"Successfully provisioned volume {made['metadata']['name']}"]

    async def test_an_immediate_class_makes_volumes_at_once(self, world: World) -> None:
        storage_class(world, "now", reclaimPolicy="Retain")
        claim(world, storageClassName="now")
        await world.until(lambda: phase(world, CLAIMS, "data") == "Bound")
        assert world.client.list(VOLUMES)[0]["spec"]["persistentVolumeReclaimPolicy"] == "Retain"

    async def test_a_provisioner_that_is_not_here_is_waited_for_by_name(self, world: World) -> None:
        storage_class(world, "cloud", "ebs.csi.example.com")
        claim(world, storageClassName="cloud")
        await world.until(lambda: world.said("ExternalProvisioning"))
        assert "external provisioner 'ebs.csi.example.com'" in world.said("ExternalProvisioning")[0]
        await world.settle()
        assert phase(world, CLAIMS, "data") == "Pending"

    async def test_a_claim_without_a_class_gets_the_default_that_comes_later(self, world: World) -> None:
        world.client.delete(CLASSES, "standard")
        claim(world)
        await world.until(lambda: world.said("FailedBinding"))
        assert "storageClassName" not in seen(world)["spec"]
        annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
        world.client.create(
            CLASSES, {"metadata": {"name": "new", "annotations": annotations}, "provisioner": FOLDER_PROVISIONER}
        )
        await world.until(lambda: phase(world, CLAIMS, "data") == "Bound")
        assert seen(world)["spec"]["storageClassName"] == "new"

    async def test_what_its_volumes_cannot_be_is_refused(self, world: World) -> None:
        with pytest.raises(NotImplementedHere, match="parameters is not supported"):
            storage_class(world, "fancy", parameters={"type": "ssd"})
        with pytest.raises(NotImplementedHere, match=r"its driver is seawall\.dev/folder"):
            volume(world, "pv", csi={"driver": "ebs.csi.example.com", "volumeHandle": "v"})
        claim(world, storageClassName="manual")
        with pytest.raises(Forbidden, match="only dynamically provisioned pvc can be resized"):
            world.client.patch(CLAIMS, "data", NAMESPACE, {"spec": {"resources": {"requests": {"storage": "2Gi"}}}})


class TestScheduling:
    async def test_a_pod_waits_for_immediate_claims(self, world: World) -> None:
        claim(world, storageClassName="manual")
        pod(world, "web")
        await world.until(lambda: world.said("FailedScheduling"))
        why = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"
        assert world.said("FailedScheduling") == [why]
        volume(world, "pv")
        await world.until(lambda: node_of(world, "web"))

    async def test_a_pod_goes_where_the_local_volume_is(self, world: World) -> None:
        """Local volumes have no provisioner: the scheduler itself chooses one that the node has."""
        storage_class(world, "local", "kubernetes.io/no-provisioner", "WaitForFirstConsumer")
        claim(world, storageClassName="local")
        pod(world, "web")
        await world.until(lambda: world.said("FailedScheduling"))
        assert "3 node(s) didn't find available persistent volumes to bind" in world.said("FailedScheduling")[0]
        here = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["node3"]}
        affinity = {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}}
        volume(world, "disk", storageClassName="local", local={"path": "/mnt"}, nodeAffinity=affinity)
        await world.until(lambda: node_of(world, "web") == "node3")
        assert phase(world, CLAIMS, "data") == "Bound"

    async def test_one_pod_alone_has_a_claim_for_one_pod(self, world: World) -> None:
        claim(world, modes=("ReadWriteOncePod",))
        pod(world, "first")
        await world.until(lambda: node_of(world, "first"))
        pod(world, "second")
        await world.until(lambda: world.said("FailedScheduling"))
        assert (
            "3 node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod"
            in world.said("FailedScheduling")[-1]
        )
        world.client.delete("pods", "first", NAMESPACE)
        await world.until(lambda: node_of(world, "second"))


class TestGoing:
    async def test_a_claim_in_use_goes_only_after_its_pod_and_takes_its_volume_along(self, world: World) -> None:
        claim(world)
        pod(world, "web")
        await world.until(lambda: node_of(world, "web"))
        (made,) = world.client.list(VOLUMES)
        folder = world.volumes / made["metadata"]["name"]
        folder.mkdir(parents=True)
        (folder / "orders").write_text("1")
        world.client.delete(CLAIMS, "data", NAMESPACE)
        await world.settle()
        assert seen(world)["metadata"]["deletionTimestamp"]
        world.client.delete("pods", "web", NAMESPACE)
        await world.until(lambda: not world.client.list(VOLUMES))
        assert not world.client.list(CLAIMS)
        assert not folder.exists()

    async def test_a_retained_volume_keeps_its_data_and_serves_no_other_claim(self, world: World) -> None:
        volume(world, "pv")
        claim(world, storageClassName="manual")
        await world.until(lambda: phase(world, CLAIMS, "data") == "Bound")
        world.client.delete(CLAIMS, "data", NAMESPACE)
        await world.until(lambda: phase(world, VOLUMES, "pv") == "Released")
        claim(world, "next", storageClassName="manual")
        await world.settle()
        assert phase(world, CLAIMS, "next") == "Pending"
        world.client.patch(VOLUMES, "pv", "", {"spec": {"claimRef": None}})
        await world.until(lambda: phase(world, CLAIMS, "next") == "Bound")

    async def test_nobody_deletes_a_volume_made_by_hand(self, world: World) -> None:
        volume(world, "pv", persistentVolumeReclaimPolicy="Delete")
        claim(world, storageClassName="manual")
        await world.until(lambda: phase(world, CLAIMS, "data") == "Bound")
        world.client.delete(CLAIMS, "data", NAMESPACE)
        await world.until(lambda: phase(world, VOLUMES, "pv") == "Failed")
        assert "no deletable volume plugin matched" in world.said("VolumeFailedDelete")[0]

    async def test_a_bound_volume_goes_only_after_its_claim(self, world: World) -> None:
        volume(world, "pv")
        claim(world, storageClassName="manual")
        await world.until(lambda: phase(world, CLAIMS, "data") == "Bound")
        world.client.delete(VOLUMES, "pv")
        await world.settle()
        assert phase(world, VOLUMES, "pv") == "Bound"
        world.client.delete(CLAIMS, "data", NAMESPACE)
        await world.until(lambda: phase(world, VOLUMES, "pv") == "gone")


class TestAttachment:
    def holders(self, world: World) -> list[str]:
        nodes = world.client.list("nodes")
        return [n["metadata"]["name"] for n in nodes if n["status"].get("volumesAttached")]

    async def test_a_volume_for_one_node_moves_only_once_it_is_let_go(self, world: World) -> None:
        claim(world)
        pod(world, "old", nodeSelector={"kubernetes.io/hostname": "node1"})
        await world.until(lambda: self.holders(world) == ["node1"])
        pod(world, "new", nodeSelector={"kubernetes.io/hostname": "node2"})
        await world.until(lambda: world.said("FailedAttachVolume"))
        name = world.client.list(VOLUMES)[0]["metadata"]["name"]
        said = f'Multi-Attach error for volume "{name}" Volume is already used by pod(s) old'
        assert world.said("FailedAttachVolume") == [said]
        assert self.holders(world) == ["node1"]
        world.client.delete("pods", "old", NAMESPACE)
        await world.until(lambda: self.holders(world) == ["node2"])
        assert len(world.said("SuccessfulAttachVolume")) == 2

    async def test_a_volume_for_many_is_attached_to_many(self, world: World) -> None:
        claim(world, modes=("ReadWriteMany",))
        for i in (1, 2):
            pod(world, f"p{i}", nodeSelector={"kubernetes.io/hostname": f"node{i}"})
        await world.until(lambda: self.holders(world) == ["node1", "node2"])
        assert not world.said("FailedAttachVolume")

    async def test_a_silent_node_keeps_its_volumes_for_six_minutes_unless_it_is_put_out_of_service(
        self, world: World
    ) -> None:
        claim(world)
        pod(world, "old", nodeSelector={"kubernetes.io/hostname": "node1"})
        await world.until(lambda: self.holders(world) == ["node1"])
        node = world.client.get("nodes", "node1")
        silent = [
            {**c, "status": "Unknown", "lastTransitionTime": format_time(world.clock())}
            for c in node["status"]["conditions"]
        ]
        world.client.patch("nodes", "node1", "", {"status": {"conditions": silent}}, subresource="status")
        world.client.delete("pods", "old", NAMESPACE, grace_seconds=0)
        await world.settle()
        assert self.holders(world) == ["node1"]
        taint = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}
        world.client.patch("nodes", "node1", "", {"spec": {"taints": [taint]}})
        await world.until(lambda: self.holders(world) == [])
