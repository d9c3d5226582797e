"""From the text of an expression to its nodes, by recursive descent."""

from cluster.api.custom.cel.literals import negative, value_of
from cluster.api.custom.cel.macros import expand
from cluster.api.custom.cel.nodes import Call, Literal, MakeList, MakeMap, Name, Node, Select, inner
from cluster.api.custom.cel.overloads import OVERLOADS
from cluster.api.custom.cel.problems import BeyondUsError, DoesNotCompileError, Problem
from cluster.api.custom.cel.tokens import END, RESERVED, Token, tokens

NESTED_MAX, DEPTH_MAX = 50, 100
"""Of expressions within expressions as they are written, and of the steps of one: reading and evaluating go as deep."""
_LENGTH_MAX = 100_000
_CONSTANTS = {"true": True, "false": False, "null": None}
_BINARY = (
    {"==": "_==_", "!=": "_!=_", "<": "_<_", "<=": "_<=_", ">": "_>_", ">=": "_>=_", "in": "@in"},
    {"+": "_+_", "-": "_-_"},
    {"*": "_*_", "/": "_/_", "%": "_%_"},
)
"""Operators by how strongly they bind, the weakest first; those of one row from left to right."""
_SIGNED = ("int", "double")
"""Literals that may have a minus of their own."""
_UNARY = {"!": "!_", "-": "-_"}
_VALUES = (
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
)


def parse(source: str) -> Node:
    """Raises `DoesNotCompileError`, `BeyondUsError` where it is nested deeper than can be followed here."""
    if len(source) > _LENGTH_MAX:
        raise DoesNotCompileError(Problem(0, f"Syntax error: expression code point size exceeds limit: {_LENGTH_MAX}"))
    reader = _Reader(list(tokens(source)))
    node = reader.expression()
    if not reader.is_at(END):
        raise DoesNotCompileError(reader.unexpected(END))
    if _depth(node) > DEPTH_MAX:
        raise _too_deep()
    return node


def _depth(node: Node) -> int:
    """Level by level: it must not itself go as deep."""
    level: tuple[Node, ...] = (node,)
    depth = 0
    while level:
        depth, level = depth + 1, tuple(part for above in level for part in inner(above))
    return depth


def _too_deep() -> BeyondUsError:
    return BeyondUsError(f"an expression nested deeper than {NESTED_MAX} levels, or {DEPTH_MAX} operations")


class _Reader:
    def __init__(self, words: list[Token]) -> None:
        self._words = words
        self._next = 0
        self._depth = 0

    def is_at(self, *marks: str) -> bool:
        word = self._words[self._next]
        return word.text in marks and word.kind in ("mark", "name", END)

    def unexpected(self, wanted: str) -> Problem:
        word = self._words[self._next]
        return Problem(word.at, f"Syntax error: mismatched input '{word.text}' expecting {wanted}")

    def expression(self) -> Node:
        self._depth += 1
        if self._depth > NESTED_MAX:
            raise _too_deep()
        node = self._conditional()
        self._depth -= 1
        return node

    def _conditional(self) -> Node:
        condition = self._logical("||", "_||_")
        if not self.is_at("?"):
            return condition
        at = self._take().at
        yes = self._logical("||", "_||_")
        self._expect(":")
        return Call("_?_:_", None, (condition, yes, self.expression()), at)

    def _logical(self, mark: str, name: str) -> Node:
        """All terms of a chain side by side: a long one is no deeper than a short one."""
        terms = [self._below(mark)]
        at = self._words[self._next].at
        while self.is_at(mark):
            self._take()
            terms.append(self._below(mark))
        return terms[0] if len(terms) == 1 else Call(name, None, tuple(terms), at)

    def _below(self, mark: str) -> Node:
        return self._logical("&&", "_&&_") if mark == "||" else self._binary(0)

    def _binary(self, level: int) -> Node:
        if level == len(_BINARY):
            return self._unary()
        node = self._binary(level + 1)
        while self.is_at(*_BINARY[level]):
            sign = self._take()
            node = Call(_BINARY[level][sign.text], None, (node, self._binary(level + 1)), sign.at)
        return node

    def _unary(self) -> Node:
        if not self.is_at(*_UNARY) or self._is_at_signed():
            return self._member(self._primary())
        sign, count = self._take(), 1
        while self.is_at(sign.text):
            self._take()
            count += 1
        node = self._member(self._primary())
        # Two of them are none.
        return Call(_UNARY[sign.text], None, (node,), sign.at) if count % 2 else node

    def _member(self, node: Node) -> Node:
        while self.is_at(".", "["):
            mark = self._take()
            node = self._selected(node, mark) if mark.text == "." else self._indexed(node, mark)
        return node

    def _selected(self, node: Node, dot: Token) -> Node:
        optional = self._takes("?")
        field = self._name("IDENTIFIER")
        if optional or not self.is_at("("):
            return Select(node, field.text, dot.at, optional=optional)
        opened = self._take()
        return expand(_qualified(Call(field.text, node, self._until(")"), opened.at)))

    def _indexed(self, node: Node, opened: Token) -> Node:
        name = "_[?_]" if self._takes("?") else "_[_]"
        index = self.expression()
        self._expect("]")
        return Call(name, None, (node, index), opened.at)

    def _primary(self) -> Node:
        word = self._words[self._next]
        if word.kind not in ("mark", "name", END):
            return Literal(value_of(self._take()), word.at)
        if self._is_at_signed():
            self._take()
            return Literal(negative(self._take()), word.at)
        if self.is_at(*_CONSTANTS):
            return Literal(_CONSTANTS[self._take().text], word.at)
        if self.is_at("("):
            return self._parenthesised()
        if self.is_at("["):
            return self._list()
        if self.is_at("{"):
            return self._map()
        return self._named()

    def _parenthesised(self) -> Node:
        self._take()
        node = self.expression()
        self._expect(")")
        return node

    def _named(self) -> Node:
        self._takes(".")
        name = self._name(_VALUES)
        if self.is_at("{"):
            raise BeyondUsError(f"{name.text}{{…}}, the making of an object")
        if name.text in RESERVED:
            raise DoesNotCompileError(Problem(name.at, f"Syntax error: reserved identifier: {name.text}"))
        if not self.is_at("("):
            return Name(name.text, name.at)
        opened = self._take()
        return expand(Call(name.text, None, self._until(")"), opened.at))

    def _list(self) -> Node:
        at, optional = self._take().at, set()
        items: list[Node] = []
        while not self.is_at("]"):
            if self._takes("?"):
                optional.add(len(items))
            items.append(self.expression())
            if not self._takes(","):
                break
        self._expect("]")
        return MakeList(tuple(items), frozenset(optional), at)

    def _map(self) -> Node:
        at, optional = self._take().at, set()
        entries: list[tuple[Node, Node]] = []
        while not self.is_at("}"):
            if self._takes("?"):
                optional.add(len(entries))
            key = self.expression()
            self._expect(":")
            entries.append((key, self.expression()))
            if not self._takes(","):
                break
        self._expect("}")
        return MakeMap(tuple(entries), frozenset(optional), at)

    def _until(self, closing: str) -> tuple[Node, ...]:
        args = []
        while not self.is_at(closing):
            args.append(self.expression())
            if not self._takes(","):
                break
        self._expect(closing)
        return tuple(args)

    def _is_at_signed(self) -> bool:
        return self.is_at("-") and self._words[self._next + 1].kind in _SIGNED

    def _take(self) -> Token:
        self._next += 1
        return self._words[self._next - 1]

    def _takes(self, mark: str) -> bool:
        found = self.is_at(mark)
        self._next += found
        return found

    def _expect(self, mark: str) -> None:
        if not self._takes(mark):
            raise DoesNotCompileError(self.unexpected(f"'{mark}'"))

    def _name(self, wanted: str) -> Token:
        if self._words[self._next].kind != "name" or self.is_at("in", *_CONSTANTS):
            raise DoesNotCompileError(self.unexpected(wanted))
        return self._take()


def _qualified(call: Call) -> Call:
    """A function whose own name has a dot in it (`sets.contains`) has no target."""
    if isinstance(call.target, Name) and f"{call.target.name}.{call.name}" in OVERLOADS:
        return Call(f"{call.target.name}.{call.name}", None, call.args, call.at)
    return call
