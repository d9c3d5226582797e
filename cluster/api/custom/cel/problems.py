"""What can be wrong with an expression, and what can go wrong while it is evaluated."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """`at` counts characters from the start of the expression."""

    at: int
    message: str

    def __str__(self) -> str:
        return self.message


class DoesNotCompileError(Exception):
    """The expression is none, or its types do not fit."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(problems[0].message)
        self.problems = problems


class BeyondUsError(Exception):
    """Kubernetes can evaluate the expression and this cluster cannot; the text names what."""


class EvaluationError(Exception):
    """The expression has no value: a missing key, a division by zero, a text that is no number."""

    cost = 0
    """What was spent until then."""


class NoSuchOverloadError(EvaluationError):
    """A function was called with values of types that it does not take; only untyped values get that far."""

    def __init__(self) -> None:
        super().__init__("no such overload")


class CostLimitError(Exception):
    """Evaluation was stopped: it costs more than one expression may."""

    def __init__(self) -> None:
        super().__init__("operation cancelled: actual cost limit exceeded")


def report(problems: tuple[Problem, ...], source: str) -> str:
    """All of them with the line and a mark below the place, as Kubernetes prints them."""
    return "\n".join(_shown(problem, source) for problem in sorted(set(problems), key=lambda problem: problem.at))


def _shown(problem: Problem, source: str) -> str:
    before = source[: problem.at]
    line, column = before.count("\n"), problem.at - (before.rfind("\n") + 1)
    text = source.split("\n")[line].replace("\t", " ")
    return f"ERROR: <input>:{line + 1}:{column + 1}: {problem.message}\n | {text}\n | {'.' * column}^"
