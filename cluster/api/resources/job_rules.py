"""The rules of a Job's policies: which pods' failures count, which indexes suffice."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, invalid, required
from cluster.api.resources.checks import check_enum, check_not_negative, check_required
from cluster.client import Obj

_ONLY_INDEXED = "requires indexed completion mode"


def check_indexes(spec: Obj, path: str) -> Iterator[FieldError]:
    """Limits of single indexes, and when enough of them have succeeded."""
    yield from check_not_negative(spec, path, "backoffLimitPerIndex", "maxFailedIndexes")
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        yield required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
    if spec.get("completionMode") == "Indexed":
        yield from _check_limits(spec, path)
    else:
        for name in ("backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"):
            if spec.get(name) is not None:
                yield invalid(f"{path}.{name}", spec[name], _ONLY_INDEXED)


def _check_limits(spec: Obj, path: str) -> Iterator[FieldError]:
    completions, most = spec.get("completions"), spec.get("maxFailedIndexes")
    if completions is None:
        yield required(f"{path}.completions", "when completion mode is Indexed")
        return
    if most is not None and most > completions:
        yield invalid(f"{path}.maxFailedIndexes", most, "must be less than or equal to completions")
    if spec.get("successPolicy") is not None:
        yield from _check_success(spec["successPolicy"], completions, f"{path}.successPolicy.rules")


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
    for i, rule in enumerate(policy.get("rules") or ()):
        yield from _check_failure_rule(rule, f"{path}.podFailurePolicy.rules[{i}]")
        if rule.get("action") == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
            why = "requires the backoffLimitPerIndex to be set"
            yield invalid(f"{path}.podFailurePolicy.rules[{i}].action", rule["action"], why)
    restarts = spec["template"]["spec"].get("restartPolicy")
    if restarts != "Never":
        why = 'only "Never" is supported when podFailurePolicy is specified'
        yield invalid(f"{path}.template.spec.restartPolicy", restarts, why)


def _check_failure_rule(rule: Obj, path: str) -> Iterator[FieldError]:
    yield from check_enum(rule, path, "action", ("Count", "FailIndex", "FailJob", "Ignore"))
    if bool(rule.get("onExitCodes")) == bool(rule.get("onPodConditions")):
        yield invalid(path, "", "specifying one of OnExitCodes and OnPodConditions is required")
    if codes := rule.get("onExitCodes"):
        yield from check_enum(codes, f"{path}.onExitCodes", "operator", ("In", "NotIn"))
        yield from check_required(codes, f"{path}.onExitCodes", "values")
