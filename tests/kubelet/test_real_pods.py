"""Pods as real containers: what the kernel does is what the status says."""

import asyncio
from pathlib import Path
from typing import Any

from cluster.client import Obj
from cluster.runtime import cgroups
from tests.kubelet.fakes import NODE, pod
from tests.kubelet.real import PATIENCE_SECONDS, RealNode, real_node
from tests.network.world import isolated

SERVER = """
import http.server, os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/hang": time.sleep(60)
        ok = self.path == "/alive" or (self.path == "/ready" and os.path.exists("/data/ready"))
        self.send_response(200 if ok else 503); self.end_headers()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""


def shell(script: str, **fields: Any) -> Obj:
    return {"name": "app", "image": "busybox:1.36", "command": ["sh", "-c", script], **fields}


def python(code: str, **fields: Any) -> Obj:
    return {"name": "app", "image": "python:3.12-slim", "command": ["python3", "-c", code], **fields}


async def run(node: RealNode, manifest: Obj) -> None:
    node.client.update("pods", manifest)


async def output_of(node: RealNode, manifest: Obj) -> str:
    """What a pod that ends by itself printed."""
    await run(node, manifest)
    await node.until(lambda: "terminated" in node.container()["state"], "ended")
    return await node.logs()


@isolated
async def test_a_pod_runs_is_ready_and_goes_without_a_trace() -> None:
    async with real_node() as node:
        await run(node, pod(shell("exec sleep 60"), terminationGracePeriodSeconds=0))
        await node.ready()
        assert node.status()["phase"] == "Running"
        assert node.status()["podIP"].startswith("198.18.1.")
        folder, cgroup = node.worker().disk, node.worker().sandbox.cgroup
        assert Path(f"/sys/fs/cgroup/memory/{cgroup}").exists() or Path(f"/sys/fs/cgroup/{cgroup}").exists()
        node.client.delete("pods", "web", "shop")
        await node.gone()
        await node.until(lambda: not folder.exists(), "cleaned up")
        assert not Path(f"/sys/fs/cgroup/memory/{cgroup}").exists()


@isolated
async def test_the_kernel_kills_what_is_over_its_limit_and_it_comes_back() -> None:
    leak = "import time\nx = []\nwhile True: x.append(bytearray(4 << 20)); time.sleep(0.02)"
    async with real_node() as node:
        await run(node, pod(python(leak, resources={"limits": {"memory": "48Mi"}, "requests": {"memory": "48Mi"}})))
        await node.until(lambda: node.container()["restartCount"] >= 1, "restarted")
        last = node.container()["lastState"]["terminated"]
        assert (last["reason"], last["exitCode"]) == ("OOMKilled", 137)


@isolated
async def test_the_inside_is_what_the_manifest_says() -> None:
    look = "id -u; id -g; cat /etc/resolv.conf; hostname; echo $COLOUR $APP_PORT; cat /conf/a"
    touch = "touch /x 2>&1 || echo read-only"
    context = {"runAsUser": 1234, "runAsGroup": 4321, "readOnlyRootFilesystem": True}
    manifest = pod(
        shell(
            f"{look}; {touch}",
            securityContext=context,
            env=[{"name": "COLOUR", "value": "blue"}],
            volumeMounts=[{"name": "conf", "mountPath": "/conf"}],
        ),
        restartPolicy="Never",
        volumes=[{"name": "conf", "configMap": {"name": "conf"}}],
    )
    service = {"metadata": {"name": "app"}, "spec": {"clusterIP": "198.19.0.9", "ports": [{"port": 80}]}}
    async with real_node() as node:
        node.client.create(
            "configmaps", {"kind": "ConfigMap", "metadata": {"name": "conf"}, "data": {"a": "from a\n"}}, "shop"
        )
        node.client.create("services", service, "shop")
        text = await output_of(node, manifest)
        assert text.startswith("1234\n4321\nsearch shop.svc.cluster.local")
        assert "\nweb\nblue tcp://198.19.0.9:80\nfrom a\n" in text
        assert text.endswith("read-only\n")


@isolated
async def test_probes_follow_the_server() -> None:
    probes = {
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1},
        "livenessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
    }
    volume = {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    async with real_node() as node:
        await run(node, pod(python(SERVER, **probes, **volume), volumes=[{"name": "data", "emptyDir": {}}]))
        await node.until(lambda: "HTTP probe failed with statuscode: 503" in events(node), "told of 503")
        assert not node.container()["ready"]
        flag = node.worker().disk / "empty-dir/data/ready"
        flag.touch()
        await node.ready()
        flag.unlink()
        await node.until(lambda: not node.container()["ready"], "unready again")
        assert node.container()["restartCount"] == 0


@isolated
async def test_a_hanging_server_is_restarted() -> None:
    probe = {"httpGet": {"path": "/hang", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1}
    async with real_node() as node:
        await run(node, pod(python(SERVER, livenessProbe=probe), terminationGracePeriodSeconds=1))
        await node.until(lambda: node.container()["restartCount"] == 1, "restarted")
        assert "context deadline exceeded (Client.Timeout exceeded while awaiting headers)" in events(node)
        assert "Container app failed liveness probe, will be restarted" in events(node)


@isolated
async def test_exec_probes_and_commands_run_inside() -> None:
    probe = {"exec": {"command": ["sh", "-c", "echo $HOSTNAME is not well; exit 3"]}, "periodSeconds": 1}
    async with real_node() as node:
        await run(node, pod(shell("exec sleep 60", readinessProbe=probe), terminationGracePeriodSeconds=0))
        await node.until(lambda: "Readiness probe failed: web is not well" in events(node), "told")
        session = await node.kubelet.exec("shop", "web", "app", ["sh", "-c", "cat; exit 5"], stdin=True, tty=False)
        await session.write_stdin(b"hello")
        await session.write_stdin(b"")
        assert [part async for part in session.output()] == [(1, b"hello")]
        assert await session.exit_code() == 5


@isolated
async def test_a_changed_config_map_is_seen_inside() -> None:
    manifest = pod(
        shell("while ! grep -q new /conf/a; do sleep 0.05; done", volumeMounts=[{"name": "v", "mountPath": "/conf"}]),
        restartPolicy="Never",
        volumes=[{"name": "v", "configMap": {"name": "conf"}}],
    )
    conf: Obj = {"kind": "ConfigMap", "metadata": {"name": "conf"}, "data": {"a": "old"}}
    async with real_node() as node:
        node.client.create("configmaps", conf, "shop")
        await run(node, manifest)
        await node.until(lambda: "running" in node.container()["state"], "running")
        node.client.update("configmaps", node.client.get("configmaps", "conf", "shop") | {"data": {"a": "new"}})
        await node.until(lambda: node.status()["phase"] == "Succeeded", "succeeded")


@isolated
async def test_logs_of_this_and_the_run_before() -> None:
    script = "echo run; if test -e /data/x; then echo again; sleep 60; fi; touch /data/x; echo problem; exit 1"
    manifest = pod(
        shell(script, volumeMounts=[{"name": "d", "mountPath": "/data"}]),
        volumes=[{"name": "d", "emptyDir": {}}],
        terminationGracePeriodSeconds=0,
    )
    async with real_node() as node:
        await run(node, manifest)
        await node.until(lambda: node.container()["restartCount"] == 1, "restarted")
        log = node.worker().sandbox.log("app", 1)
        await node.until(lambda: "again" in log.read_text(), "written")
        assert await node.logs(previous=True) == "run\nproblem\n"
        assert await node.logs(tail_lines=1) == "again\n"


KILL_NEIGHBOUR = "for p in /proc/[0-9]*; do grep -qzx '[7]0' $p/cmdline && kill ${p#/proc/}; done"
PROCESSES = "for p in /proc/[0-9]*; do echo $(tr '\\0' ' ' < $p/cmdline); done"


async def processes(node: RealNode) -> list[str]:
    """What the first container sees run, PID 1 first; a zombie has no words left."""
    session = await node.kubelet.exec("shop", "web", "app", ["sh", "-c", PROCESSES], stdin=False, tty=False)
    told = b"".join([data async for _, data in session.output()]).decode()
    return [line.strip() for line in told.splitlines() if not line.startswith(("sh -c for", "tr "))]


async def sees(node: RealNode, *wanted: str) -> None:
    """Until it sees a sandbox as PID 1 and just these beside it."""
    seen: list[str] = []
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while seen[:1] != ["sleep infinity"] or sorted(seen[1:]) != sorted(wanted):
                seen = await processes(node)
    except TimeoutError:
        raise AssertionError(f"it sees {seen}") from None


@isolated
async def test_containers_that_share_their_processes_see_each_other_below_a_sandbox() -> None:
    other = shell("exec sleep 71", name="other")
    manifest = pod(shell("exec sleep 70"), other, shareProcessNamespace=True, terminationGracePeriodSeconds=0)
    async with real_node() as node:
        await run(node, manifest)
        await node.ready()
        await sees(node, "sleep 70", "sleep 71")
        node.client.delete("pods", "web", "shop")
        await node.gone()


@isolated
async def test_a_container_that_ends_takes_its_own_processes_along_and_no_others() -> None:
    """It can be ended by its neighbour, and comes back beside it; what nobody waited for leaves no zombie."""
    leaving = shell("sleep 60 & (sleep 0.1 &) ; exec sleep 70")
    killer = shell(f"sleep 1; {KILL_NEIGHBOUR}; exec sleep 71", name="other")
    manifest = pod(leaving, killer, shareProcessNamespace=True, terminationGracePeriodSeconds=0)
    async with real_node() as node:
        await run(node, manifest)
        await node.until(lambda: node.container()["restartCount"] == 1 and node.container()["ready"], "restarted")
        assert node.container()["lastState"]["terminated"]["exitCode"] == 143
        await sees(node, "sleep 60", "sleep 70", "sleep 71")
        assert node.status()["containerStatuses"][1]["restartCount"] == 0


@isolated
async def test_a_command_that_does_not_exist_is_named() -> None:
    async with real_node() as node:
        await run(node, pod({"name": "app", "image": "busybox", "command": ["no-such-command"]}))
        await node.until(lambda: "lastState" in node.container() and node.container()["lastState"], "failed")
        last = node.container()["lastState"]["terminated"]
        assert (last["reason"], last["exitCode"]) == ("StartError", 128)
        assert "no-such-command" in last["message"]
        assert "executable file not found in $PATH" in last["message"]


@isolated
async def test_a_node_that_dies_takes_its_containers_and_says_nothing() -> None:
    async with real_node() as node:
        await run(node, pod(shell("exec sleep 60")))
        await node.ready()
        life, before = node.worker().main[0], node.status()
        await node.kubelet.die()
        assert life.running_id is None
        assert node.status() == before


def events(node: RealNode) -> str:
    return "\n".join(event["message"] for event in node.client.list("events"))


@isolated
async def test_a_running_container_is_given_more_memory_without_a_restart() -> None:
    """The kernel counts by the new limit: what would have killed it before does not."""
    grows = "import time\nx = bytearray(24 << 20)\ntime.sleep(3)\ny = bytearray(48 << 20)\ntime.sleep(60)"

    def sized(memory: str) -> Obj:
        return pod(python(grows, resources={kind: {"memory": memory} for kind in ("limits", "requests")}))

    async with real_node() as node:
        await run(node, sized("48Mi"))
        await node.ready()
        spec = sized("96Mi")["spec"]
        node.client.patch("pods", "web", "shop", {"spec": {"containers": spec["containers"]}})
        await node.until(lambda: node.container()["resources"]["limits"]["memory"] == "96Mi", "given more")
        used = node.worker().running_ids()["app"]
        runtime = node.worker().machine.runtime
        await node.until(lambda: runtime.usage(used).memory_bytes > 60 << 20, "grown past its first limit")
        assert node.container()["restartCount"] == 0


@isolated
async def test_cpu_is_given_and_taken_back_in_an_order_that_the_kernel_takes() -> None:
    """No group may have more than the one around it: the pod's grows before its containers', and shrinks after."""

    def sized(cpu: str) -> Obj:
        return pod(shell("exec sleep 60", resources={kind: {"cpu": cpu} for kind in ("limits", "requests")}))

    async def given(node: RealNode, cpu: str) -> list[int]:
        """The quotas of the pod and of its container then, in thousandths of a processor."""
        node.client.patch("pods", "web", "shop", {"spec": {"containers": sized(cpu)["spec"]["containers"]}})
        await node.until(lambda: node.container()["resources"]["limits"]["cpu"] == cpu, f"given {cpu}")
        groups = cgroups.discover()
        file = "cpu.max" if groups.unified else "cpu.cfs_quota_us"
        folder = groups.group("cpu", node.worker().sandbox.cgroup)
        return [int(found.read_text().split()[0]) * 1000 // cgroups.CPU_PERIOD_USEC for found in folder.rglob(file)]

    async with real_node() as node:
        await run(node, sized("200m"))
        await node.ready()
        assert await given(node, "400m") == [400, 400]
        assert await given(node, "100m") == [100, 100]
        assert await given(node, "300m") == [300, 300]
        assert "ResizeError" not in [event["reason"] for event in node.client.list("events")]


@isolated
async def test_a_pod_that_sees_its_nodes_processes_sees_its_neighbours() -> None:
    async with real_node() as node:
        await run(node, pod(shell("exec sleep 70"), name="one", terminationGracePeriodSeconds=0))
        await node.ready("one")
        text = await output_of(
            node, pod(shell("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '"), hostPID=True, restartPolicy="Never")
        )
        assert text.startswith("init")
        assert "sleep 70" in text


@isolated
async def test_a_pod_in_its_nodes_network_is_the_node() -> None:
    """Its address is the node's, known at once; it answers there, and leaves the node whole when it goes."""
    serve = "import http.server as h; print('there', flush=True); h.test(h.SimpleHTTPRequestHandler, port=8080)"
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
    manifest = pod(python(serve, readinessProbe=probe), hostNetwork=True, terminationGracePeriodSeconds=0)
    async with real_node() as node:
        await run(node, manifest)
        await node.until(lambda: node.status().get("podIP"), "placed")
        assert node.status()["podIP"] == node.status()["hostIP"] == NODE.address
        await node.ready()
        node.client.delete("pods", "web", "shop")
        await node.gone()
        await run(node, pod(shell("hostname; cat /etc/hosts"), name="two", hostNetwork=True, restartPolicy="Never"))
        await node.until(lambda: "terminated" in node.container("two")["state"], "ended")
        text = await node.logs("two")
        assert text.splitlines()[0] == NODE.name
        assert text.rstrip().endswith(f"{NODE.address}\t{NODE.name}")
