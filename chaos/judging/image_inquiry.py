"""Does anybody know what runs? What the runtime named, held against what was asked for and what scanners reported.

The runtime's word is the digest in a container's `imageID`. What it does not name cannot be compared, and a report that
cannot be read might have been the one: both are not proven. That nobody reported is an answer.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from chaos.judging.history import History, Obj, Objectives
from chaos.judging.verdict import Criterion, Evidence, VerdictName, worst
from chaos.recording import Fault
from chaos.scans import digest_of, shown


@dataclass(frozen=True, slots=True)
class _Case:
    """One running container at one look."""

    look: Fault
    asked: str
    told: str
    container: str
    pod: str
    reports: tuple[Obj, ...]
    day: date
    max_age: timedelta

    @property
    def digest(self) -> str:
        return digest_of(self.told)

    @property
    def report(self) -> Obj:
        """The newest that names what runs; empty without one."""
        named = (r for r in self.reports if self.digest and self.digest in (r.get("digests") or ()))
        return max(named, key=lambda report: str(report.get("day", "")), default={})


Answer = tuple[VerdictName, str]


def judge(past: History, wanted: Objectives) -> list[Criterion]:  # noqa: ARG001  # every judge is called alike
    """Pinned, scanned, fresh, nothing to fix: for recordings that raise no doubts."""
    injection, end = past.injections[0], past.phases["fault"].end
    looks = [f for f in past.faults if f.step == "witness" and injection.t <= f.t <= end]
    cases = [case for look in looks for case in _cases(injection, look)]
    return [
        _always("pinned", cases, _pinned),
        _always("scanned", cases, _scanned),
        _always("fresh", cases, _fresh),
        _always("nothing to fix", cases, _nothing_to_fix),
    ]


def _cases(injection: Fault, look: Fault) -> Iterator[_Case]:
    day = str(injection.data.get("day") or datetime.fromtimestamp(look.wall, UTC).date())
    for running in look.data.get("running") or ():
        yield _Case(
            look=look,
            asked=str(running.get("asked", "")),
            told=str(running.get("told", "")),
            container=str(running.get("container", "")),
            pod=str(running.get("pod", "")),
            reports=tuple(look.data.get("reports") or ()),
            day=date.fromisoformat(day),
            max_age=timedelta(seconds=float(injection.data.get("max_age_seconds", 0))),
        )


def _always(name: str, cases: Iterable[_Case], ask: Callable[[_Case], Answer]) -> Criterion:
    """As good as the worst answer to any container at any look."""
    answers = [(case, *ask(case)) for case in cases]
    verdict = worst(v for _, v, _ in answers)
    found = next(((case, text) for case, v, text in answers if v == verdict), None)
    if found is None:
        return Criterion(name=name, verdict=verdict, text="no running container was seen")
    case, text = found
    evidence = Evidence(t=case.look.t, source=f"Pod/{case.pod}", text=f"container {case.container}: {case.told or '-'}")
    return Criterion(name=name, verdict=verdict, text=text, evidence=(evidence,))


def _pinned(case: _Case) -> Answer:
    wanted, asked, told = digest_of(case.asked), shown(case.asked), shown(case.told)
    if not wanted:
        return "broke", f"{asked} may mean other bytes tomorrow; today the runtime says {told or 'nothing'}"
    if case.digest == wanted:
        return "held", f"{asked} is asked for, and the runtime says {told}"
    if "@" not in case.told:
        # The image's own id is the digest of its config, which no registry knows it by.
        return "not_proven", f"the runtime does not say by which digest a registry knows what runs: {told or 'nothing'}"
    return "broke", f"{asked} is asked for, and the runtime says {told}"


def _scanned(case: _Case) -> Answer:
    if not case.digest:
        return "not_proven", f"the runtime names no digest of container {case.container}"
    what = shown(case.digest)
    if case.report:
        return "held", f"{case.report.get('name')} reports on {what}"
    problems = [f"{r.get('name')} cannot be read: {r['problem']}" for r in case.reports if "problem" in r]
    if problems:
        return "not_proven", f"no report that can be read names {what}; {'; '.join(problems)}"
    told = f"none of {len(case.reports)} scan reports names" if case.reports else "there is no scan report of"
    return "broke", f"nobody has looked at what runs: {told} {what}"


def _fresh(case: _Case) -> Answer:
    if not case.report:
        return "not_proven", "there is no report whose age could be told"
    name, made = case.report.get("name"), str(case.report.get("day", ""))
    if not made:
        return "not_proven", f"{name} does not say when it was made"
    age = case.day - date.fromisoformat(made)
    if age < timedelta(0):
        return "not_proven", f"{name} is of {made}, after the day of the inquiry, {case.day}"
    text = f"{name} is of {made}, {age.days} days before {case.day}; {case.max_age.days} are allowed"
    return ("held" if age <= case.max_age else "broke"), text


def _nothing_to_fix(case: _Case) -> Answer:
    if not case.report:
        return "not_proven", "there is no report of what was found"
    fixable = [str(found) for found in case.report.get("fixable") or ()]
    if fixable:
        more = f" and {len(fixable) - 3} more" if len(fixable) > 3 else ""
        return "broke", f"critical, and a fixed version exists: {'; '.join(fixable[:3])}{more}"
    return "held", f"{case.report.get('name')} has nothing critical that could be fixed"
