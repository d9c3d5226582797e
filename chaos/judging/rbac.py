"""Did RBAC refuse? What was tried with the workload's own token, and what the API server answered, look by look.

Only the authorizer's own words are a refusal: 403 Forbidden with `User "…" cannot …`. A 401 means that the token was
not even known; no answer in time means nothing; and a 403 of admission (a quota, Pod Security) comes after RBAC let the
request through. What was answered with 404, 409 or 422 got past the authorizer too: it only found nothing to harm.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from chaos.judging.history import FOREVER, History, Obj, Objectives
from chaos.judging.verdict import Criterion, Evidence, VerdictName, worst
from chaos.recording import Fault

Answered = Literal["allowed", "refused", "unknown"]
# Answers that are given only to those whom the authorizer let pass.
PAST_THE_AUTHORIZER = (400, 404, 409, 422)


def judge(past: History, wanted: Objectives) -> list[Criterion]:  # noqa: ARG001  # every judge is called alike
    """Whichever of the two storms the recording holds: for recordings that raise no doubts."""
    injection = past.injections[0]
    if injection.fault == "intern-script":
        return [_turned_away(injection), _stands(past, injection)]
    looks = list(_looks(past, injection))
    return [_denied(looks), _needs(looks), _out_of_reach(injection, looks)]


def answered(answer: Obj) -> Answered:
    """What an answer says about the authorizer's decision."""
    code = int(answer.get("code", 0))
    if 200 <= code < 300 or code in PAST_THE_AUTHORIZER:
        return "allowed"
    return "refused" if code == 403 and _by_the_authorizer(answer) else "unknown"


def allowed(step: Fault) -> Iterator[str]:
    """The forbidden things that a step of the fault found allowed."""
    script = step.data.get("answer")
    answers = [*_answers(step, "tried"), *([script] if isinstance(script, dict) else [])]
    return (str(a.get("what")) for a in answers if answered(a) == "allowed")


def _by_the_authorizer(answer: Obj) -> bool:
    said = str(answer.get("message", ""))
    # The second is RBAC's guard against handing out rights one does not have.
    own_words = ('User "' in said and '" cannot ' in said) or "attempting to grant RBAC permissions" in said
    return answer.get("reason") == "Forbidden" and own_words


def _said(answer: Obj) -> str:
    code, message = int(answer.get("code", 0)), str(answer.get("message", ""))
    return f"HTTP {code}{': ' if message else ''}{message}" if code else f"no answer: {message}"


def _looks(past: History, injection: Fault) -> Iterator[Fault]:
    """Every time the whole list was tried."""
    end = past.phases["fault"].end if "fault" in past.phases else FOREVER
    return (
        f for f in past.faults if f.step == "witness" and f.target == injection.target and injection.t <= f.t <= end
    )


def _denied(looks: list[Fault]) -> Criterion:
    return _of_all("denied", looks, "tried", "refused", f"refused with 403 each of {len(looks)} times")


def _needs(looks: list[Fault]) -> Criterion:
    if looks and not any(_answers(look, "needed") for look in looks):
        text = "the workload needs nothing of the API server, and its token was known to it all the same"
        return _unless_a_look_failed("needs met", looks, text)
    return _of_all("needs met", looks, "needed", "allowed", f"answered each of {len(looks)} times")


def _answers(look: Fault, key: str) -> list[Obj]:
    found: Any = look.data.get(key)
    return [a for a in found if isinstance(a, dict)] if isinstance(found, list) else []


def _of_all(name: str, looks: list[Fault], key: str, good: Answered, text: str) -> Criterion:
    """Every action in every look must be answered as it should: the other way is broke, no clear answer unproven."""
    told = [(look, answer) for look in looks for answer in _answers(look, key)]
    wrong = [(look, a) for look, a in told if answered(a) not in (good, "unknown")]
    unclear = [(look, a) for look, a in told if answered(a) == "unknown"]
    if wrong:
        return Criterion(name=name, verdict="broke", text=_listed(wrong, good), evidence=_evidence(wrong))
    if not told:
        return Criterion(name=name, verdict="not_proven", text="nothing was tried with the token")
    if unclear:
        text = f"no clear answer to: {_names(a for _, a in unclear)}"
        return Criterion(name=name, verdict="not_proven", text=text, evidence=_evidence(unclear))
    names = [str(a.get("what")) for a in _answers(looks[0], key)]
    held = f"{len(names)} of {len(names)} {text}: {', '.join(names)}"
    return _unless_a_look_failed(name, looks, held, _evidence(told))


def _unless_a_look_failed(name: str, looks: list[Fault], text: str, evidence: tuple[Evidence, ...] = ()) -> Criterion:
    """A look at which the token was not known proves nothing of that moment."""
    failed = [look for look in looks if not look.ok]
    if not failed and looks:
        return Criterion(name=name, verdict="held", text=text, evidence=evidence)
    seen = tuple(Evidence(t=f.t, source="fault", text=f.detail) for f in failed[:3])
    return Criterion(name=name, verdict="not_proven", text="the token was not always known", evidence=seen)


def _listed(wrong: list[tuple[Fault, Obj]], good: Answered) -> str:
    verb = "allowed" if good == "refused" else "refused, though the workload needs it"
    return f"{verb}: {_names(a for _, a in wrong)}"


def _names(answers: Iterable[Obj]) -> str:
    return ", ".join(dict.fromkeys(str(a.get("what")) for a in answers))


def _evidence(told: list[tuple[Fault, Obj]]) -> tuple[Evidence, ...]:
    """The first answer to each action."""
    first = {str(a.get("what")): (look, a) for look, a in reversed(told)}
    found = [Evidence(t=look.t, source="API server", text=f"{w}: {_said(a)}") for w, (look, a) in first.items()]
    return tuple(reversed(found))


def _out_of_reach(injection: Fault, looks: list[Fault]) -> Criterion:
    name, mounted = "token out of reach", injection.data.get("mounted")
    if not isinstance(mounted, bool):
        return Criterion(name=name, verdict="not_proven", text="whether the pod holds a token was not recorded")
    if not mounted:
        return Criterion(name=name, verdict="held", text=f"no token lies in {injection.target}")
    if any(_answers(look, "needed") for look in looks):
        return Criterion(name=name, verdict="held", text=f"a token lies in {injection.target}, which uses it")
    text = f"a token lies in {injection.target}, which never calls the API server"
    return Criterion(name=name, verdict="broke", text=text)


def _turned_away(injection: Fault) -> Criterion:
    answer, user = injection.data.get("answer") or {}, injection.data.get("user")
    known = injection.data.get("known") or {}
    what = str(answer.get("what", "the deletion"))
    verdicts: dict[Answered, VerdictName] = {"refused": "held", "allowed": "broke", "unknown": "not_proven"}
    verdict = verdicts[answered(answer)]
    evidence = (Evidence(t=injection.t, source="API server", text=f"{what}: {_said(answer)}"),)
    if verdict == "held" and known.get("user") != user:
        text = f"the API server did not know the script as {user}, so its refusal says nothing about that account"
        return Criterion(name="script turned away", verdict="not_proven", text=text, evidence=evidence)
    words = {"held": "refused with 403", "broke": "allowed", "not_proven": "no clear answer"}
    text = f"{what} as {user}: {words[verdict]}"
    return Criterion(name="script turned away", verdict=verdict, text=text, evidence=evidence)


def _stands(past: History, injection: Fault) -> Criterion:
    looks = list(_looks(past, injection))
    parts = [_stood(look) for look in looks]
    verdict = worst(parts)
    texts: dict[VerdictName, str] = {
        "held": f"production stood at each of {len(looks)} looks",
        "broke": "production is gone, with everything in it",
        "not_proven": "whether production still stands was not seen throughout",
    }
    seen = [look for look, part in zip(looks, parts, strict=True) if part == verdict][:1]
    evidence = tuple(Evidence(t=look.t, source="Namespace", text=look.detail) for look in seen)
    return Criterion(name="production stands", verdict=verdict, text=texts[verdict], evidence=evidence)


def _stood(look: Fault) -> VerdictName:
    standing = look.data.get("standing")
    if standing is False:
        return "broke"
    return "held" if standing is True else "not_proven"
