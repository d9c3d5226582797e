"""What a Job's podFailurePolicy makes of a failed pod (KEP-3329). Pure."""

from collections.abc import Iterator

from cluster.client import Obj

COUNT, IGNORE, FAIL_JOB, FAIL_INDEX = "Count", "Ignore", "FailJob", "FailIndex"


def judge(job: Obj, pod: Obj) -> tuple[str, str]:
    """The action of the first rule that matches, and what it matched; a failure that no rule knows is counted."""
    for index, rule in enumerate((job["spec"].get("podFailurePolicy") or {}).get("rules") or ()):
        for what in _matches(rule, pod):
            return rule["action"], f"{what} matching {rule['action']} rule at index {index}"
    return COUNT, ""


def _matches(rule: Obj, pod: Obj) -> Iterator[str]:
    name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    status = pod.get("status") or {}
    if codes := rule.get("onExitCodes"):
        for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
            code = ((container.get("state") or {}).get("terminated") or {}).get("exitCode", 0)
            if code and codes.get("containerName") in (None, container["name"]) and _is_among(code, codes):
                yield f"Container {container['name']} for pod {name} failed with exit code {code}"
    wanted = {(c["type"], c.get("status", "True")) for c in rule.get("onPodConditions") or ()}
    for condition in status.get("conditions") or ():
        if (condition["type"], condition["status"]) in wanted:
            yield f"Pod {name} has condition {condition['type']}"


def _is_among(code: int, codes: Obj) -> bool:
    return bool((code in codes["values"]) == (codes["operator"] == "In"))
