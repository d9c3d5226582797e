"""Objects held to the rules of their schema."""

import json
from contextlib import suppress
from functools import cached_property
from typing import Any, NoReturn

from cluster.api.custom.cel.library.optionals import NONE, some
from cluster.api.custom.cel.problems import CostLimitError, EvaluationError, NoSuchOverloadError
from cluster.api.custom.cel.program import evaluate
from cluster.api.custom.cel.run import Step
from cluster.api.custom.kin import Kin, Lineage, old_item
from cluster.api.custom.rules import Rule, Rules
from cluster.api.field_errors import FieldError, duplicate, forbidden, invalid, required, wrong

BUDGET = 1_000_000
"""What all rules of an object may cost together: under a second here. A real server is faster and allows ten times as
much; what it allows one rule is allowed here too."""
MESSAGE_MAX = 5 * 1024
"""Bytes of a message that an expression made."""
_NO_FURTHER = "no further validation rules will be run"
_SPENT = f"validation failed due to running out of cost budget, {_NO_FURTHER}"
_MESSAGE_SPENT = f"messageExpression evaluation failed due to running out of cost budget, {_NO_FURTHER}"
ROOT = "<nil>"
"""What Kubernetes calls the path of the whole object."""


def judge(rules: Rules, value: Any, old: Any = None, *, path: str = "") -> list[FieldError]:
    """What fails. With an old value, a rule that fails on what did not change since then is let pass."""
    judging = _Judging()
    lineage = Lineage(Kin(rules.schema, value, old)) if old is not None else Lineage()
    with suppress(_StopError):
        judging.look(rules, value, old, path, lineage)
    return judging.errors


class _StopError(Exception):
    """Nothing more is evaluated."""


class _Judging:
    def __init__(self) -> None:
        self.errors: list[FieldError] = []
        self._budget = BUDGET

    def look(self, rules: Rules, value: Any, old: Any, path: str, lineage: Lineage) -> None:
        """The value by its own rules, then what is within."""
        if value is None:
            return
        if rules.own:
            self._judge_own(rules, value, old, path, lineage)
        if isinstance(value, dict):
            self._look_into_map(rules, value, old, path, lineage)
        elif isinstance(value, list) and rules.items:
            for i, item in enumerate(value):
                before = old_item(rules.schema, item, old)
                self.look(rules.items, item, before, f"{path}[{i}]", lineage.item(i))

    def _look_into_map(self, rules: Rules, value: dict[str, Any], old: Any, path: str, lineage: Lineage) -> None:
        before = old if isinstance(old, dict) else {}
        for name, inner in value.items():
            if rules.values:
                self.look(rules.values, inner, before.get(name), f"{path}[{name}]", lineage.field(name))
            if name in rules.properties:
                at = f"{path}.{name}" if path else name
                self.look(rules.properties[name], inner, before.get(name), at, lineage.field(name))

    def _judge_own(self, rules: Rules, value: Any, old: Any, path: str, lineage: Lineage) -> None:
        if self._budget <= 0:
            self._stop(path, rules, _SPENT)
        seen = _Seen(rules, value, old)
        for rule in rules.own:
            if rule.uses_old and old is None and not rule.optional_old:
                continue
            try:
                self._judge(rule, seen, path, lineage)
            except EvaluationError as error:
                self._errs(path, rules, _evaluation_failed(error, rule))

    def _judge(self, rule: Rule, seen: "_Seen", path: str, lineage: Lineage) -> None:
        rules, variables = seen.rules, seen.variables(rule)
        try:
            holds = self._spend(rule.step, variables, rules, path, _SPENT)
        except CostLimitError as error:
            self._stop(path, rules, f"'{error}': {_NO_FURTHER} due to call cost exceeds limit for rule: {rule.shown}")
        if holds is True or (not rule.uses_old and lineage.is_unchanged):
            return
        at = ".".join(filter(None, (path, rule.path)))
        detail = self._message(rule, variables, rules, at) or rule.message or f"failed rule: {rule.text}"
        self.errors.append(_error(at or ROOT, seen.value, detail, rule.reason))

    def _message(self, rule: Rule, variables: dict[str, Any], rules: Rules, path: str) -> str:
        """What its expression says; "" where it says nothing that can be shown."""
        if rule.message_step is None:
            return ""
        try:
            text = self._spend(rule.message_step, variables, rules, path, _MESSAGE_SPENT).strip()
        except EvaluationError:
            return ""
        except CostLimitError:
            self._stop(
                path,
                rules,
                f"{_NO_FURTHER} due to call cost exceeds limit for messageExpression: {json.dumps(rule.message_text)}",
            )
        return text if len(text.encode()) <= MESSAGE_MAX and "\n" not in text else ""

    def _spend(self, step: Step, variables: dict[str, Any], rules: Rules, path: str, spent: str) -> Any:
        try:
            result, cost = evaluate(step, variables)
        except EvaluationError as error:
            self._pay(error.cost, rules, path, spent)
            raise
        self._pay(cost, rules, path, spent)
        return result

    def _pay(self, cost: int, rules: Rules, path: str, spent: str) -> None:
        if cost > self._budget:
            self._stop(path, rules, spent)
        self._budget -= cost

    def _errs(self, path: str, rules: Rules, detail: str) -> None:
        self.errors.append(invalid(path or ROOT, rules.schema.get("type", ""), detail))

    def _stop(self, path: str, rules: Rules, detail: str) -> NoReturn:
        self._errs(path, rules, detail)
        raise _StopError


class _Seen:
    """A value and its old one as rules see them, read once for all of them."""

    def __init__(self, rules: Rules, value: Any, old: Any) -> None:
        self.rules = rules
        self.value = value
        self._old = old

    def variables(self, rule: Rule) -> dict[str, Any]:
        """Raises `EvaluationError` for data that the schema does not allow."""
        if not rule.uses_old:
            return {"self": self._self}
        if not rule.optional_old:
            return {"self": self._self, "oldSelf": self._old_self}
        return {"self": self._self, "oldSelf": NONE if self._old is None else some(self._old_self)}

    @cached_property
    def _self(self) -> Any:
        return self.rules.read(self.value)

    @cached_property
    def _old_self(self) -> Any:
        return self.rules.read(self._old)


def _evaluation_failed(error: EvaluationError, rule: Rule) -> str:
    if isinstance(error, NoSuchOverloadError):
        why = "call arguments did not match a supported operator, function or macro signature"
        return f"'{error}': {why} for rule: {rule.shown}"
    return f"{error} evaluating rule: {rule.shown}"


def _error(path: str, value: Any, detail: str, reason: str) -> FieldError:
    is_large = isinstance(value, dict | list)
    match reason:
        case "FieldValueForbidden":
            return forbidden(path, detail)
        case "FieldValueRequired":
            return required(path, detail)
        case "FieldValueDuplicate":
            return FieldError(path, reason, "Duplicate value") if is_large else duplicate(path, value)
    return wrong(path, detail) if is_large else invalid(path, value, detail)
