"""What it cost and what the defense bought: the figures of a result, each with its name and its unit."""

from typing import NamedTuple

from chaos.result import Difference, Impact, PhaseResult, Result, VariantResult
from reports import course
from reports.words import NOT_MEASURED, NOT_SEEN, count, milliseconds, seconds, share


class Figure(NamedTuple):
    """A figure with its name and a remark."""

    name: str
    value: str
    note: str = ""


def figures(variant: VariantResult) -> list[Figure]:
    """What users felt and what the cluster let on, of the time from the fault to the end of the run."""
    cost = variant.impact
    if cost is None:
        return []
    kinds = ", ".join(f"{count(n)} {kind}" for kind, n in cost.failures.items())
    of_all = f"{count(cost.failed)} of {count(cost.requests)}" if cost.requests else ""
    return [
        Figure("requests failed", share(cost.failed, cost.requests), f"{of_all}{f': {kinds}' if kinds else ''}"),
        Figure("longest outage", seconds(cost.longest_outage) if cost.requests else NOT_MEASURED),
        _recovery(cost.recovered_after, variant),
        _p95(variant.phases),
        _first_sign(variant),
        Figure("Ready while users failed", seconds(cost.lie_time) if cost.requests else NOT_MEASURED),
        Figure("others hurt", count(len(cost.bystanders_hurt)), ", ".join(cost.bystanders_hurt)),
        *_bill(cost),
    ]


def _bill(cost: Impact) -> list[Figure]:
    if cost.pod_seconds is None or cost.cpu_seconds is None:
        return []
    requested = f"{count(cost.cpu_seconds)} core-seconds requested"
    return [Figure("bought for 1,000 requests", f"{count(cost.pod_seconds)} pod-seconds", requested)]


def _recovery(after: float | None, variant: VariantResult) -> Figure:
    name = "users well again after"
    if after is None:
        return Figure(name, NOT_SEEN)
    if after == 0:
        return Figure(name, "0 s", "their steady state was never lost")
    ends = next((phase.end for phase in variant.phases if phase.name == "fault"), None)
    # Whole seconds are looked at, so the one in which the fault was undone counts as after it.
    healed = ends is not None and after + 1 > ends - (course.zero(variant) or 0)
    return Figure(name, f"{after:.1f} s", "only once the fault was undone" if healed else "")


def _p95(phases: tuple[PhaseResult, ...]) -> Figure:
    by_name = {phase.name: phase.p95 for phase in phases}
    before, during = by_name.get("baseline"), by_name.get("fault")
    if before is None and during is None:
        return Figure("p95", NOT_MEASURED)
    return Figure("p95", f"{milliseconds(before)} → {milliseconds(during)}", "before → during the fault")


def _first_sign(variant: VariantResult) -> Figure:
    sign = variant.impact.first_sign if variant.impact else None
    if sign is None:
        return Figure("first sign in the cluster", "none", "nothing told of the fault")
    kind, _, whose = sign.source.partition("/")
    # An event's words name their pod, or speak for themselves; what a pod's own state shows does not.
    text = f"{whose}: {sign.text}" if kind == "Pod" else sign.text
    return Figure("first sign in the cluster", course.moment(sign.t, variant), text)


def comparison(result: Result) -> str:
    """What the figures side by side are. Of verdicts that were not proven nobody can say that a defense bought them."""
    if any(v.verdict == "not_proven" for variant in result.variants for v in variant.verdicts):
        return "What was measured, though not proven"
    return "What the defense bought" if len(result.variants) > 1 else "What it cost"


class Row(NamedTuple):
    """A figure of every variant, and what the better defended one has more or less of it ("" for not to be said)."""

    name: str
    values: list[str]
    difference: str


def bought(result: Result) -> list[Row]:
    """Every figure side by side, those first in which the variants differ."""
    rows = [_row(difference, result) for difference in result.differences]
    return sorted(rows, key=lambda row: len(set(row.values)) == 1)


def differing(result: Result) -> list[Row]:
    """The figures in which the variants differ; none of a single variant."""
    return [row for row in bought(result) if len(set(row.values)) > 1]


def _row(difference: Difference, result: Result) -> Row:
    values = [_value(difference, variant.name) for variant in result.variants]
    return Row(difference.what, values, _less(difference, result.variants))


def _value(difference: Difference, variant: str) -> str:
    value = difference.values.get(variant)
    if value is None:
        return NOT_SEEN if difference.what in {"detected after", "recovered after"} else NOT_MEASURED
    return _with_unit(count(value), difference.unit)


def _with_unit(number: str, unit: str) -> str:
    return f"{number}{unit}" if unit == "%" else f"{number} {unit}".strip()


def _less(difference: Difference, variants: tuple[VariantResult, ...]) -> str:
    """Of the most defended variant against the least defended one."""
    ordered = sorted(variants, key=lambda v: len(v.strip))
    if len(ordered) < 2 or len(ordered[0].strip) == len(ordered[-1].strip):
        return ""
    best, worst = (difference.values.get(v.name) for v in (ordered[0], ordered[-1]))
    if best is None or worst is None:
        return ""
    if best == worst:
        return "0"
    sign = "-" if best < worst else "+"
    return sign + _with_unit(count(abs(best - worst)), "points" if difference.unit == "%" else difference.unit)
