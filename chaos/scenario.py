"""The scenario: a workload, a load, a fault, the defenses put to the test, what is expected. The file format.

`read` reports every error of a file, and of the files it names, at once and with its place.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from chaos.crosscheck import FaultLike, cross_check
from chaos.marked import dig, documents, locate, read_text
from chaos.problems import InputErrors, Problem, nearest
from chaos.promise import Arrivals, AtMost, Model, SteadyState, Time
from loadgen.units import Duration

Pattern = Literal[
    "oomkilled-surprise", "rbac-blindspot", "lying-health-checks", "storage-and-state", "networking-mystery", "all"
]
"""One of the five, or `all` for a storm that can meet any workload."""
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=40)]
WorkloadRef = Annotated[str, Field(pattern=r"^[a-z]+/[a-z0-9]([-.a-z0-9]*[a-z0-9])?$", examples=["deployment/shop"])]

MAX_SCENARIO_BYTES = 2**20
SERVICE_PORT = r"^([a-z]([-a-z0-9]*[a-z0-9])?:[0-9]+)?$"
LOG_QUERY = r"^([a-z]([-a-z0-9]*[a-z0-9])?:[0-9]+/.*\{words\}.*)?$"


class Workload(Model):
    """Plain Kubernetes YAML, all defenses in place. Paths are seen from the scenario's folder."""

    manifests: Annotated[list[str], Field(min_length=1)]
    target: WorkloadRef
    bystanders: list[WorkloadRef] = Field(default_factory=list)


class Load(Model):
    """Who comes: `arrivals` a second whatever the answers (open), or `users` who wait for each answer (closed)."""

    service: str
    locustfile: str
    arrivals: Arrivals | None = None
    users: Annotated[int, Field(ge=1)] | None = None
    timeout: Time = Duration(1)
    workers: Annotated[int, Field(ge=1, le=64)] = 1

    @model_validator(mode="after")
    def _one_model(self) -> "Load":
        if (self.arrivals is None) == (self.users is None):
            raise ValueError("give either arrivals: (open load, such as 40/s) or users: (closed load, a number)")
        return self


class Monitoring(Model):
    """What the workload has to notice with and to remember, asked every second. Each is a Service of it and a port."""

    prometheus: Annotated[str, Field(pattern=SERVICE_PORT, examples=["prometheus:9090"])] = ""
    alertmanager: Annotated[str, Field(pattern=SERVICE_PORT, examples=["alertmanager:9093"])] = ""
    alert: str = ""
    """The alert that is to fire."""
    logs: Annotated[str, Field(pattern=LOG_QUERY, examples=["log-store:8080/find?text={words}"])] = ""
    """Where lines are found again: the answer holds `{words}` if a line with these words was kept."""

    @model_validator(mode="after")
    def _whole_chain(self) -> "Monitoring":
        given = (bool(self.prometheus), bool(self.alertmanager), bool(self.alert))
        if any(given) != all(given):
            raise ValueError("prometheus:, alertmanager: and alert: belong together; give all three or none")
        return self


class Phases(Model):
    """How long each phase lasts."""

    baseline: Time
    fault: Time
    recovery: Time


class Variant(Model):
    """The workload without some defenses, or items of one (`security.network-policy`)."""

    strip: list[str] = Field(default_factory=list)


class Expectation(Model):
    """What a variant's verdicts and times should be: a verdict for each defense named, and bounds."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Literal["held", "broke", "not_proven"]] = Field(init=False)

    detect: AtMost | None = None
    recover: AtMost | None = None

    @property
    def verdicts(self) -> dict[str, Literal["held", "broke", "not_proven"]]:
        return dict(self.__pydantic_extra__ or {})


class Scenario(Model):
    """One scenario file."""

    scenario: Name
    pattern: Pattern
    title: str
    lesson: str
    workload: Workload
    load: Load
    steady_state: SteadyState
    phases: Phases
    fault: Annotated[dict[str, dict[str, Any]], Field(min_length=1, max_length=1)]
    defenses: Annotated[list[str], Field(min_length=1)]
    variants: Annotated[dict[Name, Variant], Field(min_length=1)]
    expect: dict[Name, Expectation] = Field(default_factory=dict)
    seed: int | None = None
    monitoring: Monitoring | None = None
    deadline: Time = Duration(60)
    """How long the workload may take to become Ready."""
    isolation: Literal["node"] | None = None
    """`node`: each variant's whole workload gets a node of its own."""
    _file: Path = PrivateAttr(default=Path())

    @property
    def fault_name(self) -> str:
        return next(iter(self.fault))

    @property
    def fault_params(self) -> dict[str, Any]:
        """As written; the fault's own model gives them types and defaults."""
        return self.fault[self.fault_name]

    @property
    def folder(self) -> Path:
        """Where the file lies; paths in it are seen from there."""
        return self._file.parent

    @property
    def file(self) -> Path:
        """As it was named to `read`."""
        return self._file

    @property
    def manifest_paths(self) -> list[Path]:
        return [self.folder / path for path in self.workload.manifests]

    @property
    def locustfile_path(self) -> Path:
        return self.folder / self.load.locustfile


def read(path: Path, faults: Mapping[str, FaultLike] | None = None) -> Scenario:
    """The scenario of a file. Raises `InputErrors` with everything that is wrong with it and the files it names.

    `faults` are the kinds of fault there are; without it, those of `chaos.faults`.
    """
    shown = str(path)
    text = read_text(path, shown, MAX_SCENARIO_BYTES)
    raw = _only_document(documents(text, shown), shown)
    problems = list(cross_check(raw, shown, path.parent, _known_faults() if faults is None else faults))
    scenario: Scenario | None = None
    try:
        scenario = Scenario.model_validate(raw)
    except ValidationError as error:
        problems += [_problem(dict(e), raw, shown) for e in error.errors()]
    if problems or scenario is None:
        raise InputErrors(problems)
    scenario._file = path  # noqa: SLF001  # its own private attribute
    return scenario


def _known_faults() -> Mapping[str, FaultLike]:
    from chaos.faults import registry  # noqa: PLC0415  # brings in the Kubernetes client: half a second

    return registry


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the file format, for editors."""
    schema = Scenario.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Seawall scenario"}


def _only_document(found: list[Any], shown: str) -> dict[str, Any]:
    if len(found) > 1:
        raise InputErrors(
            [Problem(shown, *locate(found[1], ()), "a scenario file holds one scenario, this is a second")]
        )
    if not found or found[0] is None:
        raise InputErrors([Problem(shown, 1, 1, "is empty; `seawall new` writes a scenario to start from")])
    if not isinstance(found[0], dict):
        raise InputErrors([Problem(shown, 1, 1, "is not a scenario: its first level must be keys such as scenario:")])
    return found[0]


def _problem(error: dict[str, Any], raw: Any, shown: str) -> Problem:
    """What pydantic found, in the words and at the place of the file."""
    path = tuple(step for step in error["loc"] if step != "[key]")
    return Problem(shown, *locate(raw, path), describe(error, raw))


def describe(error: dict[str, Any], raw: Any) -> str:
    """One sentence about one of pydantic's errors."""
    path = [str(step) for step in error["loc"]]
    where = ".".join(path)
    match error["type"]:
        case "extra_forbidden":
            return f"unknown key {path[-1]!r}{nearest(path[-1], keys_at(error['loc'][:-1]))}"
        case "missing":
            return f"{where} is missing"
        case "value_error":
            return f"{where}: {error['ctx']['error']}"
        case "literal_error":
            given = str(error["input"])
            return f"{where}: {given!r} is not one of {error['ctx']['expected']}{_hint(given, error)}"
        case "string_pattern_mismatch":
            return f"{where}: {error['input']!r} is not written as it must be ({error['ctx']['pattern']})"
        case _:
            given = dig(raw, *error["loc"])
            return f"{where}: {error['msg'][0].lower()}{error['msg'][1:]}" + (f", not {given!r:.60}" if given else "")


def _hint(given: str, error: dict[str, Any]) -> str:
    words = [word.strip(" '") for word in error["ctx"]["expected"].replace(" or ", ",").split(",")]
    hint = nearest(given, words)
    return hint if "did you mean" in hint else ""


def keys_at(path: tuple[str | int, ...]) -> list[str]:
    """The keys that a scenario may have at a place."""
    known: dict[tuple[str, ...], type[Model]] = {
        (): Scenario,
        ("workload",): Workload,
        ("load",): Load,
        ("steady_state",): SteadyState,
        ("phases",): Phases,
        ("monitoring",): Monitoring,
    }
    model = known.get(tuple(map(str, path))) or (Variant if path[:1] == ("variants",) else None)
    return list(model.model_fields) if model else []
