"""Containers that do not come up, or do not stay: each reason has its words."""

from asyncio import sleep
from typing import Any

from tests.replay.case import Obj, bare, case, shell
from tests.replay.normal import IMAGE
from tests.replay.stage import Stage

LOOK = ("get", "pods")
FOREVER = "sleep 600"


def _runs(command: list[str]) -> Obj:
    return {"name": "main", "image": IMAGE, "command": command}


def _sees(**variables: Obj) -> Obj:
    env = [{"name": name.upper(), "valueFrom": source} for name, source in variables.items()]
    return shell("main", "echo $WORD $OTHER; sleep 600", env=env)


def _key(kind: str, name: str, key: str, **more: bool) -> Obj:
    return {f"{kind}KeyRef": {"name": name, "key": key, **more}}


async def _shown(stage: Stage, pods: list[Obj], seconds: float) -> None:
    await stage.apply(*pods)
    await sleep(seconds)
    await stage.kubectl(*LOOK)
    await stage.kubectl("describe", "pods")


@case("start-command-missing")
async def command_missing(stage: Stage) -> None:
    pods = [
        bare("no-such-file", _runs(["/no/such"])),
        bare("not-in-path", _runs(["nonsense", "--now"])),
        bare("not-executable", _runs(["/etc/passwd"]), restartPolicy="Never"),
        bare("shell-finds-nothing", shell("main", "nonsense"), restartPolicy="Never"),
        bare("argument-alone", {"name": "main", "image": IMAGE, "args": ["nonsense"]}, restartPolicy="Never"),
    ]
    await _shown(stage, pods, 9)
    for pod in ("no-such-file", "shell-finds-nothing"):
        await stage.kubectl("logs", pod)


@case("start-configuration-missing")
async def configuration_missing(stage: Stage) -> None:
    await stage.post(f"{stage.home}/secrets", {"metadata": {"name": "there"}, "stringData": {"key": "value"}})
    every = shell("main", FOREVER, envFrom=[{"configMapRef": {"name": "nope"}}])
    expanded = shell("main", FOREVER, volumeMounts=[{"name": "v", "mountPath": "/v", "subPathExpr": "$(NOPE)"}])
    pods = [
        bare("no-secret", _sees(word=_key("secret", "nope", "key"))),
        bare("no-key", _sees(word=_key("secret", "there", "nope"))),
        bare("no-map", _sees(word=_key("configMap", "nope", "key"))),
        bare("no-map-key", _sees(word=_key("configMap", "src", "nope"))),
        bare("no-env-from", every),
        bare(
            "optional", _sees(word=_key("secret", "nope", "key", optional=True), other=_key("secret", "there", "key"))
        ),
        bare("sub-path-of-nothing", expanded, volumes=[{"name": "v", "emptyDir": {}}]),
    ]
    await _shown(stage, pods, 5)
    await stage.kubectl("logs", "no-secret")
    await stage.kubectl("logs", "optional")
    await stage.kubectl("exec", "no-map", "--", "true")


@case("start-image-refused")
async def image_refused(stage: Stage) -> None:
    pods = [
        bare("upper", {"name": "main", "image": "Demo/App:1"}),
        bare("never", {"name": "main", "image": "demo/missing:1", "imagePullPolicy": "Never"}),
        bare(
            "init-never",
            shell("main", FOREVER),
            initContainers=[{"name": "first", "image": "demo/missing:1", "imagePullPolicy": "Never"}],
        ),
        bare(
            "one-of-two",
            shell("main", FOREVER),
            {"name": "side", "image": "demo/missing:1", "imagePullPolicy": "Never"},
        ),
        bare("not-root", shell("main", FOREVER, securityContext={"runAsNonRoot": True, "runAsUser": 0})),
    ]
    await _shown(stage, pods, 5)
    await stage.kubectl("logs", "upper")
    await stage.kubectl("logs", "one-of-two")


def _mounts(source: Obj, **mount: str) -> dict[str, Any]:
    container = shell("main", FOREVER, volumeMounts=[{"name": "v", "mountPath": "/v", **mount}])
    return bare(next(iter(source)).lower(), container, volumes=[{"name": "v", **source}])


def _called(name: str, pod: Obj) -> Obj:
    return {**pod, "metadata": {**pod["metadata"], "name": name}}


@case("start-mount-failing")
async def mount_failing(stage: Stage) -> None:
    items = [{"key": "nope", "path": "nope"}]
    both = [{"secret": {"name": "nope"}}, {"configMap": {"name": "src"}}]
    pods = [
        _called("no-secret", _mounts({"secret": {"secretName": "nope"}})),
        _called("no-map-key", _mounts({"configMap": {"name": "src", "items": items}})),
        _called("optional", _mounts({"secret": {"secretName": "nope", "optional": True}})),
        _called("projected", _mounts({"projected": {"sources": both}})),
        _called("no-folder", _mounts({"hostPath": {"path": "/no/such/folder", "type": "Directory"}})),
        _called("no-file", _mounts({"hostPath": {"path": "/no/such/file", "type": "File"}})),
        _called("no-claim", _mounts({"persistentVolumeClaim": {"claimName": "nope"}})),
    ]
    await _shown(stage, pods, 6)


HOG = ["python3", "-c", "import time; time.sleep(0.3); b = b'x' * (200 << 20); time.sleep(600)"]


def _limited(**requests: str) -> Obj:
    return {"limits": {"memory": "48Mi"}, "requests": requests} if requests else {}


@case("oom-kinds")
async def oom_kinds(stage: Stage) -> None:
    hog = _runs(HOG)
    guaranteed = {"limits": {"memory": "48Mi", "cpu": "100m"}}
    pods = [
        bare("burstable", {**hog, "resources": _limited(memory="16Mi")}),
        bare("guaranteed", {**hog, "resources": guaranteed}),
        bare("once", {**hog, "resources": _limited(memory="16Mi")}, restartPolicy="Never"),
        bare(
            "in-init",
            shell("main", FOREVER),
            initContainers=[{**hog, "name": "first", "resources": _limited(memory="16Mi")}],
        ),
        bare(
            "in-init-once",
            shell("main", FOREVER),
            initContainers=[{**hog, "name": "first", "resources": _limited(memory="16Mi")}],
            restartPolicy="Never",
        ),
        bare("beside", {**hog, "resources": _limited(memory="16Mi")}, shell("side", FOREVER)),
    ]
    await _shown(stage, pods, 6)


@case("oom-again-and-again")
async def oom_again(stage: Stage) -> None:
    await _shown(stage, [bare("burstable", {**_runs(HOG), "resources": _limited(memory="16Mi")})], 18)
    await stage.kubectl("logs", "burstable", "--previous")


@case("pod-ends")
async def pod_ends(stage: Stage) -> None:
    pods = [
        bare("deadline", shell("main", FOREVER), activeDeadlineSeconds=2),
        bare(
            "deadline-in-init",
            shell("main", FOREVER),
            initContainers=[shell("first", FOREVER)],
            activeDeadlineSeconds=2,
        ),
        bare("one-fails", shell("main", "sleep 1; exit 4"), shell("side", "sleep 2"), restartPolicy="Never"),
        bare("init-fails", shell("main", FOREVER), initContainers=[shell("first", "exit 6")], restartPolicy="Never"),
        bare("on-failure", shell("main", "exit 7"), restartPolicy="OnFailure"),
        bare("always", shell("main", "sleep 1")),
        bare("says-why", shell("main", "echo out of ideas > /dev/termination-log; exit 9"), restartPolicy="Never"),
        bare(
            "last-lines",
            shell("main", "echo one; echo two; exit 9", terminationMessagePolicy="FallbackToLogsOnError"),
            restartPolicy="Never",
        ),
        bare("by-signal", shell("main", "kill -9 $$"), restartPolicy="Never"),
        bare("by-term", _runs(["python3", "-c", "import os; os.abort()"]), restartPolicy="Never"),
    ]
    await _shown(stage, pods, 6)
    for pod in ("one-fails", "always"):
        await stage.kubectl("logs", pod, "--all-containers")
