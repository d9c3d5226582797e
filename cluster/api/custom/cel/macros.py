"""Calls that are no functions: they are given expressions, not values."""

from cluster.api.custom.cel.nodes import Call, Fold, Name, Node, Select
from cluster.api.custom.cel.problems import DoesNotCompileError, Problem

FOLDS = {
    "all": (1, 2),
    "exists": (1, 2),
    "exists_one": (1,),
    "existsOne": (1, 2),
    "filter": (1,),
    "map": (1,),
    "sortBy": (1,),
    "optMap": (1,),
    "optFlatMap": (1,),
    "transformList": (2,),
    "transformMap": (2,),
    "transformMapEntry": (2,),
}
"""How many variables each may name."""
_WITH_CONDITION = ("map", "transformList", "transformMap", "transformMapEntry")
"""These may have an expression more, before the last: what to leave out."""


def expand(call: Call) -> Node:
    """What a call stands for: itself unless it is a macro. Raises `DoesNotCompileError`."""
    if call.target is None:
        return _has(call) if call.name == "has" and len(call.args) == 1 else call
    for count in FOLDS.get(call.name, ()):
        if len(call.args) - count in _steps(call.name):
            return _fold(call, call.target, count)
    return call


def _steps(macro: str) -> tuple[int, ...]:
    return (1, 2) if macro in _WITH_CONDITION else (1,)


def _has(call: Call) -> Select:
    field = call.args[0]
    if not isinstance(field, Select) or field.optional:
        raise DoesNotCompileError(Problem(field.at, "invalid argument to has() macro"))
    return Select(field.operand, field.field, call.at, test=True)


def _fold(call: Call, target: Node, count: int) -> Fold:
    variables = tuple(_variable(node) for node in call.args[:count])
    if len(set(variables)) < count:
        raise DoesNotCompileError(Problem(call.args[1].at, f"duplicate variable name: {variables[0]}"))
    macro = "exists_one" if call.name == "existsOne" else call.name
    return Fold(macro, target, variables, call.args[count:], call.at)


def _variable(node: Node) -> str:
    if not isinstance(node, Name):
        raise DoesNotCompileError(Problem(node.at, "argument must be a simple name"))
    return node.name
