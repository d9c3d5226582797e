"""The macros that go through lists, maps and optionals, as functions.

What one round costs on its own is what a real server counts for the expressions that it makes of a macro.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from cluster.api.custom.cel.library.lists import sorted_by
from cluster.api.custom.cel.library.optionals import NONE, some
from cluster.api.custom.cel.nodes import Fold
from cluster.api.custom.cel.problems import EvaluationError, NoSuchOverloadError
from cluster.api.custom.cel.run import Run, Step
from cluster.api.custom.cel.values import Optional, Record

_ROUND, _ROUND_THAT_MAKES = 3, 12
Steps = tuple[Step, ...]


def _rounds(node: Fold, over: Step, run: Run, cost: int) -> Iterator[Any]:
    """Puts the variables of each round in place and gives its first."""
    values = over(run)
    with run.inner() as variables:
        for given in _givens(values, len(node.variables)):
            run.spend(cost)
            variables.update(zip(node.variables, given, strict=True))
            yield given[0]


def _givens(values: Any, count: int) -> Iterable[tuple[Any, ...]]:
    if isinstance(values, list):
        return zip(values, strict=True) if count == 1 else enumerate(values)
    if not isinstance(values, dict | Record):
        raise NoSuchOverloadError
    keys = list(values)
    return zip(keys, strict=True) if count == 1 else ((key, values[key]) for key in keys)


def _truth(step: Step, run: Run) -> bool:
    value = step(run)
    if not isinstance(value, bool):
        raise NoSuchOverloadError
    return value


def _until(decisive: bool) -> Callable[[Fold, Step, Steps], Step]:
    """all and exists: an error counts only where no other round decides."""

    def compile_fold(node: Fold, over: Step, steps: Steps) -> Step:
        def step(run: Run) -> bool:
            failed: EvaluationError | None = None
            for _ in _rounds(node, over, run, _ROUND):
                try:
                    if _truth(steps[0], run) is decisive:
                        return decisive
                except EvaluationError as error:
                    failed = failed or error
            if failed:
                raise failed
            return not decisive

        return step

    return compile_fold


def _exists_one(node: Fold, over: Step, steps: Steps) -> Step:
    return lambda run: sum([_truth(steps[0], run) for _ in _rounds(node, over, run, _ROUND)]) == 1


def _filter(node: Fold, over: Step, steps: Steps) -> Step:
    return lambda run: [first for first in _rounds(node, over, run, _ROUND_THAT_MAKES) if _truth(steps[0], run)]


def _wanted(node: Fold, over: Step, steps: Steps, run: Run) -> Iterator[Any]:
    """The first variable of the rounds that their condition does not leave out."""
    for first in _rounds(node, over, run, _ROUND_THAT_MAKES):
        if all(_truth(condition, run) for condition in steps[:-1]):
            yield first


def _map(node: Fold, over: Step, steps: Steps) -> Step:
    return lambda run: [steps[-1](run) for _ in _wanted(node, over, steps, run)]


def _transform_map(node: Fold, over: Step, steps: Steps) -> Step:
    return lambda run: {key: steps[-1](run) for key in _wanted(node, over, steps, run)}


def _transform_entries(node: Fold, over: Step, steps: Steps) -> Step:
    def step(run: Run) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for _ in _wanted(node, over, steps, run):
            _insert(made, steps[-1](run))
        return made

    return step


def _insert(made: dict[Any, Any], entries: Any) -> None:
    if not isinstance(entries, dict):
        raise NoSuchOverloadError
    for key, value in entries.items():
        if key in made:
            raise EvaluationError(f"insert failed: key {key} already exists")
        made[key] = value


def _sort_by(node: Fold, over: Step, steps: Steps) -> Step:
    def step(run: Run) -> list[Any]:
        pairs = [(item, steps[0](run)) for item in _rounds(node, over, run, _ROUND_THAT_MAKES)]
        return sorted_by([item for item, _ in pairs], [key for _, key in pairs])

    return step


def _opt(made: Callable[[Any], Any]) -> Callable[[Fold, Step, Steps], Step]:
    def compile_fold(node: Fold, over: Step, steps: Steps) -> Step:
        def step(run: Run) -> Any:
            optional = over(run)
            if not isinstance(optional, Optional):
                raise NoSuchOverloadError
            if not optional.is_there:
                return NONE
            with run.inner() as variables:
                variables[node.variables[0]] = optional.value
                return made(steps[0](run))

        return step

    return compile_fold


FOLDS: dict[str, Callable[[Fold, Step, Steps], Step]] = {
    "all": _until(False),
    "exists": _until(True),
    "exists_one": _exists_one,
    "filter": _filter,
    "map": _map,
    "transformList": _map,
    "transformMap": _transform_map,
    "transformMapEntry": _transform_entries,
    "sortBy": _sort_by,
    "optMap": _opt(some),
    "optFlatMap": _opt(lambda value: value),
}
