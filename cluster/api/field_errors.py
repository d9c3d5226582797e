"""What is wrong with one field of an object, in Kubernetes' words: the causes of a 422 `Invalid`."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cluster.api.go import go_quoted
from cluster.client import Invalid, Obj, StatusCause


@dataclass(frozen=True, slots=True)
class FieldError:
    """`reason` is the cause's machine-readable kind (FieldValueRequired …); `message` says what, without the field."""

    field: str
    reason: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def required(field: str, detail: str = "") -> FieldError:
    return FieldError(field, "FieldValueRequired", _join("Required value", detail))


def invalid(field: str, value: object, detail: str) -> FieldError:
    return FieldError(field, "FieldValueInvalid", _join(f"Invalid value: {_show(value)}", detail))


def wrong(field: str, detail: str) -> FieldError:
    """The same where Kubernetes does not show the value."""
    return FieldError(field, "FieldValueInvalid", f"Invalid value: {detail}")


def not_supported(field: str, value: object, valid: Iterable[str]) -> FieldError:
    return not_one_of(field, value, sorted(valid))


def not_one_of(field: str, value: object, valid: Iterable[str]) -> FieldError:
    """The same where Kubernetes lists what it knows in an order of its own."""
    known = ", ".join(go_quoted(v) for v in valid)
    return FieldError(field, "FieldValueNotSupported", f"Unsupported value: {_show(value)}: supported values: {known}")


def duplicate(field: str, value: object, detail: str = "") -> FieldError:
    return FieldError(field, "FieldValueDuplicate", _join(f"Duplicate value: {_show(value)}", detail))


def forbidden(field: str, detail: str) -> FieldError:
    return FieldError(field, "FieldValueForbidden", _join("Forbidden", detail))


def not_found(field: str, value: object) -> FieldError:
    return FieldError(field, "FieldValueNotFound", f"Not found: {_show(value)}")


def too_long(field: str, most_bytes: int) -> FieldError:
    return FieldError(field, "FieldValueTooLong", f"Too long: may not be more than {most_bytes} bytes")


def too_many(field: str, count: int, most: int) -> FieldError:
    what = "item" if most == 1 else "items"
    return FieldError(field, "FieldValueTooMany", f"Too many: {count}: must have at most {most} {what}")


def in_go(obj: Obj, fields: str) -> Obj:
    """An object as the struct that Kubernetes shows of it: all of its `fields`, capitalised, null where not set."""
    return {name: obj.get(name[0].lower() + name[1:]) for name in fields.split()}


def refuse(errors: Sequence[FieldError], *, group: str, kind: str, name: str) -> Invalid:
    """The 422 that carries all of `errors` (at least one)."""
    texts = list(dict.fromkeys(str(error) for error in errors))
    what = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    qualified = f"{kind}.{group}" if group else kind
    causes = tuple(StatusCause(e.reason, e.message, e.field) for e in errors)
    return Invalid(f'{qualified} "{name}" is invalid: {what}', group=group, kind=kind, name=name, causes=causes)


def wrong_options(kind: str, *errors: FieldError) -> Invalid:
    """The 422 of a query that makes no sense: `kind` is what Kubernetes calls the query, "ListOptions"."""
    return refuse(errors, group="meta.k8s.io", kind=kind, name="")


def _join(head: str, detail: str) -> str:
    return f"{head}: {detail}" if detail else head


def _show(value: object) -> str:
    """As Go writes it: a text quoted as in a program, all else as JSON that is safe within HTML."""
    if isinstance(value, str):
        return go_quoted(value)
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
    return text.translate(_UNSAFE)


_UNSAFE = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
