"""pods/eviction: a delete that asks the PodDisruptionBudgets first (source: the page on API-initiated eviction)."""

from dataclasses import replace

from cluster.api.conditions import is_ready, with_condition
from cluster.api.context import private_copy
from cluster.api.deletion import parse_delete_options
from cluster.api.resource import Resource
from cluster.api.verbs import Verbs, WriteOptions
from cluster.client import ApiError, BadRequest, Forbidden, Obj, StatusCause, TooManyRequests
from cluster.selectors import matches_selector
from cluster.timestamps import format_time

BUDGETS = "poddisruptionbudgets.policy"
_VIOLATED = "Cannot evict pod as it would violate the pod's disruption budget."
_MANY = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
_RETRY_SECONDS = 10


def evict(verbs: Verbs, resource: Resource, namespace: str, name: str, body: Obj, options: WriteOptions) -> Obj:
    """Delete a pod if no budget objects; 429 with the budget's figures where one does."""
    if (body.get("metadata") or {}).get("name", name) != name:
        raise BadRequest("name in URL does not match name in Eviction object")
    pod = verbs.get(resource, namespace, name).object
    if not _needs_no_budget(pod):
        _ask_budget(verbs, namespace, pod, options)
    delete = parse_delete_options(body.get("deleteOptions") or {}, {})
    dry_run = options.dry_run or delete.dry_run
    if not dry_run:
        _mark_target(verbs, resource, pod)
    verbs.delete(resource, namespace, name, replace(delete, dry_run=dry_run), options.user)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def refusal(budget: Obj) -> ApiError | None:
    """Why this budget forbids one more disruption, or None. Pure."""
    name, status = budget["metadata"]["name"], budget.get("status") or {}
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        what = f"The disruption budget {name} is still being processed by the server."
        return TooManyRequests(_VIOLATED, causes=(_cause(what),), retry_after_seconds=_RETRY_SECONDS)
    allowed = status.get("disruptionsAllowed", 0)
    if allowed < 0:
        return Forbidden(f'poddisruptionbudgets.policy "{name}" is forbidden: pdb disruptions allowed is negative')
    if allowed == 0:
        needs, has = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
        what = f"The disruption budget {name} needs {needs} healthy pods and has {has} currently"
        if has > needs:
            what = f"The disruption budget {name} does not allow evicting pods currently"
        return TooManyRequests(_VIOLATED, causes=(_cause(what),))
    return None


def with_disruption(status: Obj, pod: str, now: float) -> Obj:
    """A budget's status after it has granted the disruption of `pod`. Pure."""
    allowed = status["disruptionsAllowed"] - 1
    new = {
        **status,
        "disruptionsAllowed": allowed,
        "disruptedPods": {**(status.get("disruptedPods") or {}), pod: format_time(now)},
    }
    if allowed == 0:
        new["conditions"] = [_exhausted(condition, now) for condition in status.get("conditions") or ()]
    return new


def spares_unready(budget: Obj) -> bool:
    """Whether a pod that is not ready may go without costing the budget anything (unhealthyPodEvictionPolicy)."""
    if (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    desired = status.get("desiredHealthy", 0)
    return bool(desired > 0 and status.get("currentHealthy", 0) >= desired)


def _ask_budget(verbs: Verbs, namespace: str, pod: Obj, options: WriteOptions) -> None:
    budgets = [entry.object for entry in verbs.cluster.store.list(BUDGETS, namespace) if _covers(entry.object, pod)]
    if len(budgets) > 1:
        raise ApiError(_MANY, code=500, reason="")
    if not budgets or (not is_ready(pod) and spares_unready(budgets[0])):
        return
    if error := refusal(budgets[0]):
        raise error
    granted = private_copy(budgets[0])
    granted["status"] = with_disruption(granted["status"], pod["metadata"]["name"], verbs.cluster.clock())
    verbs.put(verbs.resource(BUDGETS), granted, options.dry_run)


def _mark_target(verbs: Verbs, resource: Resource, pod: Obj) -> None:
    marked = private_copy(pod)
    why = {"reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting"}
    marked["status"] = with_condition(
        marked.get("status") or {}, "DisruptionTarget", "True", verbs.cluster.clock(), **why
    )
    verbs.put(resource, marked)


def _needs_no_budget(pod: Obj) -> bool:
    phase = (pod.get("status") or {}).get("phase")
    return phase in ("Succeeded", "Failed", "Pending") or "deletionTimestamp" in pod["metadata"]


def _covers(budget: Obj, pod: Obj) -> bool:
    return matches_selector((budget.get("spec") or {}).get("selector"), pod["metadata"].get("labels"))


def _cause(message: str) -> StatusCause:
    return StatusCause("DisruptionBudget", message)


def _exhausted(condition: Obj, now: float) -> Obj:
    if condition["type"] != "DisruptionAllowed" or condition["status"] == "False":
        return condition
    return {**condition, "status": "False", "reason": "InsufficientPods", "lastTransitionTime": format_time(now)}
