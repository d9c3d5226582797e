"""Expressions in CEL: read, held to their types, evaluated within their means."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.api.custom.cel.checker import check
from cluster.api.custom.cel.escaping import escape
from cluster.api.custom.cel.kinds import TYPES, kind
from cluster.api.custom.cel.parser import parse
from cluster.api.custom.cel.problems import (
    BeyondUsError,
    CostLimitError,
    DoesNotCompileError,
    EvaluationError,
    report,
)
from cluster.api.custom.cel.program import compiled, evaluate
from cluster.api.custom.cel.shape import Shape, shape_of
from cluster.api.custom.cel.types import Type

TEXT, WHOLE = {"type": "string"}, {"type": "integer"}
SCHEMA = {
    "type": "object",
    "properties": {
        "size": WHOLE,
        "ratio": {"type": "number"},
        "name": TEXT,
        "on": {"type": "boolean"},
        "data": {"type": "string", "format": "byte"},
        "every": {"type": "string", "format": "duration"},
        "since": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "port": {"x-kubernetes-int-or-string": True},
        "labels": {"type": "object", "additionalProperties": TEXT},
        "hosts": {"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"},
        "numbers": {"type": "array", "items": WHOLE},
        "parts": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "properties": {"name": TEXT, "n": WHOLE}},
        },
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "embedded": {"type": "object", "x-kubernetes-embedded-resource": True},
        "a-b": TEXT,
        "in": TEXT,
    },
}
VALUE = {
    "size": 3,
    "ratio": 2,
    "name": "Rook",
    "on": True,
    "data": "QUI=",
    "every": "1h2m3s4ms",
    "since": "2011-08-18T19:03:37.01+01:00",
    "day": "1997-07-16",
    "port": "80%",
    "labels": {"a": "x", "b": "y"},
    "hosts": ["one", "two"],
    "numbers": [3, 1, 2],
    "parts": [{"name": "p", "n": 1}, {"name": "q", "n": 2}],
    "free": {"any": 1},
    "embedded": {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "inner"}},
    "a-b": "dash",
    "in": "word",
}


def shape() -> Shape:
    made = shape_of(SCHEMA, "selfType", is_root=True)
    assert made is not None
    return made


def value_of(source: str, value: dict[str, Any] | None = None) -> Any:
    node = parse(source)
    found = check(node, {"self": shape().type})
    return evaluate(compiled(node, found.resolved), {"self": shape().read({**VALUE, **(value or {})})})[0]


def problem(source: str) -> str:
    with pytest.raises(DoesNotCompileError) as refused:
        check(parse(source), {"self": shape().type})
    return report(refused.value.problems, source)


class TestValues:
    @pytest.mark.parametrize(
        "source",
        [
            "1 + 2 * 3 == 7 && -5 / 2 == -2 && -5 % 3 == -2 && 7u - 2u == 5u",
            "1 < 1.5 && 2u > 1 && dyn(1) == 1.0 && 'a' < 'b' && b'a' < b'b' && !(true < false)",
            "!!true && --1 == 1 && 0x1F == 31 && 1e3 == 1000.0 && -9223372036854775808 < 0",
            r"""'\u00e9' + "\x41" + '''it's''' + r'\n' == "éAit's\\n" && '\101' == 'A' && b'\303\251' == bytes('é')""",
            "size('👑') == 1 && 'a\\tb'.size() == 3",
            "true || 1 / 0 == 1",
            "1 / 0 == 1 || true",
            "!(false && 1 / 0 == 1) && !(1 / 0 == 1 && false)",
            "(self.on ? 1 : 2) == 1 && (!self.on ? 1 : self.on ? 2 : 3) == 2",
            "[1, 2][1] == 2 && {'a': 1}['a'] == 1 && {'a': 1}.a == 1 && 1 in [1] && !('c' in self.labels)",
            "[1] + [2] == [1, 2] && size([]) == 0 && {'a': 1} == {'a': 1} && {1: 'x', 2: 'y'}[2] == 'y'",
            "type(self.port) == string && type(self.size) == int && type(1.0) == double && type(type(1)) == type",
            "type(self.every) == google.protobuf.Duration && type([]) == list && type(self.labels) == map",
            "int('12') + int(3.9) + int(2u) == 17 && double('1.5') == 1.5 && string(1.5) + string(true) == '1.5true'",
            "string(1e6) == '1e+06' && string(100000.0) == '100000' && string(0.00001) == '1e-05' && uint('7') == 7u",
            "string(duration('1m1.5s')) == '61.5s' && int(timestamp('1970-01-01T00:01:00Z')) == 60 && bool('true')",
        ],
    )
    def test_are_those_of_the_language(self, source: str) -> None:
        assert value_of(source) is True

    @pytest.mark.parametrize(
        "source",
        [
            "self.size == 3 && self.ratio == 2.0 && type(self.ratio) == double && self.name.startsWith('Ro')",
            "self.data == b'AB' && self.every == duration('1h') + duration('2m3s4ms') && self.every.getMinutes() == 62",
            "self.since.getHours() == 18 && self.since.getHours('+01:00') == 19 && self.since.getMilliseconds() == 10",
            "self.since.getHours('Europe/Berlin') == 20 && self.since > timestamp('2011-08-18T00:00:00Z')",
            "self.day.getDate() == 16 && self.day.getMonth() == 6 && self.day.getDayOfWeek() == 3",
            "self.a__dash__b == 'dash' && self.__in__ == 'word'",
            "has(self.name) && !has(self.metadata) && has(self.labels.a) && !has(self.labels.z)",
            "self.embedded.metadata.name == 'inner' && self.embedded.kind == 'Pod'",
            "self.hosts == ['two', 'one'] && !(self.numbers == [1, 2, 3]) && self.hosts + ['two'] == self.hosts",
            "self.parts == [self.parts[1], self.parts[0]] && (self.parts + [self.parts[0]]).size() == 2",
            "self.free == self.free && self == self",
        ],
    )
    def test_are_read_by_the_schema(self, source: str) -> None:
        assert value_of(source) is True

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ("1 / 0 == 1", "division by zero"),
            ("1 % 0 == 1", "modulus by zero"),
            ("9223372036854775807 + 1 > 0", "integer overflow"),
            ("1u - 2u == 0u", "unsigned integer overflow"),
            ("self.labels['z'] == ''", "no such key: z"),
            ("self.metadata.name == ''", "no such key: metadata"),
            ("self.numbers[3] == 0", "index out of bounds: 3"),
            ("self.port > 1", "no such overload"),
            ("int('x') == 1", "type conversion error from 'string' to 'int'"),
            ("dyn([1, 2]).map(x, x == 1 ? dyn('a') : dyn(x)).max() == 1", "no such overload"),
            ("dyn({'a': 1})[dyn([])] == 1", "no such overload"),
            ("{[1]: 1} == {}", "unsupported key type: list"),
            ("duration('1' + self.name + 's') > duration('1s')", "type conversion error from 'string'"),
            ("int('1' + self.name) == 1", "type conversion error from 'string' to 'int'"),
            ("[].max() == 1", "max called on empty list"),
            ("'abc'.substring(2, 1) == ''", "invalid substring range. start: 2, end: 1"),
            ("optional.none().value() == 1", "optional.none() dereference"),
        ],
    )
    def test_are_missing_where_there_is_none(self, source: str, message: str) -> None:
        with pytest.raises(EvaluationError) as failed:
            value_of(source)
        assert str(failed.value).startswith(message)

    @pytest.mark.parametrize(
        "source", ["duration({})", "timestamp({})", "int({})", "double({})", "semver({})", "ip({})"]
    )
    @pytest.mark.parametrize("text", ["1" * 5000, "1" * 5000 + "s", "1" * 5000 + ".0.0", "²", "", "1/" + "1" * 5000])
    def test_of_texts_of_any_length_are_read_or_not(self, source: str, text: str) -> None:
        with suppress(EvaluationError):
            assert value_of(f"type({source.format('self.name')}) != bool", {"name": text}) is True

    @pytest.mark.parametrize(
        ("source", "value", "message"),
        [
            ("self.every > duration('1s')", {"every": "soon"}, "Invalid duration soon"),
            ("self.data == b''", {"data": "?"}, "Invalid byte formatted string ?"),
            ("self.since == self.since", {"since": "today"}, "Invalid date-time formatted string today"),
            ("self.numbers == [1]", {"numbers": [None]}, "got null for schema with nullable=false"),
        ],
    )
    def test_that_their_schema_does_not_allow_are_none(self, source: str, value: dict[str, Any], message: str) -> None:
        with pytest.raises(EvaluationError, match=message.replace("?", r"\?")):
            value_of(source, value)


class TestMacros:
    @pytest.mark.parametrize(
        "source",
        [
            "self.numbers.all(n, n > 0) && self.numbers.exists(n, n == 2) && self.numbers.exists_one(n, n > 2)",
            "[].all(x, false) && ![].exists(x, true) && self.labels.all(k, k.size() == 1)",
            "self.numbers.filter(n, n > 1) == [3, 2] && self.numbers.map(n, n * 2) == [6, 2, 4]",
            "self.numbers.map(n, n > 1, n * 2) == [6, 4] && self.labels.map(k, k).size() == 2",
            "[1, 2].all(i, v, i + 1 == v) && self.labels.exists(k, v, k == 'b' && v == 'y')",
            "self.labels.transformMap(k, v, v + k) == {'a': 'xa', 'b': 'yb'} && [5].existsOne(i, v, i == 0)",
            "[4, 5].transformList(i, v, i > 0, v) == [5]",
            "['a'].transformMapEntry(i, v, {v: i}) == {'a': 0}",
            "self.parts.sortBy(p, -p.n).map(p, p.name) == ['q', 'p']",
            "[1].map(x, [x].map(x, x + 1)) == [[2]]",
            "[1, 2].exists(x, x / 0 == 1 || x == 2)",
            "self.?name.orValue('') == 'Rook' && self.?metadata.?name.orValue('none') == 'none'",
            "self.labels[?'z'].orValue('none') == 'none'",
            "self.numbers[?0].hasValue() && !self.numbers[?9].hasValue()",
            "optional.of(1).optMap(x, x + 1).value() == 2 && !optional.none().optMap(x, x).hasValue()",
            "[?self.labels[?'z'], 'x'] == ['x'] && {?'k': self.numbers[?9], 'l': 1} == {'l': 1}",
            "optional.ofNonZeroValue('').or(optional.of('b')).value() == 'b'",
        ],
    )
    def test_go_through_lists_maps_and_optionals(self, source: str) -> None:
        assert value_of(source) is True

    def test_hide_outer_variables_only_while_they_last(self) -> None:
        assert value_of("[1].all(self, self == 1) && self.size == 3")

    @pytest.mark.parametrize("source", ["[1, 2].all(x, x / 0 == 1)", "[0].exists(x, 1 / x == 1)"])
    def test_fail_where_nothing_else_decides(self, source: str) -> None:
        with pytest.raises(EvaluationError, match="division by zero"):
            value_of(source)


class TestLibraries:
    @pytest.mark.parametrize(
        "source",
        [
            "'hello'.charAt(1) == 'e' && 'hello'.indexOf('l') == 2 && 'hello'.lastIndexOf('l') == 3",
            "'hello'.indexOf('l', 3) == 3 && 'hello'.lastIndexOf('l', 2) == 2 && 'hello'.indexOf('z') == -1",
            "'a,b,c'.split(',') == ['a', 'b', 'c']",
            "'a,b,c'.split(',', 2) == ['a', 'b,c'] && 'ab'.split('') == ['a', 'b']",
            "'a'.replace('a', 'b') == 'b' && 'aa'.replace('a', 'b', 1) == 'ba' && ' x '.trim() == 'x'",
            "'É1a'.upperAscii() == 'É1A' && 'ÉA'.lowerAscii() == 'Éa' && ['a', 'b'].join('-') == 'a-b'",
            r"""strings.quote('a"b') == '"a\\"b"' && 'abc'.contains('b') && 'abc'.endsWith('c')""",
            "'%d %s %.1f %x %b %o'.format([1, 'a', 1234.56, 255, 5, 8]) == '1 a 1,234.6 ff 101 10'",
            """'%s %s'.format([['a', 1], {'k': true}]) == '["a", 1] {"k":true}'""",
            """'%e'.format([3.14]) == '3.140000\u00d710⁰⁰'""",
            "'100%% %s'.format([duration('1m')]) == '100% 60s'",
            "'abc'.matches('^a.c$') && 'xaay'.matches('a+') && 'a1b22'.find('[0-9]+') == '1'",
            "'a1b22'.findAll('[0-9]+') == ['1', '22'] && 'a1b22'.findAll('[0-9]+', 1) == ['1'] && 'a'.find('z') == ''",
            "[1, 2].isSorted() && !['b', 'a'].isSorted() && [1, 2].sum() == 3 && [1.5, 1.0].sum() == 2.5",
            "[3, 1].min() == 1 && ['a', 'b'].max() == 'b'",
            "[1, 2, 1].indexOf(1) == 0 && [1, 2, 1].lastIndexOf(1) == 2",
            "[1, 2, 3].slice(1, 2) == [2] && [[1], [2]].flatten() == [1, 2] && [1, 1].distinct() == [1]",
            "[3, 1].sort() == [1, 3] && [1, 2].reverse() == [2, 1] && lists.range(2) == [0, 1]",
            "sets.contains([1, 2], [1]) && sets.equivalent([1], [1, 1]) && !sets.intersects([1], [2])",
            "isURL('https://a.b/c') && !isURL('a.b') && isURL('/a') && !isURL('') && !isURL('http://a b')",
            "url('https://u@a.b:80/c d?x=1&x=2').getHost() == 'a.b:80'",
            "url('https://[::1]:8/').getHostname() == '::1'",
            "url('https://a.b:80/c d').getEscapedPath() == '/c%20d' && url('https://a.b:80/').getPort() == '80'",
            "url('https://a.b/?x=1&x=2').getQuery() == {'x': ['1', '2']} && url('https://a.b').getScheme() == 'https'",
            "isQuantity('1.5Gi') && !isQuantity('1.5X') && quantity('1').compareTo(quantity('1000m')) == 0",
            "quantity('1Gi').isGreaterThan(quantity('1G'))",
            "quantity('2').add(1).sub(quantity('500m')).asApproximateFloat() == 2.5",
            "quantity('2').asInteger() == 2 && !quantity('0.5').isInteger() && sign(quantity('-1')) == -1",
            "isIP('10.0.0.1') && !isIP('10.0.0') && ip('::1').isLoopback() && ip('10.0.0.1').family() == 4",
            "ip.isCanonical('::1') && !ip.isCanonical('0:0::1') && string(ip('10.0.0.1')) == '10.0.0.1'",
            "cidr('10.0.0.0/8').containsIP('10.1.2.3') && cidr('10.0.0.0/8').containsCIDR(cidr('10.1.0.0/16'))",
            "cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && cidr('10.1.2.3/8').ip() == ip('10.1.2.3')",
            "cidr('fd00::/8').prefixLength() == 8 && !isCIDR('10.0.0.0') && !isCIDR('10.0.0.0/08')",
            "!format.dns1123Label().validate('a').hasValue() && format.dns1123Label().validate('A').hasValue()",
            "format.named('uuid').value().validate('x').value() == ['does not match the UUID format']",
            "!format.named('none').hasValue() && !format.dns1123LabelPrefix().validate('a-').hasValue()",
            "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('v1.2', true).minor() == 2 && !isSemver('1.2')",
            "semver('1.0.0-rc.1').isLessThan(semver('1.0.0'))",
            "semver('1.0.0-a.2').compareTo(semver('1.0.0-a.10')) == -1",
            "duration('1h').getSeconds() == 3600 && duration('-1.5s') < duration('0')",
            "timestamp('2000-01-01T00:00:00Z') - timestamp('1999-12-31T23:00:00Z') == duration('1h')",
            "timestamp('2000-03-01T00:00:00Z').getDayOfYear() == 60",
            "timestamp('2000-03-01T00:00:00Z').getDayOfMonth() == 0",
        ],
    )
    def test_are_those_of_kubernetes(self, source: str) -> None:
        assert value_of(source) is True

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ("ip('x').family() == 4", 'IP Address "x" parse error during conversion from string'),
            ("ip('::ffff:1.2.3.4').family() == 4", 'IPv4-mapped IPv6 address "::ffff:1.2.3.4" is not allowed'),
            ("url('x').getHost() == ''", "URL parse error during conversion from string"),
            ("quantity('x').isInteger()", "quantities must match the regular expression"),
            ("'a'.find(self.name + '(') == ''", "Illegal regex: error parsing regexp: missing closing )"),
            ("'%d'.format(['a']) == ''", "decimal clause can only be used on integers, was given string"),
            ("'%d %d'.format([1]) == ''", "index 1 out of range"),
        ],
    )
    def test_say_what_they_cannot_read(self, source: str, message: str) -> None:
        with pytest.raises(EvaluationError) as failed:
            value_of(source)
        assert message in str(failed.value)


class TestCompilation:
    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ("self.sizee == 1", "ERROR: <input>:1:5: undefined field 'sizee'\n | self.sizee == 1\n | ....^"),
            ("other == 1", "1:1: undeclared reference to 'other' (in container '')"),
            ("f(1)", "1:2: undeclared reference to 'f' (in container '')"),
            ("self.size + 'a'", "1:11: found no matching overload for '_+_' applied to '(int, string)'"),
            ("self.name.startsWith(1)", "1:21: found no matching overload for 'startsWith' applied to 'string.(int)'"),
            ("self.size && true", "1:5: expected type 'bool' but found 'int'"),
            ("1 ? 2 : 3", "1:3: found no matching overload for '_?_:_' applied to '(int, int, int)'"),
            ("self.size.all(x, true)", "expression of type 'int' cannot be range of a comprehension"),
            ("[1].all(x, x)", "expected type 'bool' but found 'int'"),
            ("self.size.x == 1", "type 'int' does not support field selection"),
            ("self.size == null", "found no matching overload for '_==_' applied to '(int, null)'"),
            ("[1, 'a'] == []", "1:5: expected type 'int' but found 'string'"),
            ("'a'.matches('(')", "1:13: invalid matches argument"),
            ("duration('1d') == duration('1h')", "1:10: invalid duration argument"),
            ("timestamp('x') == timestamp(0)", "1:11: invalid timestamp argument"),
            ("self.free.any == 1", "undefined field 'any'"),
            ("self.size ==", "1:13: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '('"),
            ("(1", "Syntax error: mismatched input '<EOF>' expecting ')'"),
            ("1 1", "Syntax error: mismatched input '1' expecting <EOF>"),
            ("'a", "Syntax error: token recognition error at: ''a'"),
            ("for == 1", "Syntax error: reserved identifier: for"),
            ("9223372036854775808 > 0", "Syntax error: invalid int literal"),
            (f"{'9' * 5000} > 0", "Syntax error: invalid int literal"),
            ("has(1)", "invalid argument to has() macro"),
            ("[1].all(1, true)", "argument must be a simple name"),
            (
                "true &&\n  nothing",
                "ERROR: <input>:2:3: undeclared reference to 'nothing' (in container '')\n |   nothing\n | ..^",
            ),
        ],
    )
    def test_what_does_not_fit_is_told_with_its_place(self, source: str, message: str) -> None:
        assert message in problem(source)

    def test_all_that_does_not_fit_is_told(self) -> None:
        assert problem("self.x == 1 && self.y == 2").count("undefined field") == 2

    @pytest.mark.parametrize("source", ["self == null", "self.every == null", "self.port == null || self.port == 1"])
    def test_what_can_be_null_may_be_asked_whether_it_is(self, source: str) -> None:
        assert check(parse(source), {"self": shape().type}).type == Type("bool")

    @pytest.mark.parametrize(("source", "what"), [("Pod{name: 'a'}", "Pod"), ("(" * 90 + "1" + ")" * 90, "nested")])
    def test_what_is_not_done_here_is_named(self, source: str, what: str) -> None:
        with pytest.raises(BeyondUsError, match=what):
            parse(source)

    def test_a_long_chain_is_not_deep(self) -> None:
        assert value_of(" && ".join(["self.on"] * 500)) is True


class TestMeans:
    @pytest.mark.parametrize(
        "source",
        [
            "self.numbers.all(a, self.numbers.all(b, self.numbers.all(c, c >= 0)))",
            "self.numbers.map(a, self.numbers.map(b, b)) == [[1]]",
            "self.numbers.all(a, self.numbers == self.numbers)",
            "self.numbers.all(a, self.numbers.distinct() == [1])",
            "self.numbers.all(a, self.hosts == self.hosts)",
            "self.numbers.all(a, sets.contains(self.numbers, self.numbers))",
            "lists.range(100000000).size() > 1",
            "self.name.replace('', self.name) == ''",
            "self.numbers.map(n, '').join(self.name + self.name + self.name) == ''",
            "self.numbers.map(a, self.numbers).flatten().flatten() == []",
            "self.numbers.map(a, self.name + self.name + self.name).join(',').replace('R', self.name) == ''",
        ],
    )
    def test_are_limited(self, source: str) -> None:
        node = compiled(parse(source), {})
        variables = {
            "self": shape().read(
                {"numbers": list(range(400)), "name": "R" * 10_000, "hosts": [f"h{i}" for i in range(1000)]}
            )
        }
        with pytest.raises(CostLimitError, match="operation cancelled: actual cost limit exceeded"):
            evaluate(node, variables, limit=100_000)

    def test_a_pattern_takes_time_in_proportion_to_the_text(self) -> None:
        # Backtracking would take longer than there has been time.
        assert value_of("'" + "a" * 60 + "'.matches('^(a+)+$')") is True
        assert value_of("'" + "a" * 60 + "b'.matches('^(a+)+$')") is False

    def test_what_one_field_costs_is_the_unit(self) -> None:
        node = compiled(parse("self.size == 3"), {})
        assert evaluate(node, {"self": shape().read(VALUE)}) == (True, 3)


ATOMS = ["1", "-2", "1.5", "2u", "'a'", "b'x'", "true", "null", "self", "self.size", "self.parts", "[]"]
FORMS = [
    *(f"({{}} {sign} {{}})" for sign in ("+", "-", "*", "/", "%", "==", "!=", "<", "in", "&&", "||")),
    *(f"{{}}.{macro}(x, {{}})" for macro in ("all", "map", "filter", "exists_one")),
    *(f"{{}}.{name}({{}})" for name in ("contains", "split", "join", "indexOf")),
    "[{}, {}]",
    "{{{}: {}}}",
    "({} ? {} : 1)",
    "!{}",
    "{}.size()",
    "{}[{}]",
    "{}[?{}]",
    "dyn({})",
    *(f"{{}}.{name}()" for name in ("max", "sum", "isSorted", "sort", "flatten", "distinct")),
]


@st.composite
def expressions(draw: st.DrawFn, depth: int = 4) -> str:
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from(ATOMS))
    return draw(st.sampled_from(FORMS)).format(draw(expressions(depth - 1)), draw(expressions(depth - 1)))


@given(expressions())
def test_whatever_compiles_has_a_value_of_its_type_or_says_why_not(source: str) -> None:
    node = parse(source)
    try:
        found = check(node, {"self": shape().type})
        value, cost = evaluate(compiled(node, found.resolved), {"self": shape().read(VALUE)}, limit=10_000)
    except (DoesNotCompileError, EvaluationError, CostLimitError):
        return
    assert cost >= 0
    wanted = found.type
    assert wanted.is_any or TYPES.get(kind(value)) in (wanted.name, "map" if wanted.fields else None)


@given(st.text(alphabet="self.size[]{}()'\"\\?:,+-*/%!=<>&|0123456789 \n\tabrx", max_size=40))
def test_any_text_is_an_expression_or_is_told_why_not(source: str) -> None:
    with suppress(BeyondUsError, DoesNotCompileError):
        assert parse(source).at < len(source)


@given(st.text(max_size=20))
def test_every_text_can_be_written_and_read_back(text: str) -> None:
    if "\x00" not in text:
        written = "".join(f"\\U{ord(letter):08x}" for letter in text if not 0xD800 <= ord(letter) <= 0xDFFF)
        assert parse(f"'{written}'").value == text.encode("utf-8", "ignore").decode()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("a-b.c/d", "a__dash__b__dot__c__slash__d"),
        ("namespace", "__namespace__"),
        ("a__b", "a__underscores__b"),
        ("int", "int"),
        ("1a", None),
        ("a b", None),
        ("", None),
    ],
)
def test_names_are_escaped_as_kubernetes_does(name: str, escaped: str | None) -> None:
    assert escape(name) == escaped
