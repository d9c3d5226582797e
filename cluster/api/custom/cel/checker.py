"""Whether the types of an expression fit, and what type its value has.

What fails is told in the words of cel-go, whose checker a real API server has.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cluster.api.custom.cel import types
from cluster.api.custom.cel.folds import fold_types, range_of
from cluster.api.custom.cel.kinds import TYPES
from cluster.api.custom.cel.literal_checks import invalid_literal
from cluster.api.custom.cel.nodes import (
    Call,
    Fold,
    Literal,
    MakeList,
    MakeMap,
    Name,
    Node,
    Select,
    qualified,
)
from cluster.api.custom.cel.overloads import OVERLOADS, Overload, overloads
from cluster.api.custom.cel.problems import DoesNotCompileError, Problem
from cluster.api.custom.cel.types import (
    BOOL,
    DYN,
    ERROR,
    FREE,
    Type,
    filled_in,
    fits,
    is_known,
    is_same,
    most_general,
)
from cluster.api.custom.cel.values import Uint

Scope = Mapping[str, Type]


@dataclass(frozen=True, slots=True)
class Checked:
    """`resolved` has the function of each call whose arguments have types that are known, by the call's id()."""

    type: Type
    resolved: Mapping[int, Callable[..., Any]]


def check(node: Node, variables: Scope) -> Checked:
    """Raises `DoesNotCompileError`."""
    checker = _Checker()
    type = checker.type_of(node, variables)
    if checker.problems:
        raise DoesNotCompileError(*checker.problems)
    return Checked(type, checker.resolved)


class _Checker:
    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.resolved: dict[int, Callable[..., Any]] = {}
        self._may_mix = False
        """Within format(), lists may hold values of several types."""
        self._by_kind: dict[type, Callable[[Any, Scope], Type]] = {
            Literal: lambda node, _scope: _literal(node),
            Name: self._name,
            Select: self._select,
            Call: self._call,
            MakeList: self._list,
            MakeMap: self._map,
            Fold: self._fold,
        }

    def type_of(self, node: Node, scope: Scope) -> Type:
        return self._by_kind[type(node)](node, scope)

    def _fails(self, at: int, message: str) -> Type:
        self.problems.append(Problem(at, message))
        return ERROR

    def _name(self, node: Name, scope: Scope) -> Type:
        if node.name in scope:
            return scope[node.name]
        if node.name in TYPES:
            return Type("type", (Type(TYPES[node.name]),))
        return self._undeclared(node.at, node.name)

    def _undeclared(self, at: int, name: str) -> Type:
        return self._fails(at, f"undeclared reference to '{name}' (in container '')")

    def _select(self, node: Select, scope: Scope) -> Type:
        name = qualified(node)
        if name in TYPES:
            return Type("type", (Type(TYPES[name]),))
        operand = self.type_of(node.operand, scope)
        field = self._field(node, types.without_optional(operand))
        if node.test:
            return BOOL
        return types.optional_of(field) if node.optional or operand.name == "optional_type" else field

    def _field(self, node: Select, operand: Type) -> Type:
        if operand.name == "map":
            return operand.params[1]
        if operand.fields is not None:
            found = operand.fields.get(node.field) or operand.fields.get(f"__{node.field}__")
            return found or self._fails(node.at, f"undefined field '{node.field}'")
        if operand.is_any or operand.is_param:
            return DYN
        self._fails(node.at, f"type '{operand}' does not support field selection")
        return DYN

    def _call(self, node: Call, scope: Scope) -> Type:
        if node.name in ("_&&_", "_||_"):
            return self._logical(node, scope)
        args = self._args(node, scope)
        if node.name == "_[?_]":
            return types.optional_of(self._resolved(node, "_[_]", (types.without_optional(args[0]), args[1])))
        if node.name == "_[_]" and args[0].name == "optional_type":
            return types.optional_of(self._resolved(node, "_[_]", (args[0].params[0], args[1])))
        if wrong := invalid_literal(node):
            self.problems.append(wrong)
        return self._resolved(node, node.name, args)

    def _args(self, node: Call, scope: Scope) -> tuple[Type, ...]:
        before = self._may_mix
        self._may_mix = before or node.name == "format"
        args = tuple(self.type_of(arg, scope) for arg in ((node.target,) if node.target else ()) + node.args)
        self._may_mix = before
        return args

    def _logical(self, node: Call, scope: Scope) -> Type:
        for arg in node.args:
            self._expect(arg, self.type_of(arg, scope), BOOL)
        return BOOL

    def _expect(self, node: Node, found: Type, wanted: Type) -> None:
        if not fits(found, wanted, {}):
            self._fails(node.at, f"expected type '{wanted}' but found '{found}'")

    def _resolved(self, node: Call, name: str, args: tuple[Type, ...]) -> Type:
        if name == "_?_:_":
            return self._conditional(node, args)
        if name not in OVERLOADS:
            return self._undeclared(node.at, name)
        found = _matching(name, args, is_method=node.target is not None)
        if not found:
            return self._no_overload(node, name, args)
        (overload, result), *others = found
        if not others and all(map(is_known, args)):
            self.resolved[id(node)] = overload.run
        return result if all(is_same(other, result) for _, other in others) else DYN

    def _no_overload(self, node: Call, name: str, args: tuple[Type, ...]) -> Type:
        shown = ", ".join(map(str, args[1:] if node.target else args))
        applied = f"{args[0]}.({shown})" if node.target else f"({shown})"
        return self._fails(node.at, f"found no matching overload for '{name}' applied to '{applied}'")

    def _conditional(self, node: Call, args: tuple[Type, ...]) -> Type:
        bound: types.Bindings = {}
        branch = Type("A")
        if fits(args[0], BOOL, {}) and fits(args[1], branch, bound) and fits(args[2], branch, bound):
            return bound["A"]
        return self._no_overload(node, "_?_:_", args)

    def _list(self, node: MakeList, scope: Scope) -> Type:
        items = [self._item(item, scope, optional=i in node.optional) for i, item in enumerate(node.items)]
        return types.list_of(self._common(list(zip(node.items, items, strict=True))))

    def _item(self, node: Node, scope: Scope, *, optional: bool) -> Type:
        found = self.type_of(node, scope)
        if optional and found.name != "optional_type" and not found.is_any:
            self._fails(node.at, f"expected type '{types.optional_of(found)}' but found '{found}'")
        return types.without_optional(found) if optional else found

    def _map(self, node: MakeMap, scope: Scope) -> Type:
        keys = [(key, self.type_of(key, scope)) for key, _ in node.entries]
        values = [
            (value, self._item(value, scope, optional=i in node.optional)) for i, (_, value) in enumerate(node.entries)
        ]
        return types.map_of(self._common(keys), self._common(values))

    def _common(self, found: list[tuple[Node, Type]]) -> Type:
        """The one type of all; of nothing, any."""
        common = found[0][1] if found else FREE
        for node, type in found[1:]:
            if not is_same(type, common) and not self._may_mix:
                return self._fails(node.at, f"expected type '{common}' but found '{type}'")
            common = most_general(common, type) if fits(type, common, {}) else DYN
        return common

    def _fold(self, node: Fold, scope: Scope) -> Type:
        over = self.type_of(node.range, scope)
        given = range_of(node, over)
        if given is None:
            why = "cannot be range of a comprehension (must be list, map, or dynamic)"
            self._fails(node.range.at, f"expression of type '{over}' {why}")
            given = (DYN,) * len(node.variables)
        inner = {**scope, **dict(zip(node.variables, given, strict=True))}
        steps = tuple(self.type_of(step, inner) for step in node.steps)
        wanted, result = fold_types(node, over, given, steps)
        for step, found, want in zip(node.steps, steps, wanted, strict=True):
            self._expect(step, found, want)
        return result


def _literal(node: Literal) -> Type:
    return types.UINT if isinstance(node.value, Uint) else types.BY_VALUE[type(node.value)]


def _matching(name: str, args: tuple[Type, ...], *, is_method: bool) -> list[tuple[Overload, Type]]:
    """The functions that take these, with what each would give."""
    found = []
    for overload in overloads(name, is_method=is_method, count=len(args)):
        bound: types.Bindings = {}
        if all(fits(arg, param, bound) for arg, param in zip(args, overload.params, strict=True)):
            found.append((overload, filled_in(overload.result, bound)))
    return found
