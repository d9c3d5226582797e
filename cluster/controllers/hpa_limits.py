"""From the replicas that the metrics ask for to those that are set: stabilization, rates, bounds. Pure.

With `behavior` its windows and policies count; without, the rules from before there was any: not down for five minutes,
and not up beyond the double (or four). Source: the Kubernetes page on horizontal pod autoscaling (KEP-853).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cluster.client import Obj

DOWN_SECONDS = 300.0
"""The window of scaling down where none is given."""
_AT_LEAST = 4


@dataclass(frozen=True, slots=True)
class Past:
    """What is remembered of one autoscaler, as (moment, replicas): what was asked for, and what was changed by."""

    asked: Sequence[tuple[float, int]] = field(default=())
    changed: Sequence[tuple[float, int]] = field(default=())


@dataclass(frozen=True, slots=True)
class Reason:
    """Of a condition."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The replicas to set; `able` explains AbleToScale, `limit` ScalingLimited, which is true if `limited`."""

    replicas: int
    able: Reason
    limit: Reason
    limited: bool


_READY = Reason("ReadyForNewScale", "recommended size matches current size")
_HELD_DOWN = Reason(
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
)
_HELD_UP = Reason(
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
)
_WITHIN = Reason("DesiredWithinRange", "the desired count is within the acceptable range")
_TOO_MANY = Reason("TooManyReplicas", "the desired replica count is more than the maximum replica count")
_TOO_FEW = Reason("TooFewReplicas", "the desired replica count is less than the minimum replica count")
_TOO_FAST_UP = Reason("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
_TOO_FAST_DOWN = Reason("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")


def decide(spec: Obj, current: int, asked: int, past: Past, now: float) -> Decision:
    """What an autoscaler's `spec` makes of the replicas that its metrics ask for now."""
    behavior: Obj = spec.get("behavior") or {}
    steady = _steady(behavior, current, asked, past, now)
    able = _READY if steady == asked else _HELD_DOWN if asked > steady else _HELD_UP
    low, low_reason, high, high_reason = _bounds(spec, behavior, current, steady, past, now)
    if steady > high:
        return Decision(high, able, high_reason, limited=True)
    if steady < low:
        return Decision(low, able, low_reason, limited=True)
    return Decision(steady, able, _WITHIN, limited=False)


def remember(past: Past, asked: int, now: float, keep_seconds: float) -> Past:
    """The past with what is asked for now in it, and without what is older than `keep_seconds`."""
    return Past(_since([*past.asked, (now, asked)], now - keep_seconds), _since(past.changed, now - keep_seconds))


def memory_seconds(spec: Obj) -> float:
    """How far back an autoscaler's rules look."""
    rules = [(spec.get("behavior") or {}).get(way) or {} for way in ("scaleUp", "scaleDown")]
    windows = [rule.get("stabilizationWindowSeconds") or 0 for rule in rules]
    periods = [policy["periodSeconds"] for rule in rules for policy in rule.get("policies") or ()]
    return float(max(DOWN_SECONDS, *windows, *periods))


def _steady(behavior: Obj, current: int, asked: int, past: Past, now: float) -> int:
    up = _window(behavior, "scaleUp", 0.0)
    down = _window(behavior, "scaleDown", DOWN_SECONDS)
    lowest = min([asked, *(n for _, n in _since(past.asked, now - up))])
    highest = max([asked, *(n for _, n in _since(past.asked, now - down))])
    if not behavior:
        return highest
    return min(max(current, lowest), highest)


def _window(behavior: Obj, way: str, otherwise: float) -> float:
    given = (behavior.get(way) or {}).get("stabilizationWindowSeconds")
    return otherwise if given is None else float(given)


def _bounds(
    spec: Obj, behavior: Obj, current: int, steady: int, past: Past, now: float
) -> tuple[int, Reason, int, Reason]:
    """The lowest and the highest allowed now, each with what sets it."""
    low, high = (spec["minReplicas"], _TOO_FEW), (spec["maxReplicas"], _TOO_MANY)
    if not behavior:
        fastest = max(2 * current, _AT_LEAST)
        high = (fastest, _TOO_FAST_UP) if fastest < high[0] else high
    elif steady > current:
        fastest = max(current, _fastest_up(behavior["scaleUp"], current, past, now))
        high = (fastest, _TOO_FAST_UP) if fastest < high[0] else high
    elif steady < current:
        fastest = min(current, _fastest_down(behavior["scaleDown"], current, past, now))
        low = (fastest, _TOO_FAST_DOWN) if fastest > low[0] else low
    return *low, *high


def _fastest_up(rules: Obj, current: int, past: Past, now: float) -> int:
    if rules["selectPolicy"] == "Disabled":
        return current
    reach = [_up(policy, _at_start(policy, current, past, now)) for policy in rules["policies"]]
    return min(reach) if rules["selectPolicy"] == "Min" else max(reach)


def _fastest_down(rules: Obj, current: int, past: Past, now: float) -> int:
    if rules["selectPolicy"] == "Disabled":
        return current
    reach = [_down(policy, _at_start(policy, current, past, now)) for policy in rules["policies"]]
    return max(reach) if rules["selectPolicy"] == "Min" else min(reach)


def _at_start(policy: Obj, current: int, past: Past, now: float) -> int:
    """How many there were when the policy's period began."""
    return current - sum(change for _, change in _since(past.changed, now - policy["periodSeconds"]))


def _up(policy: Obj, before: int) -> int:
    value = int(policy["value"])
    return before + value if policy["type"] == "Pods" else -(-before * (100 + value) // 100)


def _down(policy: Obj, before: int) -> int:
    value = int(policy["value"])
    return before - value if policy["type"] == "Pods" else before * (100 - value) // 100


def _since(past: Sequence[tuple[float, int]], moment: float) -> list[tuple[float, int]]:
    return [entry for entry in past if entry[0] > moment]
