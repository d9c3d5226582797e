"""Claims and volumes: found, not found, held while in use, kept and given back."""

from asyncio import sleep

from tests.replay.case import Obj, bare, case, shell
from tests.replay.stage import Stage


def _claim(name: str, size: str = "1Mi", modes: tuple[str, ...] = ("ReadWriteOnce",), **spec: object) -> Obj:
    whole = {"accessModes": [*modes], "resources": {"requests": {"storage": size}}, **spec}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": whole}


def _volume(name: str, policy: str, **spec: object) -> Obj:
    whole = {
        "capacity": {"storage": "10Mi"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": policy,
        "storageClassName": "by-hand",
        "hostPath": {"path": f"/var/lib/untold/{name}", "type": "DirectoryOrCreate"},
        **spec,
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": whole}


def _user(name: str, claim: str, script: str = "sleep 600", **mount: object) -> Obj:
    container = shell("main", script, volumeMounts=[{"name": "v", "mountPath": "/v", **mount}])
    return bare(name, container, volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": claim}}])


@case("claim-in-use")
async def in_use(stage: Stage) -> None:
    """Deleted while a pod has it, a claim waits for the pod; another pod may not have it any more."""
    await stage.apply(_claim("data"), _user("user", "data"))
    await stage.until_ready(1)
    await stage.kubectl("get", "pvc")
    await stage.kubectl("describe", "pvc", "data")
    await stage.kubectl("delete", "pvc", "data", "--wait=false")
    await stage.kubectl("get", "pvc")
    await stage.kubectl("describe", "pvc", "data")
    await stage.apply(_user("late", "data"))
    await sleep(1)
    await stage.kubectl("describe", "pod", "late")
    await stage.kubectl("delete", "pod", "user", "late")
    await sleep(2)
    await stage.kubectl("get", "pvc")
    await stage.kubectl("get", "events")


@case("claim-unmatched")
async def unmatched(stage: Stage) -> None:
    await stage.apply(_volume("untold-small", "Retain"))
    await stage.apply(
        _claim("too-big", "1Gi", storageClassName="by-hand"),
        _claim("other-mode", modes=("ReadWriteMany",), storageClassName="by-hand"),
        _claim("no-class", storageClassName="nope"),
        _claim("empty-class", storageClassName=""),
        _claim("by-name", storageClassName="by-hand", volumeName="nowhere"),
        _user("waits", "too-big"),
    )
    await sleep(4)
    await stage.kubectl("get", "pvc")
    await stage.kubectl("describe", "pvc")
    await stage.kubectl("describe", "pod", "waits")
    await stage.kubectl("delete", "pv", "untold-small", "--wait=false")


@case("volume-kept")
async def kept(stage: Stage) -> None:
    """Retain keeps a volume, and what is on it, but gives it to nobody else."""
    await stage.apply(_volume("untold-kept", "Retain"))
    await stage.apply(
        _claim("first", storageClassName="by-hand"), _user("writer", "first", "echo mine > /v/x; sleep 600")
    )
    await stage.until_ready(1)
    await stage.kubectl("get", "pv", "untold-kept")
    await stage.kubectl("describe", "pv", "untold-kept")
    await stage.kubectl("delete", "pv", "untold-kept", "--wait=false")
    await stage.kubectl("get", "pv", "untold-kept")
    await stage.kubectl("delete", "pod", "writer")
    await stage.kubectl("delete", "pvc", "first")
    await sleep(1)
    await stage.kubectl("get", "pv", "untold-kept")
    await stage.apply(_volume("untold-again", "Retain"))
    await stage.apply(_claim("second", storageClassName="by-hand"))
    await sleep(1)
    await stage.kubectl("get", "pv", "untold-again")
    await stage.kubectl("delete", "pvc", "second")
    await sleep(1)
    await stage.kubectl("get", "pv", "untold-again")
    await stage.apply(_claim("third", storageClassName="by-hand"))
    await sleep(1.5)
    await stage.kubectl("get", "pvc")
    await stage.kubectl("delete", "pvc", "third")
    await stage.kubectl("delete", "pv", "untold-again")


@case("claim-changed")
async def changed(stage: Stage) -> None:
    await stage.apply(_claim("data"))
    await sleep(1.5)
    claim = f"{stage.home}/persistentvolumeclaims/data"
    merge = "application/merge-patch+json"
    for spec in (
        {"resources": {"requests": {"storage": "2Mi"}}},
        {"resources": {"requests": {"storage": "1Ki"}}},
        {"accessModes": ["ReadWriteMany"]},
        {"storageClassName": "other"},
        {"volumeName": "other"},
    ):
        await stage.request("PATCH", claim, {"spec": spec}, type=merge, note=str(spec))
    await stage.create(_claim("none", modes=()))
    await stage.create(_claim("unknown", modes=("ReadSometimes",)))
    await stage.create({**_claim("empty"), "spec": {"accessModes": ["ReadWriteOnce"]}})
    await stage.create(_claim("nothing", size="0"))
    await stage.create({**_volume("untold-bad", "Retain"), "spec": {"capacity": {"storage": "1Mi"}}})
    await stage.create(_volume("untold-bad", "Recycle", storageClassName="A b"))
    await stage.create(_volume("untold-bad", "Keep", nfs={"server": "s", "path": "/p"}))


@case("storage-limits")
async def storage_limits(stage: Stage) -> None:
    """What fills its disk is evicted by the kubelet, when it next looks."""
    fill = "dd if=/dev/zero of=/v/x bs=1M count=20 2>/dev/null; sleep 600"
    mount = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    limited = {"resources": {"limits": {"ephemeral-storage": "10Mi"}}}
    await stage.apply(
        bare("container", shell("main", fill.replace("/v/", "/var/"), **limited)),
        bare(
            "memory",
            shell("main", fill, **mount),
            volumes=[{"name": "v", "emptyDir": {"medium": "Memory", "sizeLimit": "5Mi"}}],
        ),
    )
    await sleep(22)
    await stage.kubectl("get", "pods")
    await stage.kubectl("describe", "pods")
