"""Services as they change, endpoints by hand, and what a client gets from a Service that has nobody behind it."""

from asyncio import sleep
from typing import Any

from tests.replay.case import READY, Obj, app, bare, brief, case, shell
from tests.replay.stage import Stage

MERGE = "application/merge-patch+json"


def _service(name: str, **spec: Any) -> Obj:
    whole = {"ports": [{"port": 80, "targetPort": 8080, "name": "http"}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": whole}


async def _change(stage: Stage, name: str, **spec: Any) -> None:
    path = f"{stage.home}/services/{name}"
    await stage.request("PATCH", path, {"spec": spec}, type=MERGE, note=str(spec))


@case("service-kinds")
async def kinds(stage: Stage) -> None:
    mine = {"selector": {"app": "app"}}
    port = {"port": 80, "targetPort": 8080, "nodePort": 31555, "name": "http"}
    await stage.apply(
        *brief(container=READY),
        _service("headless", clusterIP="None", **mine),
        _service("elsewhere", type="ExternalName", externalName="example.com"),
        _service("node", type="NodePort", **mine | {"ports": [port]}),
        _service("balanced", type="LoadBalancer", **mine),
        _service("sticky", sessionAffinity="ClientIP", **mine),
        _service(
            "two",
            **mine
            | {
                "ports": [
                    {"port": 80, "targetPort": "http", "name": "a"},
                    {"port": 81, "targetPort": "nope", "name": "b"},
                ]
            },
        ),
    )
    await stage.create(_service("taken", type="NodePort", **mine | {"ports": [port]}))
    await stage.until_ready(1)
    await sleep(1)
    await stage.kubectl("get", "svc,endpoints,endpointslices")
    await stage.kubectl("describe", "svc")
    for name in ("headless", "elsewhere", "node", "two:a", "two:b", "two", "nope", "app:81", "https:app:80"):
        await stage.request("GET", f"{stage.home}/services/{name}/proxy/")
    await _change(stage, "app", type="NodePort")
    await _change(stage, "app", type="ExternalName", externalName="example.com")
    await _change(stage, "elsewhere", type="ClusterIP", externalName=None, selector={"app": "app"})
    await _change(stage, "headless", clusterIP="")
    await _change(stage, "node", type="ClusterIP")
    await _change(stage, "sticky", selector={"app": "typo"})
    await sleep(0.5)
    await stage.kubectl("get", "svc,endpoints")


@case("endpoints-by-hand")
async def by_hand(stage: Stage) -> None:
    await stage.apply(*brief(container=READY), _service("hand"), _service("slice"))
    await stage.until_ready(1)
    [pod] = await stage.pods()
    address = pod["status"]["podIP"]
    ports = [{"name": "http", "port": 8080}]
    endpoints = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "hand"}}
    await stage.create({**endpoints, "subsets": [{"addresses": [{"ip": address}], "ports": ports}]})
    whole = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "by-hand", "labels": {"kubernetes.io/service-name": "slice"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": ports,
    }
    await stage.create(whole)
    await sleep(1.5)
    await stage.kubectl("get", "svc,endpoints,endpointslices")
    await stage.kubectl("describe", "svc", "hand", "slice")
    await stage.kubectl("describe", "endpointslices")
    client = _ask(("hand", 80), ("slice", 80))
    await stage.apply(bare("client", client, restartPolicy="Never"))
    await sleep(3)
    await stage.kubectl("logs", "client")
    await stage.kubectl("delete", "endpoints", "hand")
    await sleep(0.5)
    await stage.kubectl("get", "endpoints,endpointslices")


def _ask(*targets: tuple[str, int]) -> Obj:
    """A container that connects to each and says how that ended."""
    script = f"""
import socket
for target in {targets!r}:
    try:
        socket.create_connection(target, 2).close()
        print(*target, "connected", flush=True)
    except OSError as error:
        print(*target, type(error).__name__, error, flush=True)
"""
    return {**shell("main", ""), "command": ["python3", "-c", script]}


@case("service-without-anybody")
async def nobody(stage: Stage) -> None:
    """Nobody behind it, nobody ready, the wrong port, no such name: what a client sees of each."""
    slow = {"readinessProbe": {"exec": {"command": ["false"]}, "periodSeconds": 1}}
    await stage.apply(
        *brief(container=slow),
        _service("unready", selector={"app": "app"}),
        _service("unready-published", selector={"app": "app"}, publishNotReadyAddresses=True),
        _service("nobody", selector={"app": "nobody"}),
        _service(
            "wrong-port", selector={"app": "app"}, publishNotReadyAddresses=True, ports=[{"port": 80, "targetPort": 9}]
        ),
        _service("headless-nobody", selector={"app": "nobody"}, clusterIP="None"),
        _service("headless-unready", selector={"app": "app"}, clusterIP="None"),
    )
    await sleep(2.5)
    names = ("unready", "unready-published", "nobody", "wrong-port", "headless-nobody", "headless-unready", "nope")
    await stage.apply(bare("client", _ask(*((name, 80) for name in names)), restartPolicy="Never"))
    for name in names:
        await stage.request("GET", f"{stage.home}/services/{name}:80/proxy/", note=name)
    [pod] = [pod for pod in await stage.pods() if pod["metadata"]["name"].startswith("app-")]
    await stage.request("GET", f"{stage.home}/pods/{pod['metadata']['name']}:9/proxy/", note="closed port")
    await stage.request("GET", f"{stage.home}/pods/nope:80/proxy/", note="no pod")
    await sleep(5)
    await stage.kubectl("logs", "client")
    await stage.kubectl("get", "svc,endpoints")


@case("commands-that-fail")
async def commands(stage: Stage) -> None:
    """exec, logs, wait and the like, where they cannot do what they are asked."""
    done = bare("done", shell("main", "echo said"), restartPolicy="Never")
    waits = bare("waits", {"name": "main", "image": "demo/missing:1", "imagePullPolicy": "Never"})
    two = bare("two", shell("a", "echo a; sleep 600"), shell("b", "echo b; sleep 600"))
    await stage.apply(done, waits, two, *app(replicas=0))
    await sleep(4)
    for arguments in (
        "exec done -- true",
        "exec waits -- true",
        "exec two -- sh -c exit|7",
        "exec two -c nope -- true",
        "exec two -- nonsense",
        "exec nope -- true",
        "logs done",
        "logs waits",
        "logs two",
        "logs two -c b",
        "logs two --all-containers --prefix",
        "logs two -c nope",
        "logs done --previous",
        "logs nope",
        "logs -l app=two --tail=1",
        "logs -l app=nobody",
        "attach done",
        "wait pod/two --for=condition=Ready --timeout=1s",
        "wait pod/waits --for=condition=Ready --timeout=1s",
        "wait pod/done --for=jsonpath={.status.phase}=Succeeded --timeout=1s",
        "wait pod/nope --for=condition=Ready --timeout=1s",
        "wait pod/two --for=delete --timeout=1s",
        "get pod nope",
        "get nonsense",
        "get pods -l app|in|nonsense",
        "describe pod nope",
        "delete pod nope",
        "delete pod nope --ignore-not-found",
        "delete nonsense --all",
        "scale deploy/nope --replicas=1",
        "scale pod/two --replicas=1",
        "rollout status deploy/nope",
        "rollout status pod/two",
        "rollout status ds/nope",
        "expose deploy nope --port=80",
        "label pod two app=other",
        "annotate pod nope a=b",
        "create ns default",
        "create configmap src",
        "create secret generic s --from-literal=nonsense",
        "run two --image=busybox:1.36",
        "set image deploy/app app=",
        "port-forward pod/done 18080:80",
        "get --raw /api/v1/namespaces/nope/nonsense",
    ):
        await stage.kubectl(*(word.replace("|", " ") for word in arguments.split()))
    await stage.kubectl("get", "pods")


@case("endpoint-ports")
async def endpoint_ports(stage: Stage) -> None:
    """One name for ports of different numbers, or of none; addresses before and after readiness."""

    def web(name: str, port: int, **more: Obj) -> Obj:
        ports = [{"containerPort": port, "name": "web"}, {"containerPort": 9000, "name": "admin"}]
        pod = bare(name, shell("main", "sleep 600", ports=ports, **more))
        pod["metadata"]["labels"]["part"] = "web"
        return pod

    def service(name: str, *ports: Obj, **spec: object) -> Obj:
        whole = {"selector": {"part": "web"}, "ports": [*ports], **spec}
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": whole}

    nameless = bare("nameless", shell("main", "sleep 600"))
    nameless["metadata"]["labels"]["part"] = "web"
    unready = {"readinessProbe": {"exec": {"command": ["false"]}, "periodSeconds": 1}}
    await stage.apply(
        service("by-name", {"name": "http", "port": 80, "targetPort": "web"}),
        service(
            "two",
            {"name": "http", "port": 80, "targetPort": 8080},
            {"name": "admin", "port": 81, "targetPort": "admin"},
        ),
        service("early", {"port": 80}, clusterIP="None", publishNotReadyAddresses=True),
        web("one", 8080),
        web("other", 8081),
        web("unready", 8080, **unready),
        nameless,
    )
    await sleep(4)
    await stage.kubectl("get", "endpoints")
    await stage.kubectl("get", "endpointslices")
    await stage.kubectl("describe", "endpoints")
    await stage.kubectl("describe", "svc")
    ports = "jsonpath={range .items[*]}{.metadata.generateName} {.ports} {.endpoints[*].conditions}{'\\n'}{end}"
    await stage.kubectl("get", "endpointslices", "-o", ports)
    await stage.kubectl("delete", "pod", "one", "--wait=false")
    await sleep(1)
    await stage.kubectl("get", "endpoints")
    await sleep(2)
    await stage.kubectl("get", "endpoints")
