"""What containers find in their volumes: names, modes, contents; how that changes, and who may have it."""

from asyncio import sleep
from typing import Any

from tests.replay.case import Obj, bare, case, shell
from tests.replay.stage import Stage

LIST = "find /v -printf '%P %m %U:%G %y %l\\n' | sort"


def _sees(name: str, source: Obj, script: str, *, spec: Obj | None = None, **mount: object) -> Obj:
    container = shell("main", script, volumeMounts=[{"name": "v", "mountPath": "/v", **mount}])
    return bare(name, container, volumes=[{"name": "v", **source}], restartPolicy="Never", **(spec or {}))


def _map(name: str, **more: Any) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **more}


def _field(path: str, field: str) -> Obj:
    return {"path": path, "fieldRef": {"fieldPath": field}}


def _resource(path: str, resource: str, divisor: str) -> Obj:
    return {"path": path, "resourceFieldRef": {"containerName": "main", "resource": resource, "divisor": divisor}}


AMOUNTS = {"resources": {"requests": {"cpu": "30m", "memory": "12Mi"}, "limits": {"cpu": "1500m", "memory": "24Mi"}}}


def _downward() -> Obj:
    items = [
        _field("labels", "metadata.labels"),
        _field("annotations", "metadata.annotations"),
        _field("who/name", "metadata.name"),
        _field("who/namespace", "metadata.namespace"),
        _field("one", "metadata.annotations['text']"),
        {**_field("none", "metadata.labels['none']"), "mode": 0o400},
        _resource("cpu", "limits.cpu", "1"),
        _resource("milli", "requests.cpu", "1m"),
        _resource("bytes", "limits.memory", "0"),
        _resource("mebi", "requests.memory", "1Mi"),
    ]
    pod = _sees("downward", {"downwardAPI": {"items": items}}, f"{LIST}; grep . /v/[a-z]* /v/who/*")
    pod["metadata"]["annotations"] = {"text": 'two\nlines "quoted" \\', "b": "c"}
    pod["spec"]["containers"][0].update(AMOUNTS)
    return pod


@case("volume-contents")
async def contents(stage: Stage) -> None:
    await stage.apply(
        _map("files", data={"a.txt": "alpha\n", "b.conf": "beta\n"}, binaryData={"raw": "AAEC/w=="}),
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "keys"},
            "stringData": {"user": "me", "pass": "word"},
        },
    )
    chosen = [{"key": "a.txt", "path": "deep/er/a", "mode": 0o400}, {"key": "b.conf", "path": "b"}]
    token = {"serviceAccountToken": {"path": "token", "expirationSeconds": 700, "audience": "me"}}
    sources = [
        {"configMap": {"name": "files", "items": chosen[:1]}},
        {"secret": {"name": "keys", "items": [{"key": "pass", "path": "pass", "mode": 0o640}]}},
        {"downwardAPI": {"items": [_field("name", "metadata.name")]}},
        {"secret": {"name": "nope", "optional": True}},
    ]
    me = {"securityContext": {"runAsUser": 1234, "fsGroup": 2000}}
    write = f"echo mine > /v/x; {LIST}; touch /v/a.txt"
    memory = {"emptyDir": {"medium": "Memory", "sizeLimit": "3Mi"}}
    inside = "find /v -printf '%m %U:%G %y\\n'; cat /v; echo more >> /v"
    await stage.apply(
        _sees("whole", {"configMap": {"name": "files"}}, f"{LIST}; od -c /v/raw; cat /v/a.txt; {write}"),
        _sees("chosen", {"configMap": {"name": "files", "items": chosen, "defaultMode": 0o440}}, f"{LIST}; cat /v/b"),
        _sees("secret", {"secret": {"secretName": "keys", "defaultMode": 0o400}}, f"{LIST}; cat /v/pass", spec=me),
        _sees("projected", {"projected": {"sources": sources, "defaultMode": 0o444}}, f"{LIST}; cat /v/name"),
        _sees("token", {"projected": {"sources": [token]}}, f"{LIST}; head -c 5 /v/token", spec=me),
        _downward(),
        _sees("single", {"configMap": {"name": "files"}}, inside, subPath="a.txt"),
        _sees("absent", {"configMap": {"name": "nope", "optional": True}}, LIST),
        _sees("empty", {"emptyDir": {}}, write, spec=me),
        _sees("in-memory", memory, f"{write}; df --output=size,fstype /v | tail -1", spec=me),
        _sees("read-only", {"emptyDir": {}}, write, readOnly=True),
        _sees("made-path", {"emptyDir": {}}, f"{LIST}; stat -c '%a %u:%g' /v", subPath="not/there", spec=me),
        _sees("by-name", {"emptyDir": {}}, "grep -c ' /v ' /proc/mounts", subPathExpr="$(NOPE)x"),
        _sees("host", {"hostPath": {"path": "/var/lib/replay-seen", "type": "DirectoryOrCreate"}}, LIST),
        _sees("host-file", {"hostPath": {"path": "/var/lib/replay-file", "type": "FileOrCreate"}}, inside),
    )
    await stage.until_over(14)
    await sleep(1)
    await stage.kubectl("get", "pods")
    for name in (
        *("whole", "chosen", "secret", "projected", "token", "downward", "single", "absent", "empty", "in-memory"),
        *("read-only", "made-path", "by-name", "host", "host-file"),
    ):
        await stage.kubectl("logs", name)
    await stage.kubectl("describe", "pod", "projected", "downward", "in-memory", "host-file")


@case("volume-updates")
async def updates(stage: Stage) -> None:
    """Seen in the volume, not through a subPath, not in the environment; what is gone stays."""
    reads = "cd /v; for f in * /one; do echo $f $(cat $f); done; echo $WORD"
    mounts = [
        {"name": "v", "mountPath": "/v"},
        {"name": "d", "mountPath": "/d"},
        {"name": "v", "mountPath": "/one", "subPath": "word"},
    ]
    word = {"name": "WORD", "valueFrom": {"configMapKeyRef": {"name": "live", "key": "word"}}}
    volumes = [
        {"name": "v", "configMap": {"name": "live"}},
        {"name": "d", "downwardAPI": {"items": [_field("labels", "metadata.labels")]}},
    ]
    await stage.apply(_map("live", data={"word": "first", "gone": "soon"}))
    await stage.apply(bare("reader", shell("main", "sleep 600", volumeMounts=mounts, env=[word]), volumes=volumes))
    await stage.until_ready(1)
    await stage.kubectl("exec", "reader", "--", "sh", "-c", reads)
    patch = '{"data":{"word":"second","gone":null,"new":"here"}}'
    await stage.kubectl("patch", "configmap", "live", "--type=merge", "-p", patch)
    await stage.kubectl("label", "pod", "reader", "seen=yes")
    await sleep(3)
    await stage.kubectl("exec", "reader", "--", "sh", "-c", f"{reads}; cat /d/labels")
    await stage.kubectl("patch", "configmap", "live", "--type=merge", "-p", '{"immutable":true}')
    await stage.kubectl("patch", "configmap", "live", "--type=merge", "-p", '{"data":{"word":"third"}}')
    await stage.kubectl("delete", "configmap", "live")
    await stage.kubectl("label", "pod", "reader", "seen=no", "--overwrite")
    await sleep(3)
    await stage.kubectl("exec", "reader", "--", "sh", "-c", f"{reads}; cat /d/labels")
    await stage.kubectl("get", "events")
    await stage.kubectl("get", "pods")


def _claim(name: str, storage_class: str, mode: str) -> Obj:
    spec = {"accessModes": [mode], "resources": {"requests": {"storage": "1Mi"}}, "storageClassName": storage_class}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def _volume(name: str, storage_class: str, mode: str, **spec: Any) -> Obj:
    whole = {
        "capacity": {"storage": "10Mi"},
        "accessModes": [mode],
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": storage_class,
        "hostPath": {"path": f"/var/lib/replay/{name}", "type": "DirectoryOrCreate"},
        **spec,
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": whole}


def _user(name: str, claim: str, **spec: Any) -> Obj:
    container = shell("main", "sleep 600", volumeMounts=[{"name": "v", "mountPath": "/v"}])
    return bare(name, container, volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": claim}}], **spec)


@case("claim-one-pod", alone=True)
async def one_pod(stage: Stage) -> None:
    """A claim for one pod alone, and claims that wait for their first pod to say where."""
    expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["node2"]}
    there = {"nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}}
    await stage.apply(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "replay-late"},
            "provisioner": "kubernetes.io/no-provisioner",
            "volumeBindingMode": "WaitForFirstConsumer",
        },
        _volume("replay-one", "by-hand-one", "ReadWriteOncePod"),
        _volume("replay-there", "replay-late", "ReadWriteOnce", **there),
        _claim("one", "by-hand-one", "ReadWriteOncePod"),
        _claim("late", "replay-late", "ReadWriteOnce"),
        _claim("never", "replay-late", "ReadWriteOnce"),
    )
    await sleep(1)
    await stage.kubectl("get", "pvc")
    await stage.apply(_user("holder", "one"), _user("lands", "late"))
    await stage.until_ready(2)
    await stage.apply(
        _user("second", "one"),
        _user("nowhere", "never"),
        _user("elsewhere", "late", nodeSelector={"kubernetes.io/hostname": "node1"}),
    )
    await sleep(2)
    await stage.kubectl("get", "pods", "-o", "custom-columns=POD:.metadata.name,PHASE:.status.phase")
    await stage.kubectl("get", "pvc")
    await stage.kubectl("describe", "pvc", "one", "late", "never")
    await stage.kubectl("delete", "pod", "holder")
    await sleep(2)
    await stage.kubectl("get", "pods")
    await stage.kubectl("get", "events")
    await stage.kubectl("delete", "pods", "--all", "--now")
    await stage.kubectl("delete", "pvc", "--all")
    await stage.kubectl("delete", "pv", "replay-one", "replay-there", anywhere=True)
    await stage.kubectl("delete", "storageclass", "replay-late", anywhere=True)
