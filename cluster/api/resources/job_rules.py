"""The rules of a Job's policies: which pods' failures count, which indexes suffice."""

from collections.abc import Collection, Iterator

from cluster.api.field_errors import FieldError, duplicate, in_go, invalid, required, wrong
from cluster.api.metadata import wrong_label_keys
from cluster.api.resources.checks import check_enum, check_not_negative
from cluster.client import Obj


def check_indexes(spec: Obj, path: str) -> Iterator[FieldError]:
    """What counts indexes needs them: their limits, and when enough of them have succeeded."""
    if spec.get("completionMode") == "Indexed" and spec.get("completions") is None:
        yield required(f"{path}.completions", "when completion mode is Indexed")
    indexed = spec.get("completionMode") == "Indexed"
    for name in ("backoffLimitPerIndex", "maxFailedIndexes"):
        if spec.get(name) is not None and not indexed:
            yield invalid(f"{path}.{name}", spec[name], "requires indexed completion mode")
    most, all_of_them = spec.get("maxFailedIndexes"), spec.get("completions")
    if indexed and most is not None and all_of_them is not None and most > all_of_them:
        yield invalid(f"{path}.maxFailedIndexes", most, "must be less than or equal to completions")
    if indexed and most is not None and spec.get("backoffLimitPerIndex") is None:
        yield required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
    policy = spec.get("successPolicy")
    if policy is not None and indexed:
        yield from _check_success(policy, all_of_them or 0, f"{path}.successPolicy.rules")
    elif policy is not None:
        shown = {"Rules": [in_go(rule, "SucceededIndexes SucceededCount") for rule in policy.get("rules") or ()]}
        yield invalid(f"{path}.successPolicy", shown, "requires indexed completion mode")


def _check_success(policy: Obj, completions: int, path: str) -> Iterator[FieldError]:
    if not policy.get("rules"):
        yield required(path, "at least one rules must be specified when the successPolicy is specified")
    for i, rule in enumerate(policy.get("rules") or ()):
        yield from _check_success_rule(rule, completions, f"{path}[{i}]")


def _check_success_rule(rule: Obj, completions: int, path: str) -> Iterator[FieldError]:
    count, named = rule.get("succeededCount"), rule.get("succeededIndexes")
    if count is None and named is None:
        yield required(path, "at least one of succeededCount or succeededIndexes must be specified")
    try:
        indexes = None if named is None else count_of_indexes(named, completions)
    except ValueError as wrong:
        yield invalid(f"{path}.succeededIndexes", named, f"error parsing succeededIndexes: {wrong}")
        indexes = None
    yield from check_not_negative(rule, path, "succeededCount")
    if count is not None and count > completions:
        why = f"must be less than or equal to {completions} (the number of specified completions)"
        yield invalid(f"{path}.succeededCount", count, why)
    if count is not None and indexes is not None and count > indexes:
        why = f"must be less than or equal to {indexes} (the number of indexes in the specified succeededIndexes field)"
        yield invalid(f"{path}.succeededCount", count, why)


def count_of_indexes(text: str, completions: int) -> int:
    """How many indexes "0-2,5" names, in ascending order and below `completions`. Raises ValueError."""
    total, last = 0, -1
    for part in text.split(","):
        limits = part.split("-")
        if len(limits) > 2:
            raise ValueError(
                f'the fragment "{part}" violates the requirement that an index interval can have at most two '
                "parts separated by '-'"
            )
        first, end = _index(limits[0], completions), _index(limits[-1], completions)
        if first <= last:
            raise ValueError(f"non-increasing order, previous: {last}, current: {first}")
        if len(limits) == 2 and end <= first:
            raise ValueError(f"non-increasing order, previous: {first}, current: {end}")
        total, last = total + end - first + 1, end
    return total


def _index(text: str, completions: int) -> int:
    if not text.isdecimal():
        raise ValueError(f'cannot convert string to integer for index: "{text}"')
    if int(text) >= completions:
        raise ValueError(f'too large index: "{text}"')
    return int(text)


def check_failure_policy(spec: Obj, path: str) -> Iterator[FieldError]:
    policy = spec.get("podFailurePolicy")
    if policy is None:
        return
    yield from _check_policy(policy, spec, f"{path}.podFailurePolicy")
    restarts = spec["template"]["spec"].get("restartPolicy")
    if restarts != "Never":
        why = 'only "Never" is supported when podFailurePolicy is specified'
        yield invalid(f"{path}.template.spec.restartPolicy", restarts, why)


def _check_policy(policy: Obj, spec: Obj, path: str) -> Iterator[FieldError]:
    pod = spec["template"]["spec"]
    names = {c.get("name") for kind in ("containers", "initContainers") for c in pod.get(kind) or ()}
    for i, rule in enumerate(policy.get("rules") or ()):
        at = f"{path}.rules[{i}]"
        yield from check_enum(rule, at, "action", ("Count", "FailIndex", "FailJob", "Ignore"))
        if rule.get("action") == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
            yield invalid(f"{at}.action", "FailIndex", "requires the backoffLimitPerIndex to be set")
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions") or []
        if codes is not None:
            yield from _check_codes(codes, names, f"{at}.onExitCodes")
        for j, condition in enumerate(conditions):
            yield from _check_condition(condition, f"{at}.onPodConditions[{j}]")
        if codes is not None and conditions:
            yield wrong(at, "specifying both OnExitCodes and OnPodConditions is not supported")
        elif codes is None and not conditions:
            yield wrong(at, "specifying one of OnExitCodes and OnPodConditions is required")


def _check_codes(codes: Obj, names: Collection[str], path: str) -> Iterator[FieldError]:
    yield from check_enum(codes, path, "operator", ("In", "NotIn"))
    container, values = codes.get("containerName"), codes.get("values") or []
    if container is not None and container not in names:
        why = "must be one of the container or initContainer names in the pod template"
        yield invalid(f"{path}.containerName", container, why)
    if not values:
        yield invalid(f"{path}.values", values, "at least one value is required")
    for i, value in enumerate(values):
        if value == 0 and codes.get("operator") == "In":
            yield invalid(f"{path}.values[{i}]", value, "must not be 0 for the In operator")
        if value in values[:i]:
            yield duplicate(f"{path}.values[{i}]", value)
    if values != sorted(values):
        yield invalid(f"{path}.values", values, "must be ordered")


def _check_condition(condition: Obj, path: str) -> Iterator[FieldError]:
    for why in wrong_label_keys(condition.get("type", "")):
        yield invalid(f"{path}.type", condition.get("type", ""), why)
    yield from check_enum(condition, path, "status", ("False", "True", "Unknown"))
