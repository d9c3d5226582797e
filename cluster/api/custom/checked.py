"""All that a schema says of its objects: the structure, then the rules in CEL.

What rules need is loaded with the first schema that has any; most clusters never see one.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cluster.api.custom.schema import Schema, check, embedded_errors, has_rules, list_errors
from cluster.api.field_errors import FieldError, invalid
from cluster.client import Obj

if TYPE_CHECKING:
    from cluster.api.custom.rules import Rules

_TYPE_META = frozenset({"apiVersion", "kind", "metadata"})
_BLOCKING = frozenset(
    {
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    }
)
"""Of what is wrong with the structure, what makes rules hard to judge."""
_NOT_CHECKED = (
    "some validation rules were not checked because the object was invalid; correct the existing errors to complete "
    "validation"
)


class Checked:
    """A schema whose rules are made ready when the first object comes."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def structure(self, obj: Obj) -> Iterator[FieldError]:
        """What is wrong with how the object is made."""
        own: dict[str, Any] = {name: value for name, value in obj.items() if name not in _TYPE_META}
        yield from check(obj, self._schema, "")
        yield from embedded_errors(own, self._schema, "")
        yield from list_errors(own, self._schema, "")

    def rules(self, obj: Obj, old: Obj | None, found: list[FieldError]) -> list[FieldError]:
        """Which rules it breaks; `found` is what else is wrong with it."""
        if self._rules is None:
            return []
        from cluster.api.custom.judging import ROOT, judge  # noqa: PLC0415 - see above

        if any(error.reason in _BLOCKING for error in found):
            return [invalid(ROOT, None, _NOT_CHECKED)]
        return judge(self._rules, obj, old)

    @cached_property
    def _rules(self) -> "Rules | None":
        if not has_rules(self._schema):
            return None
        from cluster.api.custom.rules import rules_of  # noqa: PLC0415 - see above

        return rules_of(self._schema, is_root=True)


def rule_errors(schema: Schema, path: str) -> list[FieldError]:
    """What is wrong with the rules of a structural schema."""
    if not has_rules(schema):
        return []
    from cluster.api.custom import rule_definitions  # noqa: PLC0415 - see above

    return rule_definitions.rule_errors(schema, path)


def rules_beyond_us(schema: Schema) -> list[str]:
    """What the rules of a schema without errors ask for that this cluster cannot do."""
    if not has_rules(schema):
        return []
    from cluster.api.custom import rule_definitions  # noqa: PLC0415 - see above

    return rule_definitions.beyond_us(schema)
