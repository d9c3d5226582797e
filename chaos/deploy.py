"""One variant of the workload is put on the cluster, and waited for until all of it is Ready."""

import threading
import time

from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed

from chaos import recover
from chaos.journal import Undo
from chaos.kube import Kube, Obj, Refused
from chaos.observe import View
from chaos.plan import VariantPlan
from chaos.stop import Stop
from chaos.underway import Run
from loadgen.units import Duration

WORKLOADS = ("Deployment", "StatefulSet", "ReplicaSet", "DaemonSet")


class NotReady(Exception):
    """The workload did not become ready in its time; the message says which pods wait for what."""


def meet(together: threading.Barrier, stop: Stop) -> None:
    """The variants share their seconds, so that both meet the same machine. One that fell out is not waited for."""
    try:
        together.wait(timeout=120)
    except threading.BrokenBarrierError:
        stop.wait(Duration(0))


def create_namespace(run: Run, manifest: Obj) -> None:
    name = manifest["metadata"]["name"]
    path = f"{recover.NAMESPACES}/{name}"
    run.will_undo(Undo(action="delete-namespace", path=path, why=f"delete namespace {name}"))
    run.kube.create(manifest)


def apply(run: Run, variant: VariantPlan, together: threading.Barrier) -> None:
    """The variants share the nodes: the largest workload of each finds its place before the many small ones do."""
    largest = next((i for i, obj in enumerate(variant.objects, 1) if obj["kind"] in WORKLOADS), 0)
    _create(run, variant, variant.objects[:largest])
    meet(together, run.stop)
    _create(run, variant, variant.objects[largest:])


def _create(run: Run, variant: VariantPlan, objects: tuple[Obj, ...]) -> None:
    for obj in objects:
        if not run.kube.is_namespaced(obj["apiVersion"], obj["kind"]):
            name = obj["metadata"]["name"]
            path = run.kube.path(obj["apiVersion"], obj["kind"], name=name)
            run.will_undo(Undo(action="delete-object", path=path, why=f"delete {obj['kind']} {name}"))
        create_patiently(run.kube, obj, variant.namespace_name)


def _needs_account(error: BaseException) -> bool:
    """A pod made right after its namespace may find no default ServiceAccount yet."""
    return isinstance(error, Refused) and "serviceaccount" in error.message.lower()


@retry(retry=retry_if_exception(_needs_account), wait=wait_fixed(0.1), stop=stop_after_delay(3), reraise=True)
def create_patiently(kube: Kube, manifest: Obj, namespace: str) -> None:
    """Create an object in a namespace that was made a moment ago. Raises KubeError."""
    kube.create(manifest, namespace)


def await_ready(run: Run, variant: VariantPlan, view: View) -> None:
    wanted = replicas(variant.objects)
    deadline = time.monotonic() + run.scenario.deadline.seconds

    def missing() -> dict[str, int]:
        ready = {w: sum(p["ready"] for p in view.pods(w).values()) for w in wanted}
        return {w: n - ready[w] for w, n in wanted.items() if ready[w] < n}

    while missing() and time.monotonic() < deadline:
        view.wait(lambda: not missing() or run.stop.asked(), 0.5)
        run.stop.wait(Duration(0))
    if missing():
        raise NotReady(_why_not_ready(missing(), view, run.scenario.deadline))


def replicas(objects: tuple[Obj, ...]) -> dict[str, int]:
    """How many Ready pods each workload should have: "deployment/x" -> replicas (a DaemonSet: at least one)."""
    return {
        f"{o['kind'].lower()}/{o['metadata']['name']}": o["spec"].get("replicas", 1)
        for o in objects
        if o["kind"] in WORKLOADS
    }


def _why_not_ready(missing: dict[str, int], view: View, deadline: Duration) -> str:
    waits = [f"{name}: {_waiting_for(pod)}" for name, pod in sorted(view.of("Pod").items()) if not pod["ready"]]
    short = ", ".join(f"{workload} lacks {n} Ready pod{'s' if n > 1 else ''}" for workload, n in missing.items())
    return f"not ready within {deadline}: {short}; " + "; ".join(waits[:6])


def _waiting_for(pod: Obj) -> str:
    for container in pod["containers"]:
        for state, body in container["state"].items():
            if body.get("reason"):
                return f"{state} {body['reason']} {body.get('message', '')}".strip()
    scheduled = pod["conditions"].get("PodScheduled", {})
    return scheduled.get("reason") or f"{pod['phase']}, not Ready"
