"""The embedded cluster's figures, medians beside what the design asks for: `python -m benchmarks.cluster`."""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from kubernetes import client, watch
from kubernetes.config import new_client_from_config

from cluster import boot
from cluster.boot import Handle

BOOTS = 5
ROUNDS = 3
PODS = {3: 0.5, 20: 1.5, 100: 5.0}
IDLE_SECONDS = 10.0
READY_SECONDS_MAX = 120
NAMESPACE = "default"


def deployment(name: str, replicas: int) -> dict[str, Any]:
    container = {"name": "main", "image": "busybox", "command": ["sleep", "86400"]}
    pod = {"terminationGracePeriodSeconds": 0, "containers": [container]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
        },
    }


def seconds(work: Callable[[], object]) -> float:
    before = time.monotonic()
    work()
    return time.monotonic() - before


def boot_seconds() -> float:
    before = time.monotonic()
    with boot.start(boot.plan()):
        return time.monotonic() - before


def rollout_seconds(apps: Any, core: Any, replicas: int) -> float:
    """From applying a Deployment to all of its pods Ready; it is gone again afterwards."""
    name = f"sleep-{replicas}"
    spent = seconds(lambda: _roll_out(apps, name, replicas))
    apps.delete_namespaced_deployment(name, NAMESPACE)
    while core.list_namespaced_pod(NAMESPACE).items:
        time.sleep(0.1)
    return spent


def _roll_out(apps: Any, name: str, replicas: int) -> None:
    apps.create_namespaced_deployment(NAMESPACE, deployment(name, replicas))
    events = watch.Watch().stream(apps.list_namespaced_deployment, NAMESPACE, timeout_seconds=READY_SECONDS_MAX)
    for event in events:
        if event["object"].status.ready_replicas == replicas:
            return
    raise TimeoutError(f"{replicas} pods were not Ready within {READY_SECONDS_MAX} s")


def processes(handle: Handle) -> list[int]:
    """The cluster's own, to be asked before it runs a pod: those that its folder is named to, by command line or
    environment, and what they have started.
    """
    folder = os.fsencode(handle.config.state_dir)
    named = [pid for pid in _all() if pid != os.getpid() and any(folder in text for text in _texts(pid))]
    return sorted({below for pid in named for below in (pid, *_children(pid))})


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in tasks for child in file.read_text().split()]


def _all() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _texts(pid: int) -> Iterator[bytes]:
    for file in ("cmdline", "environ"):
        with suppress(OSError):
            yield Path(f"/proc/{pid}/{file}").read_bytes()


def memory_mb(pids: list[int]) -> float:
    rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]
    lines = [line for rollup in rollups for line in rollup.splitlines() if line.startswith("Pss:")]
    return sum(int(line.split()[1]) for line in lines) / 1000


def cpu_seconds(pids: list[int]) -> float:
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(field[11]) + int(field[12]) for field in fields) / os.sysconf("SC_CLK_TCK")


def idle_share(pids: list[int]) -> float:
    before = cpu_seconds(pids)
    time.sleep(IDLE_SECONDS)
    return (cpu_seconds(pids) - before) / IDLE_SECONDS


def show(what: str, figure: float, wanted: float, unit: str) -> None:
    print(f"{what:46} {figure:8.2f} {unit:4} (design: {wanted:g}) {'' if figure <= wanted else 'MISSED'}")


def main() -> None:
    show("up: API answering, three nodes Ready", statistics.median(boot_seconds() for _ in range(BOOTS)), 1.0, "s")
    with boot.start(boot.plan()) as handle:
        own = processes(handle)
        time.sleep(2)
        show("idle memory, all processes of the cluster", memory_mb(own), 120, "MB")
        show("idle processor time, share of a core", 100 * idle_share(own), 3, "%")
        api = new_client_from_config(str(handle.kubeconfig))
        apps, core = client.AppsV1Api(api), client.CoreV1Api(api)
        for replicas, wanted in PODS.items():
            spent = statistics.median(rollout_seconds(apps, core, replicas) for _ in range(ROUNDS))
            show(f"Deployment applied -> {replicas} pods Ready", spent, wanted, "s")
        show("memory after that", memory_mb(own), 120, "MB")


if __name__ == "__main__":
    main()
