"""From nodes to a function of the variables that counts what it costs."""

from collections.abc import Callable, Mapping
from typing import Any

from cluster.api.custom.cel import costs
from cluster.api.custom.cel.fold_programs import FOLDS
from cluster.api.custom.cel.kinds import TYPES, kind
from cluster.api.custom.cel.library.lists import item_at
from cluster.api.custom.cel.library.optionals import NONE, some
from cluster.api.custom.cel.nodes import (
    Call,
    Fold,
    Literal,
    MakeList,
    MakeMap,
    Name,
    Node,
    Select,
    is_constant,
    qualified,
)
from cluster.api.custom.cel.overloads import implementation
from cluster.api.custom.cel.problems import EvaluationError, NoSuchOverloadError
from cluster.api.custom.cel.run import Run, Step
from cluster.api.custom.cel.values import Optional, Record, TypeValue

PER_CALL_LIMIT = 1_000_000
"""Of one expression, evaluated once."""


Resolved = Mapping[int, Callable[..., Any]]


def compiled(node: Node, resolved: Resolved) -> Step:
    """`resolved` has the functions of calls that are known beforehand, by the id() of the call."""
    return _COMPILERS[type(node)](node, resolved)


def evaluate(step: Step, variables: Mapping[str, Any], limit: int = PER_CALL_LIMIT) -> tuple[Any, int]:
    """The value and what it cost. Raises `EvaluationError` (with its `cost`), `CostLimitError`."""
    run = Run(dict(variables), limit)
    try:
        return step(run), run.cost
    except EvaluationError as error:
        error.cost = run.cost
        raise


def _literal(node: Literal, _resolved: Resolved) -> Step:
    value = node.value
    return lambda _run: value


def _name(node: Name, _resolved: Resolved) -> Step:
    name = node.name

    def step(run: Run) -> Any:
        if name in run.values:
            run.spend(costs.SELECT)
            return run.values[name]
        if name in TYPES:
            return TypeValue(TYPES[name])
        raise EvaluationError(f"no such attribute(s): {name}")

    return step


def _select(node: Select, resolved: Resolved) -> Step:
    name = qualified(node)
    if name in TYPES:
        return _literal(Literal(TypeValue(TYPES[name]), node.at), resolved)
    operand, field = compiled(node.operand, resolved), node.field
    if node.test:
        return lambda run: _has(operand(run), field)
    read = _maybe_field if node.optional else _field

    def step(run: Run) -> Any:
        value = operand(run)
        run.spend(costs.SELECT)
        return read(value, field)

    return step


def _has(value: Any, field: str) -> bool:
    if isinstance(value, Optional):
        return value.is_there and _has(value.value, field)
    return field in _fields(value)


def _field(value: Any, field: str) -> Any:
    if isinstance(value, Optional):
        return _maybe_field(value, field)
    try:
        return _fields(value)[field]
    except KeyError:
        raise EvaluationError(f"no such key: {field}") from None


def _maybe_field(value: Any, field: str) -> Optional:
    if isinstance(value, Optional):
        return _maybe_field(value.value, field) if value.is_there else NONE
    return some(_fields(value)[field]) if field in _fields(value) else NONE


def _fields(value: Any) -> Any:
    if not isinstance(value, Record | dict):
        raise NoSuchOverloadError
    return value


def _call(node: Call, resolved: Resolved) -> Step:
    if node.name in _SPECIAL:
        return _SPECIAL[node.name](node, resolved)
    name, is_method = node.name, node.target is not None
    args = tuple(compiled(arg, resolved) for arg in ((node.target,) if node.target else ()) + node.args)

    before, after = costs.before(name), costs.after(name)
    call = resolved.get(id(node)) or _dispatched(name, is_method=is_method)

    def step(run: Run) -> Any:
        values = [arg(run) for arg in args]
        run.spend(before(values) if before else 1)
        result = call(*values)
        if after:
            run.spend(after(result))
        return result

    return step


def _dispatched(name: str, *, is_method: bool) -> Callable[..., Any]:
    """Finds the function once it knows what it is given; what is within lists and maps it learns by trying."""

    def call(*values: Any) -> Any:
        run = implementation(name, is_method, tuple(map(kind, values)))
        try:
            return run(*values)
        except (TypeError, AttributeError):
            raise NoSuchOverloadError from None

    return call


def _conditional(node: Call, resolved: Resolved) -> Step:
    condition, yes, no = (compiled(arg, resolved) for arg in node.args)
    return lambda run: yes(run) if _truth(condition(run)) else no(run)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise NoSuchOverloadError
    return value


def _logical(*, decisive: bool) -> Callable[[Call, Resolved], Step]:
    """An error counts only where no other term decides."""

    def compile_terms(node: Call, resolved: Resolved) -> Step:
        terms = tuple(compiled(arg, resolved) for arg in node.args)

        def step(run: Run) -> bool:
            failed: EvaluationError | None = None
            for term in terms:
                try:
                    if _truth(term(run)) is decisive:
                        return decisive
                except EvaluationError as error:
                    failed = failed or error
            if failed:
                raise failed
            return not decisive

        return step

    return compile_terms


def _optional_index(node: Call, resolved: Resolved) -> Step:
    operand, index = (compiled(arg, resolved) for arg in node.args)

    def step(run: Run) -> Optional:
        value, place = operand(run), index(run)
        run.spend(costs.SELECT)
        return _maybe_at(value, place)

    return step


def _maybe_at(value: Any, place: Any) -> Optional:
    if isinstance(value, Optional):
        return _maybe_at(value.value, place) if value.is_there else NONE
    if isinstance(value, list) and isinstance(place, int):
        return some(item_at(value, place)) if 0 <= place < len(value) else NONE
    return some(_fields(value)[place]) if _key(place) in _fields(value) else NONE


def _key(value: Any) -> Any:
    if not isinstance(value, bool | int | str):
        raise EvaluationError(f"unsupported key type: {kind(value)}")
    return value


def _index(node: Call, resolved: Resolved) -> Step:
    operand, index = (compiled(arg, resolved) for arg in node.args)
    read = resolved.get(id(node)) or _dispatched("_[_]", is_method=False)

    def step(run: Run) -> Any:
        value, place = operand(run), index(run)
        run.spend(costs.SELECT)
        if isinstance(value, Optional):
            return _maybe_at(value, place)
        return read(value, place)

    return step


def _list(node: MakeList, resolved: Resolved) -> Step:
    if is_constant(node):
        return _literal(Literal([item.value for item in node.items if isinstance(item, Literal)], node.at), resolved)
    items, optional = tuple(compiled(item, resolved) for item in node.items), node.optional

    def step(run: Run) -> list[Any]:
        run.spend(costs.MAKE_LIST)
        values = ((item(run), i in optional) for i, item in enumerate(items))
        return [value.value if is_optional else value for value, is_optional in values if _is_there(value, is_optional)]

    return step


def _is_there(value: Any, is_optional: bool) -> bool:
    return not is_optional or value.is_there


def _map(node: MakeMap, resolved: Resolved) -> Step:
    entries = tuple(
        (compiled(key, resolved), compiled(value, resolved), i in node.optional)
        for i, (key, value) in enumerate(node.entries)
    )

    def step(run: Run) -> dict[Any, Any]:
        run.spend(costs.MAKE_MAP)
        values = ((_key(key(run)), value(run), is_optional) for key, value, is_optional in entries)
        there = ((key, value, is_optional) for key, value, is_optional in values if _is_there(value, is_optional))
        return {key: value.value if is_optional else value for key, value, is_optional in there}

    return step


def _fold(node: Fold, resolved: Resolved) -> Step:
    steps = tuple(compiled(step, resolved) for step in node.steps)
    return FOLDS[node.macro](node, compiled(node.range, resolved), steps)


_SPECIAL: dict[str, Callable[[Call, Resolved], Step]] = {
    "_?_:_": _conditional,
    "_&&_": _logical(decisive=False),
    "_||_": _logical(decisive=True),
    "_[_]": _index,
    "_[?_]": _optional_index,
}
_COMPILERS: dict[type, Callable[[Any, Resolved], Step]] = {
    Literal: _literal,
    Name: _name,
    Select: _select,
    Call: _call,
    MakeList: _list,
    MakeMap: _map,
    Fold: _fold,
}
