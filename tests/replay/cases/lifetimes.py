"""Sidecars, thresholds of probes, ends of containers, and containers that join a running pod."""

from asyncio import sleep
from typing import Any

from tests.replay.case import FAST, Obj, bare, case, shell
from tests.replay.normal import IMAGE
from tests.replay.stage import Stage

OBEYS = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done"
FOREVER = shell("main", OBEYS)


def _exec(script: str, **more: Any) -> Obj:
    return {"exec": {"command": ["sh", "-c", script]}, **more}


def _sidecar(name: str, script: str = OBEYS, **more: Any) -> Obj:
    return shell(name, script, restartPolicy="Always", **more)


@case("sidecars")
async def sidecars(stage: Stage) -> None:
    """Started in order, each before what comes after it; counted in readiness; restarted; stopped last, in reverse."""
    slow: Obj = {"startupProbe": _exec("test -e /tmp/up", periodSeconds=1, failureThreshold=10)}
    never: Obj = {"startupProbe": _exec("false", periodSeconds=1, failureThreshold=2)}
    unready: Obj = {"readinessProbe": _exec("false", **FAST)}
    await stage.apply(
        bare("done", shell("main", "sleep 2"), initContainers=[_sidecar("a"), _sidecar("b")], restartPolicy="Never"),
        bare("fails", shell("main", "sleep 2; exit 3"), initContainers=[_sidecar("a")], restartPolicy="Never"),
        bare(
            "slow",
            FOREVER,
            initContainers=[
                _sidecar("a", f"(sleep 2; touch /tmp/up) & {OBEYS}", **slow),
                shell("first", "echo first"),
                _sidecar("b"),
            ],
        ),
        bare("never-up", FOREVER, initContainers=[_sidecar("a", **never)]),
        bare("unready", FOREVER, initContainers=[_sidecar("a", **unready), _sidecar("b")]),
        bare("crashes", FOREVER, initContainers=[_sidecar("a", "sleep 5; exit 2")]),
        bare(
            "ill",
            FOREVER,
            initContainers=[_sidecar("a", livenessProbe=_exec("false", periodSeconds=5, failureThreshold=1))],
        ),
    )
    await sleep(9)
    await stage.kubectl("get", "pods")
    await stage.kubectl("describe", "pods")
    await stage.kubectl("logs", "done", "--all-containers")
    await stage.kubectl("delete", "pod", "unready", "slow")
    await stage.kubectl("get", "events")


SERVER = """
import http.server, time
WHERE = {'/inside': '/ok', '/outside': 'http://elsewhere.example/', '/round': '/round', '/gone': '/nowhere'}
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        where = WHERE.get(self.path)
        if self.path == '/slow': time.sleep(3)
        asked = self.path != '/asked' or (self.headers['X-Ask'] == 'yes' and self.headers['Host'] == 'me.example')
        self.send_response(302 if where else 200 if asked and self.path in ('/ok', '/asked', '/slow') else 418)
        if where: self.send_header('Location', where)
        self.end_headers()
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(('', 8080), H).serve_forever()
"""


def _serves(name: str, **probes: Obj) -> Obj:
    ports = [{"containerPort": 8080, "name": "web"}]
    return bare(name, {"name": "main", "image": IMAGE, "command": ["python3", "-c", SERVER], "ports": ports, **probes})


def _asked(path: str, **more: Any) -> Obj:
    return {"httpGet": {"path": path, "port": "web", **more}, "initialDelaySeconds": 1, **FAST}


@case("probe-answers")
async def answers(stage: Stage) -> None:
    """What counts as an answer over HTTP: redirects, headers, hosts, names of ports."""
    headers = [{"name": "X-Ask", "value": "yes"}, {"name": "Host", "value": "me.example"}]
    await stage.apply(
        _serves("inside", readinessProbe=_asked("/inside")),
        _serves("outside", readinessProbe=_asked("/outside")),
        _serves("round", readinessProbe=_asked("/round")),
        _serves("gone", readinessProbe=_asked("/gone")),
        _serves("asked", readinessProbe=_asked("/asked", httpHeaders=headers)),
        _serves("unasked", readinessProbe=_asked("/asked")),
        _serves("slow", readinessProbe=_asked("/slow")),
        _serves("unnamed", readinessProbe=_asked("/ok", port="nope")),
        _serves("at-node", readinessProbe=_asked("/ok", host="127.0.0.1", port=9)),
        _serves("over-tcp", readinessProbe={"tcpSocket": {"port": "web"}, "initialDelaySeconds": 1, **FAST}),
        _serves("over-tcp-unnamed", readinessProbe={"tcpSocket": {"port": "nope"}, **FAST}),
        _serves("over-grpc", readinessProbe={"grpc": {"port": 9, "service": "me"}, **FAST}),
    )
    await sleep(6)
    await stage.kubectl("get", "pods")
    await stage.kubectl("get", "events")
    await stage.kubectl("describe", "pod", "asked", "over-grpc", "at-node")


SHORT = {"terminationGracePeriodSeconds": 1}
TRIES = _exec("echo no; exit 7", periodSeconds=1, failureThreshold=3)
ODD_PROBES: dict[str, Obj] = {
    "grace-of-readiness": {"readinessProbe": {**TRIES, **SHORT}},
    "successes-of-liveness": {"livenessProbe": {**TRIES, "successThreshold": 2}},
    "no-handler": {"livenessProbe": {"periodSeconds": 1}},
    "two-handlers": {"livenessProbe": {**TRIES, "tcpSocket": {"port": 1}}},
    "no-grace": {"livenessProbe": {**TRIES, "terminationGracePeriodSeconds": 0}},
    "below-zero": {"readinessProbe": {**TRIES, "periodSeconds": -1, "timeoutSeconds": -1}},
    "odd-port": {"readinessProbe": {"httpGet": {"port": "no_such", "path": "/"}}},
    "high-port": {"readinessProbe": {"grpc": {"port": 70000}}},
}


ODD_VISITORS: dict[str, Obj] = {
    "no image": {"name": "x"},
    "same name": {"name": "main", "image": IMAGE},
    "no target": {"name": "x", "image": IMAGE, "targetContainerName": "nope"},
    "ports": {"name": "x", "image": IMAGE, "ports": [{"containerPort": 80}]},
    "probe": {"name": "x", "image": IMAGE, "livenessProbe": _exec("true")},
    "resources": {"name": "x", "image": IMAGE, "resources": {"limits": {"cpu": "1"}}},
    "changed": {"name": "doctor", "image": "other:1"},
}


@case("probe-thresholds")
async def thresholds(stage: Stage) -> None:
    """How often, how late, and what becomes of those that fail."""
    deaf = {"command": ["python3", "-c", "import signal, time; signal.signal(15, lambda *a: None); time.sleep(600)"]}
    down = _exec("test ! -e /tmp/down", periodSeconds=1, failureThreshold=1)
    both = {"startupProbe": _exec("true", periodSeconds=1, failureThreshold=30, **SHORT), "livenessProbe": down}
    await stage.apply(
        bare("thrice", shell("main", OBEYS, readinessProbe=_exec("true", periodSeconds=1, successThreshold=3))),
        bare("delayed", shell("main", OBEYS, readinessProbe=_exec("true", periodSeconds=1, initialDelaySeconds=3))),
        bare("goes-down", shell("main", f"(sleep 6; touch /tmp/down) & {OBEYS}", **both)),
        bare("patient", shell("main", OBEYS, livenessProbe=TRIES), restartPolicy="Never"),
        bare("own-grace", {**shell("main", ""), **deaf, "livenessProbe": {**TRIES, **SHORT}}, restartPolicy="Never"),
        bare(
            "delayed-start",
            shell("main", OBEYS, startupProbe={**TRIES, "initialDelaySeconds": 2}),
            restartPolicy="Never",
        ),
        bare(
            "no-program", shell("main", OBEYS, readinessProbe={"exec": {"command": ["nonsense"]}, "periodSeconds": 30})
        ),
    )
    await sleep(12.5)
    await stage.kubectl("get", "pods")
    await stage.kubectl("describe", "pods")
    for name, probe in ODD_PROBES.items():
        await stage.create(bare(name, shell("main", OBEYS, **probe)))


@case("exits")
async def exits(stage: Stage) -> None:
    """Codes and signals, the last words of the dead, and who is started again."""
    words = "echo from the log; echo from the file > /last/words; exit 4"
    path = {"terminationMessagePath": "/last/words"}
    fallback = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    over = {**_ends(""), "command": ["python3", "-c", "import time; time.sleep(1); exit(300)"]}
    again = {"restartPolicy": "OnFailure", "volumes": [{"name": "v", "emptyDir": {}}]}
    pods = {
        "by-segv": _ends("sh -c 'kill -s SEGV $$'; exit $?"),
        "by-term": _ends("sh -c 'kill -s TERM $$'; exit $?"),
        "high-code": _ends("exit 255"),
        "over-code": over,
        "own-path": _ends(words, **path),
        "file-before-log": _ends(words, **path, **fallback),
        "log-of-success": _ends("echo fine", **fallback),
        "log-of-failure": _ends("echo out; printf tail; exit 2", **fallback),
    }
    late = shell("side", "sleep 3; exit 3")
    await stage.apply(
        *(bare(name, container, restartPolicy="Never") for name, container in pods.items()),
        bare("mixed", _ends("exit 0"), late, restartPolicy="Never"),
        bare("half", _ends("exit 0"), late, restartPolicy="OnFailure"),
        bare("half-always", _ends("exit 0"), FOREVER | {"name": "side"}),
        bare("second-time", _ends(SECOND_TIME, **KEEPS), **again),
        bare("init-second-time", _ends("echo main"), initContainers=[_fails_once("first"), _ends("", "next")], **again),
    )
    await stage.until_over(11)
    await sleep(4)
    await stage.kubectl("get", "pods")
    await stage.kubectl("describe", "pods")
    await stage.kubectl("logs", "init-second-time", "--all-containers")
    await stage.kubectl("logs", "half", "-c", "side", "--previous")


SECOND_TIME = "test -e /v/x || { touch /v/x; exit 5; }"
KEEPS: Obj = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}


def _ends(script: str, name: str = "main", **more: Any) -> Obj:
    """After a second, so that it was seen to run."""
    return shell(name, f"sleep 1; {script}", **more)


def _fails_once(name: str) -> Obj:
    return _ends(SECOND_TIME, name, **KEEPS)


@case("deleted-in-haste")
async def haste(stage: Stage) -> None:
    """Grace of every length, and none."""
    deaf = shell("main", "trap '' TERM; while :; do sleep 0.1; done")
    hook = {"lifecycle": {"preStop": _exec("sleep 1")}}
    await stage.apply(
        *(bare(name, deaf, terminationGracePeriodSeconds=30) for name in ("forced", "at-once", "one", "twice", "zero")),
        bare("hooked", shell("main", OBEYS, **hook), terminationGracePeriodSeconds=10),
        bare("no-grace", deaf, terminationGracePeriodSeconds=0),
    )
    await stage.until_ready(7)
    await sleep(1)
    await stage.kubectl("delete", "pod", "forced", "--grace-period=0", "--force")
    await stage.kubectl("delete", "pod", "at-once", "--now", "--wait=false")
    await stage.kubectl("delete", "pod", "one", "--grace-period=1", "--wait=false")
    await stage.kubectl("delete", "pod", "twice", "--grace-period=20", "--wait=false")
    await stage.kubectl("delete", "pod", "hooked", "--wait=false")
    await stage.kubectl("delete", "pod", "no-grace", "--wait=false")
    await stage.request("DELETE", f"{stage.home}/pods/zero?gracePeriodSeconds=0", note="zero")
    await stage.request("DELETE", f"{stage.home}/pods/hooked?gracePeriodSeconds=-1", note="below zero")
    columns = "POD:.metadata.name,GRACE:.metadata.deletionGracePeriodSeconds"
    await stage.kubectl("get", "pods", "-o", f"custom-columns={columns}")
    await stage.kubectl("delete", "pod", "twice", "--grace-period=3", "--wait=false")
    await stage.kubectl("get", "pods", "twice", "-o", f"custom-columns={columns}")
    await sleep(9)
    await stage.kubectl("get", "pods")
    await stage.kubectl("get", "events")


@case("ephemeral-containers")
async def ephemeral(stage: Stage) -> None:
    await stage.apply(bare("patient", FOREVER, shareProcessNamespace=False), bare("sound", FOREVER))
    await stage.until_ready(2)
    look = ("--image", IMAGE, "--", "sh", "-c", "cat /proc/1/comm; sleep 600")
    await stage.kubectl("debug", "patient", "-c", "doctor", "--target=main", *look)
    await stage.kubectl("debug", "sound", "-c", "visitor", *look[:3], "true")
    await sleep(3)
    await stage.kubectl("get", "pods")
    await stage.kubectl("describe", "pods")
    await stage.kubectl("logs", "patient", "-c", "doctor")
    state = "jsonpath={.status.ephemeralContainerStatuses[*].state.terminated.reason}"
    await stage.kubectl("get", "pod", "sound", "-o", state)
    strategic = "application/strategic-merge-patch+json"
    for note, more in ODD_VISITORS.items():
        patch = {"spec": {"ephemeralContainers": [more]}}
        await stage.request("PATCH", f"{stage.home}/pods/patient/ephemeralcontainers", patch, type=strategic, note=note)
    removed = [{"op": "remove", "path": "/spec/ephemeralContainers"}]
    path = f"{stage.home}/pods/patient/ephemeralcontainers"
    await stage.request("PATCH", path, removed, type="application/json-patch+json", note="removed")
    await stage.create(bare("born-so", FOREVER, ephemeralContainers=[{"name": "x", "image": IMAGE}]))
