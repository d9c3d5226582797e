"""Containers that end, that may not start, and what they see of the world."""

from asyncio import sleep

from tests.replay.case import Obj, app, brief, case, http_get, shell
from tests.replay.stage import Stage


@case("oomkilled", namespace="oom")
async def oomkilled(stage: Stage) -> None:
    await stage.apply(*app())
    await stage.until_ready(1)
    await sleep(1)
    # Four times when it was recorded, of which one found nobody listening.
    for _ in range(3):
        stage.note("leak until killed")
        await _leak_until_killed(stage)
        await sleep(1.2)
        for _ in range(100):
            if await stage.ready_pods():
                break
            await sleep(1)
    await stage.show()
    [pod] = await stage.pods()
    await stage.kubectl("logs", pod["metadata"]["name"])
    await stage.kubectl("logs", pod["metadata"]["name"], "--previous")
    await sleep(1)


async def _leak_until_killed(stage: Stage) -> None:
    """Bounded; who does not listen yet is asked again."""
    answered = False
    for _ in range(50):
        code = await stage.http("services/app:80", "/leak?mb=16")
        if answered and not code:
            return
        answered = answered or code == 200
        await sleep(0 if code else 0.1)


@case("child-oom")
async def child_oom(stage: Stage) -> None:
    script = "python3 -c 'b=bytearray(200<<20)' ; echo child ended with $?; sleep 600"
    await _observed(stage, brief(container={"command": ["sh", "-c", script]}), 6, logs=True)


@case("crash-on-start")
async def crash_on_start(stage: Stage) -> None:
    command = ["python3", "-c", 'import sys;print("boom");sys.exit(3)']
    await _observed(stage, app(container={"command": command}), 22)


@case("grace-period-exceeded")
async def grace_period_exceeded(stage: Stage) -> None:
    deaf = "import signal,time; signal.signal(15, lambda *a: None); time.sleep(600)"
    await _observed(stage, brief(container={"command": ["python3", "-c", deaf]}), 4)
    await stage.kubectl("delete", "pod", "-l", "app=app")
    await sleep(2)
    await stage.show()


@case("pod-completes")
async def completes(stage: Stage) -> None:
    once = _pod("once", "Never", shell("main", "echo done"))
    fails = _pod("fails", "OnFailure", shell("main", "echo bad; exit 3"))
    await _observed(stage, (once, fails), 6)


def _pod(name: str, restart: str, container: Obj) -> Obj:
    spec = {"terminationGracePeriodSeconds": 2, "restartPolicy": restart, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {}}, "spec": spec}


@case("init-container-failing")
async def init_failing(stage: Stage) -> None:
    init = shell("init", "echo cannot reach the store; exit 5")
    await _observed(stage, brief(pod={"initContainers": [init]}), 6)


@case("init-container-and-lifecycle")
async def init_and_lifecycle(stage: Stage) -> None:
    container = {
        "lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", "sleep 2"]}}},
        "startupProbe": http_get("/healthz", periodSeconds=1, failureThreshold=30),
    }
    init = shell("init", "echo init; sleep 2")
    await _observed(stage, app(container=container, pod={"initContainers": [init]}), 8)
    await stage.kubectl("delete", "pod", "-l", "app=app")


@case("native-sidecar")
async def native_sidecar(stage: Stage) -> None:
    sidecar = shell("side", "echo up; sleep 600", restartPolicy="Always")
    await _observed(stage, brief(pod={"initContainers": [sidecar]}), 6)


@case("lifecycle-poststart-failing")
async def poststart_failing(stage: Stage) -> None:
    hook = {"postStart": {"exec": {"command": ["sh", "-c", "echo no; exit 1"]}}}
    await _observed(stage, brief(container={"lifecycle": hook}), 10)


@case("image-never-pull")
async def never_pull(stage: Stage) -> None:
    await _observed(stage, app(container={"image": "demo/missing:1", "imagePullPolicy": "Never"}), 6)


@case("image-pull-backoff")
async def pull_backoff(stage: Stage) -> None:
    await _observed(stage, app(container={"image": "198.19.255.1:9/missing:1"}), 16)


@case("run-as-non-root-refused")
async def run_as_non_root(stage: Stage) -> None:
    await _observed(stage, app(container={"securityContext": {"runAsNonRoot": True}}), 6)


@case("missing-configmap-volume")
async def missing_configmap(stage: Stage) -> None:
    volumes = [{"name": "src", "configMap": {"name": "nope"}}, {"name": "data", "emptyDir": {}}]
    await _observed(stage, app(pod={"volumes": volumes}), 6)


TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"


@case("read-only-root")
async def read_only_root(stage: Stage) -> None:
    script = (
        "touch /x; echo write to /: $?; id; cat /proc/1/status | grep -E 'Uid|Cap|NoNew|Seccomp'; "
        f"ls -l {TOKEN}; sleep 600"
    )
    context = {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {"command": ["sh", "-c", script], "securityContext": context}
    await _observed(stage, brief(container=container), 6, logs=True)


@case("no-token")
async def no_token(stage: Stage) -> None:
    script = f"ls -l {TOKEN}; cat /etc/hosts /etc/resolv.conf; env | sort; sleep 600"
    quiet = {"automountServiceAccountToken": False}
    await _observed(stage, _service_first(brief(container={"command": ["sh", "-c", script]}, pod=quiet)), 5, logs=True)


@case("service-environment")
async def service_environment(stage: Stage) -> None:
    script = f"ls -la {TOKEN}; env | sort; df -h /data | tail -1; sleep 600"
    await _observed(stage, _service_first(brief(container={"command": ["sh", "-c", script]})), 5, logs=True)


def _service_first(manifests: tuple[Obj, ...]) -> tuple[Obj, ...]:
    """A container starts so soon here that it might not yet see a Service that comes after its Deployment."""
    return manifests[::-1]


async def _observed(stage: Stage, manifests: tuple[Obj, ...], seconds: float, *, logs: bool = False) -> None:
    await stage.apply(*manifests)
    await sleep(seconds)
    await stage.show()
    if logs:
        await stage.kubectl("logs", "deploy/app")
