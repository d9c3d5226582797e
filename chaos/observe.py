"""Watches the cluster during a run: every change becomes an observation with a time.

Each resource of a namespace is watched by a thread of its own. What is recorded is the object reduced to what the judge
and the reports read; an object that changed elsewhere only is not recorded again. An observer that dies leaves a
`Trouble` record, and with it nothing of its variant can be proven.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chaos import quantity
from chaos.kube import Kube, KubeError, Obj
from chaos.recording import Recorder, Seen, Trouble
from chaos.watching import WatchEvent, watch

_BYTES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def _memory(container: Obj, kind: str) -> int | None:
    quantity = ((container.get("resources") or {}).get(kind) or {}).get("memory")
    if quantity is None:
        return None
    digits = quantity.rstrip("kMGTi")
    return round(float(digits) * _BYTES[quantity[len(digits) :]])


def _cpu(container: Obj) -> float | None:
    """Cores."""
    cores = quantity.parse(((container.get("resources") or {}).get("requests") or {}).get("cpu"))
    return None if cores is None else float(cores)


def _state(state: Obj | None) -> Obj:
    return {
        name: _pick(body, ("reason", "message", "exitCode", "startedAt", "finishedAt"))
        for name, body in (state or {}).items()
    }


def _pick(body: Obj, keys: tuple[str, ...]) -> Obj:
    return {key: body[key] for key in keys if key in body}


def _conditions(obj: Obj) -> Obj:
    found = (obj.get("status") or {}).get("conditions") or ()
    return {c["type"]: {"status": c["status"], "reason": c.get("reason", "")} for c in found}


def workload_of(pod: Obj) -> str:
    """The workload a pod belongs to, as a scenario names it: "deployment/storefront", "statefulset/db", "pod/x"."""
    metadata = pod["metadata"]
    owner = next((o for o in metadata.get("ownerReferences") or () if o.get("controller")), None)
    if owner is None:
        return f"pod/{metadata['name']}"
    hashed = (metadata.get("labels") or {}).get("pod-template-hash")
    if owner["kind"] == "ReplicaSet" and hashed and owner["name"].endswith(f"-{hashed}"):
        return f"deployment/{owner['name'].removesuffix('-' + hashed)}"
    return f"{owner['kind'].lower()}/{owner['name']}"


def reduce_pod(pod: Obj) -> Obj:
    metadata, spec, status = pod["metadata"], pod.get("spec") or {}, pod.get("status") or {}
    owner: Obj = next(iter(metadata.get("ownerReferences") or ()), {})
    conditions = _conditions(pod)
    return {
        "uid": metadata["uid"],
        "node": spec.get("nodeName", ""),
        "phase": status.get("phase", ""),
        "reason": status.get("reason", ""),
        "ready": conditions.get("Ready", {}).get("status") == "True",
        "deleting": "deletionTimestamp" in metadata,
        "labels": metadata.get("labels") or {},
        "owner": f"{owner['kind']}/{owner['name']}" if owner else "",
        "app": workload_of(pod),
        "conditions": conditions,
        "qos": status.get("qosClass", ""),
        "address": status.get("podIP", ""),
        "claims": sorted(
            v["persistentVolumeClaim"]["claimName"] for v in spec.get("volumes") or () if v.get("persistentVolumeClaim")
        ),
        "containers": _containers(spec, status),
    }


def _containers(spec: Obj, status: Obj) -> list[Obj]:
    by_name = {c["name"]: c for c in spec.get("containers") or ()}
    return [
        {
            "name": seen["name"],
            "ready": seen.get("ready", False),
            "started": bool(seen.get("started")),
            "restarts": seen.get("restartCount", 0),
            "state": _state(seen.get("state")),
            "last": _state(seen.get("lastState")),
            "memory_limit": _memory(by_name.get(seen["name"], {}), "limits"),
            "memory_request": _memory(by_name.get(seen["name"], {}), "requests"),
            "cpu_request": _cpu(by_name.get(seen["name"], {})),
        }
        for seen in status.get("containerStatuses") or ()
    ]


def reduce_event(event: Obj) -> Obj:
    about = event.get("involvedObject") or event.get("regarding") or {}
    source = (event.get("source") or {}).get("component") or event.get("reportingComponent", "")
    return {
        "type": event.get("type", ""),
        "reason": event.get("reason", ""),
        "message": event.get("message") or event.get("note") or "",
        "count": event.get("count") or 1,
        "about": f"{about.get('kind', '')}/{about.get('name', '')}",
        "component": source,
        "first": event.get("firstTimestamp") or event.get("eventTime") or "",
        "last": event.get("lastTimestamp") or event.get("eventTime") or "",
    }


def reduce_endpoint_slice(endpoints: Obj) -> Obj:
    def names(*, ready: bool) -> list[str]:
        found = endpoints.get("endpoints") or ()
        return sorted(
            (e.get("targetRef") or {}).get("name", e["addresses"][0])
            for e in found
            if (e.get("conditions") or {}).get("ready", True) == ready
        )

    service = (endpoints["metadata"].get("labels") or {}).get("kubernetes.io/service-name", "")
    return {"service": service, "ready": names(ready=True), "not_ready": names(ready=False)}


def reduce_node(node: Obj) -> Obj:
    spec = node.get("spec") or {}
    return {
        "conditions": _conditions(node),
        "unschedulable": spec.get("unschedulable", False),
        "taints": [f"{t['key']}:{t['effect']}" for t in spec.get("taints") or ()],
    }


def reduce_deployment(deployment: Obj) -> Obj:
    status = deployment.get("status") or {}
    return {
        "replicas": (deployment.get("spec") or {}).get("replicas", 0),
        "ready": status.get("readyReplicas", 0),
        "available": status.get("availableReplicas", 0),
        "updated": status.get("updatedReplicas", 0),
        "conditions": _conditions(deployment),
    }


def reduce_budget(budget: Obj) -> Obj:
    status = budget.get("status") or {}
    return {
        "selector": (budget.get("spec") or {}).get("selector"),
        "current": status.get("observedGeneration", 0) == budget["metadata"].get("generation", 0),
        "allowed": status.get("disruptionsAllowed", 0),
        "healthy": status.get("currentHealthy", 0),
        "desired": status.get("desiredHealthy", 0),
    }


def reduce_autoscaler(autoscaler: Obj) -> Obj:
    spec, status = autoscaler.get("spec") or {}, autoscaler.get("status") or {}
    target = spec.get("scaleTargetRef") or {}
    return {
        "target": f"{target.get('kind', '').lower()}/{target.get('name', '')}",
        "least": spec.get("minReplicas", 1),
        "most": spec.get("maxReplicas", 0),
        "current": status.get("currentReplicas", 0),
        "desired": status.get("desiredReplicas", 0),
        "conditions": _conditions(autoscaler),
    }


@dataclass(frozen=True, slots=True)
class Watched:
    """A resource that is watched: its kind, its path below a namespace or the root, and how it is reduced."""

    kind: str
    path: str
    reduce: Callable[[Obj], Obj]


IN_NAMESPACE = (
    Watched("Pod", "/api/v1/namespaces/{}/pods", reduce_pod),
    Watched("Event", "/api/v1/namespaces/{}/events", reduce_event),
    Watched("EndpointSlice", "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices", reduce_endpoint_slice),
    Watched("Deployment", "/apis/apps/v1/namespaces/{}/deployments", reduce_deployment),
    Watched("PodDisruptionBudget", "/apis/policy/v1/namespaces/{}/poddisruptionbudgets", reduce_budget),
    Watched(
        "HorizontalPodAutoscaler",
        "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
        reduce_autoscaler,
    ),
)
NODES = Watched("Node", "/api/v1/nodes", reduce_node)


@dataclass(eq=False)
class View:
    """What the watches have shown so far, for the engine's own questions. Reduced objects by kind and name."""

    objects: dict[tuple[str, str], Obj] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def update(self, kind: str, name: str, event: str, reduced: Obj) -> bool:
        """Take in one change; False when it is none for us."""
        with self.changed:
            before = self.objects.get((kind, name))
            if event == "DELETED":
                self.objects.pop((kind, name), None)
            else:
                self.objects[kind, name] = reduced
            self.changed.notify_all()
        return event == "DELETED" or before != reduced

    def of(self, kind: str) -> dict[str, Obj]:
        with self.changed:
            return {name: obj for (k, name), obj in self.objects.items() if k == kind}

    def pods(self, workload: str) -> dict[str, Obj]:
        """The pods of "deployment/x" that are not on their way out, by name."""
        found = self.of("Pod").items()
        return {name: pod for name, pod in found if pod["app"] == workload and not pod["deleting"]}

    def wait(self, true: Callable[[], bool], timeout_seconds: float) -> bool:
        """Until `true()`, looked at after every change, or the time is up."""
        with self.changed:
            return self.changed.wait_for(true, timeout_seconds)


def observe(
    kube: Kube, namespace: str, variant: str, recorder: Recorder, stopped: Callable[[], bool]
) -> tuple[View, list[threading.Thread]]:
    """Watch a namespace until `stopped()`; the nodes when `namespace` is empty. Returns at once."""
    view = View()
    what = [Watched(w.kind, w.path.format(namespace), w.reduce) for w in IN_NAMESPACE] if namespace else [NODES]
    threads = [
        threading.Thread(
            target=_follow,
            args=(kube, watched, variant, recorder, view, stopped),
            daemon=True,
            name=f"watch-{watched.kind}",
        )
        for watched in what
    ]
    for thread in threads:
        thread.start()
    return view, threads


def _follow(
    kube: Kube, watched: Watched, variant: str, recorder: Recorder, view: View, stopped: Callable[[], bool]
) -> None:
    try:
        for event in watch(kube, watched.path, stopped):
            if stopped():
                return
            _take_in(event, watched, variant, recorder, view)
    except (KubeError, KeyError, ValueError) as error:
        if not stopped():
            recorder.write(Trouble, variant, what=f"the watch on {watched.kind} objects ended", detail=str(error))


def _take_in(event: WatchEvent, watched: Watched, variant: str, recorder: Recorder, view: View) -> None:
    reduced: dict[str, Any] = watched.reduce(event.object)
    name = event.object["metadata"]["name"]
    if view.update(watched.kind, name, event.type, reduced):
        recorder.write(Seen, variant, event=event.type, resource=watched.kind, name=name, object=reduced)
