"""Did the container hold its intruder? What was tried from inside, and what the kernel answered.

Each answer is held against the reason it should have: a write that fails because the file belongs to somebody else is
no read-only root, and what was not told is not refused.
"""

from collections.abc import Callable, Iterator

from chaos.judging.history import History, Objectives
from chaos.judging.verdict import Criterion, Evidence, VerdictName, worst
from chaos.recording import Fault

Tried = dict[str, str]
# The value of "Seccomp" in /proc/PID/status for a process under a filter (proc_pid_status(5)).
FILTERED = "2"
# The app's own port: it must answer, or the silence of others proves nothing.
CONTROL = "control"
NO_WAY_OUT = "no way out"
DOORS = {"reach-api": "the API server", "reach-node": "the kubelet of another node"}


def judge(past: History, wanted: Objectives) -> list[Criterion]:  # noqa: ARG001  # every judge is called alike
    """Not root, no way up, read-only root, no way out: for recordings that raise no doubts."""
    injection, end = past.injections[0], past.phases["fault"].end
    about = [f for f in past.faults if f.step == "witness" and f.target == injection.target]
    looks = [f for f in about if injection.t <= f.t <= end]
    return [
        _always("not root", looks, _not_root),
        _always("no privileges", looks, _unprivileged),
        _always("no way up", looks, _no_way_up),
        _always("root file system", looks, _read_only),
        _always(NO_WAY_OUT, looks, _no_way_out),
    ]


def _always(name: str, looks: list[Fault], ask: Callable[[Tried], tuple[VerdictName, str]]) -> Criterion:
    """As good as the worst look; a look that told nothing is unproven."""
    answers = [(look, *ask(_tried(look))) for look in looks]
    verdict = worst(v for _, v, _ in answers)
    look, _, text = next((a for a in answers if a[1] == verdict), (None, verdict, "nothing was tried"))
    evidence = () if look is None else (Evidence(t=look.t, source="container", text=text),)
    return Criterion(name=name, verdict=verdict, text=text, evidence=evidence)


def done(step: Fault) -> Iterator[str]:
    """What the intruder did at a step of the fault and should not have been able to."""
    return (what for what, answer in _tried(step).items() if answer == "done" and what != CONTROL)


def _tried(look: Fault) -> Tried:
    found = look.data.get("tried")
    return {str(k): str(v) for k, v in found.items()} if look.ok and isinstance(found, dict) else {}


def _not_root(tried: Tried) -> tuple[VerdictName, str]:
    shell, program = tried.get("uid", ""), tried.get("Uid", "").split()
    if shell == "0" or "0" in program:
        return "broke", "the intruder is root in the container"
    if not shell.isdigit() or not program:
        return "not_proven", "as whom the container runs was not told"
    return "held", f"the intruder is user {shell}, and the program user {program[0]}"


def _unprivileged(tried: Tried) -> tuple[VerdictName, str]:
    capabilities, answer = tried.get("CapEff", ""), tried.get("change-owner", "")
    if answer == "done" or capabilities.strip("0"):
        return "broke", f"the kernel grants privileges: effective capabilities {capabilities}, chown: {answer}"
    if not capabilities or "not permitted" not in answer:
        return "not_proven", f"no clear answer: effective capabilities {capabilities or 'not told'}, chown: {answer}"
    return "held", f"no effective capabilities, and chown to another user: {answer}"


def _no_way_up(tried: Tried) -> tuple[VerdictName, str]:
    new, filtered = tried.get("NoNewPrivs", ""), tried.get("Seccomp", "")
    if not new or not filtered:
        return "not_proven", "whether a setuid program or any system call would do was not told"
    if new != "1":
        return "broke", "a setuid program could make the intruder root (NoNewPrivs 0)"
    if filtered != FILTERED:
        return "broke", f"every system call is open to the intruder (Seccomp {filtered})"
    return "held", "no program can gain privileges (NoNewPrivs 1), and system calls are filtered (Seccomp 2)"


def _read_only(tried: Tried) -> tuple[VerdictName, str]:
    answer = tried.get("write-to-root", "")
    if answer == "done":
        return "broke", "the intruder wrote to the root file system"
    if "Read-only file system" in answer:
        return "held", f"writing to /: {answer}"
    return "not_proven", f"writing to / failed for another reason: {answer or 'not told'}"


def _no_way_out(tried: Tried) -> tuple[VerdictName, str]:
    answers = {name: tried[what] for what, name in DOORS.items() if what in tried}
    open_ = [name for name, answer in answers.items() if answer == "done"]
    if open_:
        return "broke", f"the intruder reached {' and '.join(open_)}"
    if tried.get(CONTROL) != "done":
        return "not_proven", f"not even the app's own port was reached ({tried.get(CONTROL, 'it declares none')})"
    unclear = [f"{name}: {answer}" for name, answer in answers.items() if answer != "timed out"]
    if unclear or "reach-api" not in tried:
        return "not_proven", f"no clear answer: {'; '.join(unclear) or 'the API server was not tried'}"
    return "held", f"{' and '.join(answers)} stayed silent, and the app's own port answered"
