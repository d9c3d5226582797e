"""PodDisruptionBudgets: how many of the selected pods may be evicted right now.

Only the status; the eviction subresource reads it and notes evicted pods in status.disruptedPods. Counting and field
order as recorded in `drain-three-replicas-pdb-two`: an integer minAvailable expects the pods that are there, everything
else expects the replicas that their controllers ask for.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cluster.client import Client, NotFound, Obj, WatchEvent
from cluster.controllers.context import Context
from cluster.controllers.loop import Controller, own_key
from cluster.controllers.rollout import scaled_value
from cluster.events import EventRecorder
from cluster.objects import (
    Key,
    controller_of,
    is_going,
    is_pod_finished,
    is_pod_ready,
    key_of,
    labels_of,
    with_condition,
)
from cluster.selectors import matches_selector
from cluster.timestamps import parse_time

RESOURCE = "poddisruptionbudgets.policy"
DELETION_SECONDS = 120.0
"""How long an evicted pod is expected to go before the budget stops counting it out."""

_SCALES = {
    "ReplicaSet": "replicasets.apps",
    "Deployment": "deployments.apps",
    "StatefulSet": "statefulsets.apps",
    "ReplicationController": "replicationcontrollers",
}


def controller(context: Context) -> Controller:
    recorder = context.recorder("controllermanager")
    return Controller(
        name="disruption",
        watches={RESOURCE: own_key, "pods": _budget_of_pod(context.client, recorder)}
        | {resource: _budgets_of_owner(context.client) for resource in ("deployments.apps", "statefulsets.apps")},
        reconcile=_Reconciler(context, recorder).reconcile,
    )


@dataclass(frozen=True, slots=True)
class _Reconciler:
    context: Context
    recorder: EventRecorder

    async def reconcile(self, key: Key) -> float | None:
        client, now = self.context.client, self.context.clock()
        try:
            budget = client.get(RESOURCE, key.name, key.namespace)
        except NotFound:
            return None
        pods = [p for p in client.list("pods", key.namespace) if _selects(budget, p)]
        if not pods:
            self.recorder.event(budget, "Normal", "NoPods", "No matching pods found")
        if not isinstance(budget["spec"].get("minAvailable"), int) and any(not controller_of(pod) for pod in pods):
            self.recorder.event(budget, "Warning", "UnmanagedPods", unmanaged(budget))
        status = new_status(budget, pods, self._scale(budget, pods), now)
        if status != budget.get("status"):
            client.update(RESOURCE, {**budget, "status": status}, subresource="status")
        return DELETION_SECONDS if status.get("disruptedPods") else None

    def _scale(self, budget: Obj, pods: Sequence[Obj]) -> int:
        """The pods that should be there: what the controllers ask for, or those there are."""
        if isinstance(budget["spec"].get("minAvailable"), int):
            return len(pods)
        scales = {uid: replicas for pod in pods for uid, replicas in self._scale_of(pod)}
        return sum(scales.values())

    def _scale_of(self, obj: Obj) -> Iterable[tuple[str, int]]:
        """Uid and replicas of the topmost controller with a scale."""
        owner = controller_of(obj)
        resource = _SCALES.get(owner["kind"]) if owner else None
        if owner is None or resource is None:
            return
        try:
            found = self.context.client.get(resource, owner["name"], obj["metadata"]["namespace"])
        except NotFound:
            return
        above = list(self._scale_of(found))
        yield from above or [(found["metadata"]["uid"], int(found["spec"].get("replicas", 1)))]


def unmanaged(budget: Obj) -> str:
    """That nobody says how many pods there should be, in the controller's words. Pure."""
    return (
        f"Pods selected by this PodDisruptionBudget (selector: {_go_selector(budget['spec'].get('selector') or {})}) "
        "were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may "
        'result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to '
        "an integer value."
    )


def _go_selector(selector: Obj) -> str:
    labels = "".join(f"{key}: {value}," for key, value in sorted((selector.get("matchLabels") or {}).items()))
    expressions = "".join(map(_go_requirement, selector.get("matchExpressions") or ()))
    labels = f"map[string]string{{{labels}}}"
    return f"&LabelSelector{{MatchLabels:{labels},MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"


def _go_requirement(expression: Obj) -> str:
    key, operator, values = expression["key"], expression["operator"], " ".join(expression.get("values") or ())
    return f"LabelSelectorRequirement{{Key:{key},Operator:{operator},Values:[{values}],}},"


def new_status(budget: Obj, pods: Sequence[Obj], expected: int, now: float) -> Obj:
    """The status that these pods make. Pure."""
    disrupted = _disrupted(budget, pods, now)
    desired = desired_healthy(budget["spec"], expected)
    healthy = sum(is_pod_ready(p) and not is_going(p) and p["metadata"]["name"] not in disrupted for p in pods)
    allowed = max(0, healthy - desired) if expected > 0 else 0
    generation = budget["metadata"]["generation"]
    condition = {
        "type": "DisruptionAllowed",
        "status": "True" if allowed else "False",
        "observedGeneration": generation,
        "reason": "SufficientPods" if allowed else "InsufficientPods",
        "message": "",
    }
    return {
        "observedGeneration": generation,
        **({"disruptedPods": disrupted} if disrupted else {}),
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": expected,
        "conditions": with_condition((budget.get("status") or {}).get("conditions"), condition, now),
    }


def desired_healthy(spec: Obj, expected: int) -> int:
    """How many pods have to stay healthy; percentages are rounded up."""
    if "maxUnavailable" in spec:
        return max(0, expected - scaled_value(spec["maxUnavailable"], expected, round_up=True))
    return scaled_value(spec.get("minAvailable", 1), expected, round_up=True)


def _disrupted(budget: Obj, pods: Sequence[Obj], now: float) -> Obj:
    """Evicted pods that still look alive: counted out until they go, for two minutes at most."""
    noted: Obj = (budget.get("status") or {}).get("disruptedPods") or {}
    alive = {p["metadata"]["name"] for p in pods if not is_going(p)}
    return {name: at for name, at in noted.items() if name in alive and parse_time(at) + DELETION_SECONDS > now}


def _selects(budget: Obj, pod: Obj) -> bool:
    return matches_selector(budget["spec"].get("selector"), labels_of(pod)) and not (
        is_pod_finished(pod) and not is_going(pod)
    )


def _budget_of_pod(client: Client, recorder: EventRecorder) -> Callable[[WatchEvent], Iterable[Key]]:
    """A pod changes the counts of one budget, before and after; that others count it too is told, and nothing else."""

    def keys(event: WatchEvent) -> Iterable[Key]:
        pod, old = event.object, event.old
        if event.type == "MODIFIED" and old is not None and _seen(pod) == _seen(old):
            return
        budgets = client.list(RESOURCE, pod["metadata"]["namespace"])
        for each in (pod, old):
            selecting = [b for b in budgets if each and matches_selector(b["spec"].get("selector"), labels_of(each))]
            if len(selecting) > 1:
                recorder.event(pod, "Warning", "MultiplePodDisruptionBudgets", _ambiguous(pod, selecting[0]))
            yield from map(key_of, selecting[:1])

    return keys


def _ambiguous(pod: Obj, budget: Obj) -> str:
    meta, chosen = pod["metadata"], budget["metadata"]["name"]
    return (
        f'Pod "{meta["namespace"]}"/"{meta["name"]}" matches multiple PodDisruptionBudgets.  '
        f'Chose "{chosen}" arbitrarily.'
    )


def _seen(pod: Obj) -> tuple[object, ...]:
    return is_pod_ready(pod), is_pod_finished(pod), is_going(pod), labels_of(pod)


def _budgets_of_owner(client: Client) -> Callable[[WatchEvent], Iterable[Key]]:
    def keys(event: WatchEvent) -> Iterable[Key]:
        old = event.old
        if old is not None and old["spec"].get("replicas") == event.object["spec"].get("replicas"):
            return ()
        return map(key_of, client.list(RESOURCE, event.object["metadata"]["namespace"]))

    return keys
