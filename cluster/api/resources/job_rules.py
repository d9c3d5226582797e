"""The rules of a Job's policies: which pods' failures count, which indexes suffice."""

from collections.abc import Collection, Iterator

from cluster.api.field_errors import FieldError, duplicate, in_go, invalid, not_one_of, required, too_many, wrong
from cluster.api.go import go_quoted
from cluster.api.metadata import qualified_name
from cluster.api.resources.checks import check_not_negative
from cluster.client import Obj

MANY, SOME = 100_000, 10_000
"""So many indexes can be told of, and so many failed ones of more than that."""
RULES_MAX, CODES_MAX = 20, 255
_MODES = ("NonIndexed", "Indexed")


def check_indexes(spec: Obj, path: str) -> Iterator[FieldError]:
    """What counts indexes needs them, and of very many not all can be told."""
    mode = spec.get("completionMode")
    if mode not in (None, *_MODES):
        yield not_one_of(f"{path}.completionMode", mode, _MODES)
    if mode == "Indexed":
        yield from _check_indexed(spec, path)
    if mode in (None, "NonIndexed"):
        for name in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(name) is not None:
                yield invalid(f"{path}.{name}", spec[name], "requires indexed completion mode")


def _check_indexed(spec: Obj, path: str) -> Iterator[FieldError]:
    completions, parallelism, failed = (spec.get(name) for name in ("completions", "parallelism", "maxFailedIndexes"))
    if completions is None:
        yield required(f"{path}.completions", "when completion mode is Indexed")
    if (parallelism or 0) > MANY:
        why = f"must be less than or equal to {MANY} when completion mode is Indexed"
        yield invalid(f"{path}.parallelism", parallelism, why)
    if completions is not None and failed is not None and failed > completions:
        yield invalid(f"{path}.maxFailedIndexes", failed, "must be less than or equal to completions")
    if (failed or 0) > MANY:
        yield invalid(f"{path}.maxFailedIndexes", failed, f"must be less than or equal to {MANY}")
    if (completions or 0) > MANY and spec.get("backoffLimitPerIndex") is not None:
        yield from _check_very_many(spec, path)


def _check_very_many(spec: Obj, path: str) -> Iterator[FieldError]:
    if spec.get("maxFailedIndexes") is None:
        yield required(f"{path}.maxFailedIndexes", f"must be specified when completions is above {MANY}")
    for name in ("parallelism", "maxFailedIndexes"):
        if (spec.get(name) or 0) > SOME:
            why = f"when completions are above {MANY} and used with backoff limit per index"
            yield invalid(f"{path}.{name}", spec[name], f"must be less than or equal to {SOME} {why}")


def check_success_policy(spec: Obj, path: str) -> Iterator[FieldError]:
    policy = spec.get("successPolicy")
    if policy is None:
        return
    if spec.get("completionMode") != "Indexed":
        yield invalid(path, policy_in_go(policy), "requires indexed completion mode")
        return
    rules = policy.get("rules") or []
    if not rules:
        yield required(f"{path}.rules", "at least one rules must be specified when the successPolicy is specified")
    if len(rules) > RULES_MAX:
        yield too_many(f"{path}.rules", len(rules), RULES_MAX)
    for i, rule in enumerate(rules):
        yield from _check_success_rule(rule, spec.get("completions") or 0, f"{path}.rules[{i}]")


def policy_in_go(policy: Obj | None) -> Obj | None:
    """A policy of success or failure, as the struct that Kubernetes shows of it."""
    return None if policy is None else {"Rules": [_rule_in_go(rule) for rule in policy.get("rules") or ()]}


def _rule_in_go(rule: Obj) -> Obj:
    if "action" not in rule:
        return in_go(rule, "SucceededIndexes SucceededCount")
    codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions")
    return {
        "Action": rule["action"],
        "OnExitCodes": codes and in_go(codes, "ContainerName Operator Values"),
        "OnPodConditions": conditions and [in_go(condition, "Type Status") for condition in conditions],
    }


def _check_success_rule(rule: Obj, completions: int, path: str) -> Iterator[FieldError]:
    count, named = rule.get("succeededCount"), rule.get("succeededIndexes")
    if count is None and named is None:
        yield required(path, "at least one of succeededCount or succeededIndexes must be specified")
    try:
        indexes = None if named is None else count_of_indexes(named, completions)
    except ValueError as wrong:
        yield invalid(f"{path}.succeededIndexes", named, f"error parsing succeededIndexes: {wrong}")
        indexes = 0
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
    for part in text.split(",") if text else ():
        limits = part.split("-")
        if len(limits) > 2:
            raise ValueError(
                f'the fragment "{part}" violates the requirement that an index interval can have at most two '
                "parts separated by '-'"
            )
        first, end = _index(limits[0], completions), _index(limits[-1], completions)
        if len(limits) == 2 and end <= first:
            raise ValueError(f"non-increasing order, previous: {first}, current: {end}")
        if first <= last:
            raise ValueError(f"non-increasing order, previous: {last}, current: {first}")
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
    rules, pod = policy.get("rules") or [], spec["template"]["spec"]
    if len(rules) > RULES_MAX:
        yield too_many(f"{path}.rules", len(rules), RULES_MAX)
    names = {c.get("name") for kind in ("containers", "initContainers") for c in pod.get(kind) or ()}
    for i, rule in enumerate(rules):
        yield from _check_action(rule.get("action", ""), spec, f"{path}.rules[{i}].action")
        yield from _check_failure_rule(rule, names, f"{path}.rules[{i}]")


def _check_action(action: str, spec: Obj, path: str) -> Iterator[FieldError]:
    if action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
        yield invalid(path, action, "requires the backoffLimitPerIndex to be set")
    yield from _check_word(action, path, ("Count", "FailIndex", "FailJob", "Ignore"))


def _check_word(word: str, path: str, valid: tuple[str, ...]) -> Iterator[FieldError]:
    """One of these, which are listed to whoever says nothing."""
    if not word:
        yield required(path, f"valid values: [{' '.join(map(go_quoted, valid))}]")
    elif word not in valid:
        yield not_one_of(path, word, valid)


def _check_failure_rule(rule: Obj, names: Collection[str], path: str) -> Iterator[FieldError]:
    codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions") or []
    if codes is not None:
        yield from _check_codes(codes, names, f"{path}.onExitCodes")
    if len(conditions) > RULES_MAX:
        yield too_many(f"{path}.onPodConditions", len(conditions), RULES_MAX)
    for i, condition in enumerate(conditions):
        yield from _check_condition(condition, f"{path}.onPodConditions[{i}]")
    if codes is not None and conditions:
        yield wrong(path, "specifying both OnExitCodes and OnPodConditions is not supported")
    elif codes is None and not conditions:
        yield wrong(path, "specifying one of OnExitCodes and OnPodConditions is required")


def _check_codes(codes: Obj, names: Collection[str], path: str) -> Iterator[FieldError]:
    yield from _check_word(codes.get("operator", ""), f"{path}.operator", ("In", "NotIn"))
    container, values = codes.get("containerName"), codes.get("values") or []
    if container is not None and container not in names:
        why = "must be one of the container or initContainer names in the pod template"
        yield invalid(f"{path}.containerName", container, why)
    if not values:
        yield invalid(f"{path}.values", values, "at least one value is required")
    elif len(values) > CODES_MAX:
        yield too_many(f"{path}.values", len(values), CODES_MAX)
    for i, value in enumerate(values):
        if value == 0 and codes.get("operator") == "In":
            yield invalid(f"{path}.values[{i}]", value, "must not be 0 for the In operator")
        if value in values[:i]:
            yield duplicate(f"{path}.values[{i}]", value)
    if values != sorted(values):
        yield invalid(f"{path}.values", values, "must be ordered")


def _check_condition(condition: Obj, path: str) -> Iterator[FieldError]:
    for why in qualified_name(condition.get("type", "")):
        yield invalid(f"{path}.type", condition.get("type", ""), why)
    yield from _check_word(condition.get("status", ""), f"{path}.status", ("False", "True", "Unknown"))
