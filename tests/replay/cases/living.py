"""Probes, gates and hooks of pods that stand alone, through their whole life."""

from asyncio import sleep

from tests.replay.case import FAST, Obj, app, bare, brief, case, shell
from tests.replay.stage import Stage


def _exec(script: str, **more: object) -> Obj:
    return {"exec": {"command": ["sh", "-c", script]}, **more}


def _service(name: str) -> Obj:
    spec = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


# Without a child, which would hold the probe's output open for longer than the probe's time.
HANGS = {"exec": {"command": ["sleep", "5"]}, "periodSeconds": 2, "timeoutSeconds": 1}
DEAF = ["python3", "-c", "import signal, time; signal.signal(15, lambda *a: None); time.sleep(600)"]


@case("probe-liveness-restarts")
async def liveness_restarts(stage: Stage) -> None:
    probe = _exec("test -e /tmp/alive", **FAST, terminationGracePeriodSeconds=1)
    deaf = {**shell("main", ""), "command": DEAF, "livenessProbe": probe}
    obedient = shell("main", "trap 'exit 0' TERM; while :; do sleep 0.1; done", livenessProbe=_exec("exit 1", **FAST))
    await stage.apply(bare("deaf", deaf, terminationGracePeriodSeconds=30), bare("obedient", obedient))
    await sleep(16)
    await stage.kubectl("get", "pods")
    await stage.kubectl("describe", "pods")


@case("probe-startup-slow")
async def startup_slow(stage: Stage) -> None:
    probes = {
        "startupProbe": _exec("test -e /tmp/up", periodSeconds=1, failureThreshold=10),
        "readinessProbe": _exec("test -e /tmp/up", periodSeconds=1),
        "livenessProbe": _exec("test -e /tmp/up", periodSeconds=1, failureThreshold=1),
    }
    slow = shell("main", "sleep 3.5; touch /tmp/up; sleep 600", **probes)
    timed_out = shell("main", "sleep 600", readinessProbe=HANGS)
    await stage.apply(bare("slow", slow), bare("timed-out", timed_out), _service("slow"))
    await sleep(7)
    await stage.show()


@case("probe-readiness-flaps")
async def readiness_flaps(stage: Stage) -> None:
    probe = _exec("test -e /tmp/up", periodSeconds=1, failureThreshold=1)
    pod = bare("flaps", shell("main", "sleep 600", readinessProbe=probe))
    await stage.apply(pod, _service("flaps"))
    await sleep(1.5)
    for script in ("touch /tmp/up", "rm /tmp/up", "touch /tmp/up"):
        await stage.kubectl("exec", "flaps", "--", "sh", "-c", script)
        await sleep(2.2)
    await stage.show()


@case("probe-http-kinds")
async def http_kinds(stage: Stage) -> None:
    """Redirects, refusals and names that do not exist."""

    def probe(**get: object) -> Obj:
        return {"readinessProbe": {"httpGet": {"port": "http", "path": "/", **get}, **FAST}}

    answers = {
        "plain": probe(),
        "missing": probe(path="/nothing-here"),
        "other-port": probe(port=9),
        "over-tls": probe(scheme="HTTPS"),
        "grpc": {"readinessProbe": {"grpc": {"port": 8080}, **FAST}},
    }
    manifests = [_renamed(app(container=container)[0], name) for name, container in answers.items()]
    await stage.apply(*manifests)
    await sleep(5)
    await stage.kubectl("get", "events")
    await stage.kubectl("get", "deploy")


def _renamed(deployment: Obj, name: str) -> Obj:
    spec, labels = deployment["spec"]["template"]["spec"], {"app": name}
    return bare(name, *spec["containers"], volumes=spec["volumes"]) | {"metadata": {"name": name, "labels": labels}}


@case("readiness-gates")
async def readiness_gates(stage: Stage) -> None:
    gates = [{"conditionType": "example.com/in-rotation"}]
    await stage.apply(bare("gated", shell("main", "sleep 600"), readinessGates=gates), _service("gated"))
    await sleep(2)
    await stage.kubectl("get", "pods", "-o", "wide")
    for status in ("True", "False"):
        patch = f'{{"status":{{"conditions":[{{"type":"example.com/in-rotation","status":"{status}"}}]}}}}'
        await stage.kubectl("patch", "pod", "gated", "--subresource=status", "-p", patch)
        await sleep(1.5)
        await stage.kubectl("get", "pods", "-o", "wide")
    await stage.kubectl("describe", "pod", "gated")


@case("hooks-failing")
async def hooks_failing(stage: Stage) -> None:
    refused = {"httpGet": {"path": "/", "port": 9}}
    hooks = {
        "stop-exec": {"preStop": _exec("echo no; exit 3")},
        "stop-http": {"preStop": refused},
        "stop-sleep": {"preStop": {"sleep": {"seconds": 2}}},
        "stop-too-long": {"preStop": _exec("sleep 30")},
        "start-http": {"postStart": refused},
        "start-sleep": {"postStart": {"sleep": {"seconds": 2}}},
        "start-missing": {"postStart": {"exec": {"command": ["nonsense"]}}},
    }
    script = "trap 'exit 0' TERM; while :; do sleep 0.1; done"
    await stage.apply(*(bare(name, shell("main", script, lifecycle=hook)) for name, hook in hooks.items()))
    await sleep(9)
    await stage.kubectl("get", "pods")
    await stage.kubectl("delete", "pods", "-l", "app in (stop-exec,stop-http,stop-sleep,stop-too-long)")
    await stage.kubectl("get", "events")


@case("termination-graceful")
async def graceful(stage: Stage) -> None:
    hook = {"lifecycle": {"preStop": {"sleep": {"seconds": 3}}}}
    early = {**_service("app"), "metadata": {"name": "early"}}
    early["spec"] = {**early["spec"], "clusterIP": "None", "publishNotReadyAddresses": True}
    await stage.apply(*brief(container=hook, pod={"terminationGracePeriodSeconds": 8}), early)
    await stage.until_ready(1)
    await sleep(1)
    await stage.kubectl("scale", "deploy/app", "--replicas=0")
    await sleep(1)
    await stage.http("services/app:80", "/")
    await stage.kubectl("get", "endpointslices,endpoints")
    await stage.kubectl("get", "pods")
    await sleep(3.5)
    await stage.kubectl("get", "pods")
