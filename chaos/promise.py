"""How a scenario writes numbers that carry a unit or a bound, and the promise to users that is made of them."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, PlainSerializer, PlainValidator, WithJsonSchema

from loadgen.units import Duration, Rate, Share

UnitT = TypeVar("UnitT", Duration, Rate, Share)

_DURATION = r"(\d+(\.\d+)?(ms|s|m|h|d))+"


def _unit(kind: type[UnitT], prefix: str = "") -> PlainValidator:
    """Reads a text such as `8s`, or with a prefix `<= 8s`."""

    def read(value: Any) -> UnitT:
        if isinstance(value, kind):
            return value
        if not isinstance(value, str):
            raise ValueError(f"{value!r} has no unit; write it as text such as {_EXAMPLES[kind, prefix]!r}")  # noqa: TRY004  # pydantic turns only ValueError into a report
        if prefix and not value.startswith(prefix):
            raise ValueError(f"{value!r} is not a bound of this kind; write it like {_EXAMPLES[kind, prefix]!r}")
        return kind.parse(value.removeprefix(prefix).strip())

    return PlainValidator(read)


_EXAMPLES: dict[tuple[type, str], str] = {
    (Duration, ""): "8s",
    (Rate, ""): "40/s",
    (Duration, "<="): "<= 300ms",
    (Share, ">="): ">= 99%",
}


def _schema(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$", "examples": [example]})


Time = Annotated[Duration, _unit(Duration), PlainSerializer(str), _schema(_DURATION, "8s")]
Arrivals = Annotated[Rate, _unit(Rate), PlainSerializer(str), _schema(r"\d+(\.\d+)?/(s|m|h)", "40/s")]
AtMost = Annotated[
    Duration, _unit(Duration, "<="), PlainSerializer(lambda d: f"<= {d}"), _schema(rf"<=\s*{_DURATION}", "<= 300ms")
]
AtLeast = Annotated[
    Share, _unit(Share, ">="), PlainSerializer(lambda s: f">= {s}"), _schema(r">=\s*\d+(\.\d+)?\s*%", ">= 99%")
]


class Model(BaseModel):
    """Base of all that a scenario file holds: values that refuse keys they do not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class SteadyState(Model):
    """What users are promised. Latencies count from the moment a request was due."""

    availability: AtLeast | None = None
    p50: AtMost | None = None
    p95: AtMost | None = None
    p99: AtMost | None = None
