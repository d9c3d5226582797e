"""What a fault is made of, and what it is given to work with."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from chaos.journal import Undo
from chaos.kube import Kube, Obj
from chaos.needs import NOTHING, Needs
from chaos.observe import View

ParamsT = TypeVar("ParamsT", bound=BaseModel)


class Params(BaseModel):
    """Base of every fault's parameters: values that refuse keys they do not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class FaultRefused(Exception):
    """The fault cannot be done to this workload here, and nothing was done. The message says what it needs."""


def alone(_: str, choose: Callable[[], str]) -> str:
    """What a variant that has no other beside it agrees on."""
    return choose()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arena:
    """Where a fault strikes: one variant of the workload in its namespace."""

    kube: Kube
    namespace: str
    target: str
    """The workload under test, as the scenario names it: "deployment/storefront"."""
    view: View
    random: random.Random
    will_undo: Callable[[Undo], int]
    """Writes an undo to the journal; must be called, and have returned, before the change it undoes."""
    agree: Callable[[str, Callable[[], str]], str] = alone
    """What the variants of a run have in common, by name: the first to ask chooses, and the others get its choice."""
    load: tuple[str, ...] = ()
    """The API paths of the pods that make the load on it, where arrivals follow the clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Injury:
    """One thing the fault was done to, as it was just before."""

    target: str
    detail: str
    undo: int | None
    """Number of its undo in the journal; None when there is nothing to undo before the run's end."""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One thing that a fault which goes on did, and the answer: `ok` when the cluster did as it was asked."""

    target: str
    ok: bool
    detail: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What the witness saw: `ok` when the fault was seen to bite."""

    ok: bool
    detail: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind(Generic[ParamsT]):
    """A fault: its name in scenario files, parameters, the defenses it tests, and its three deeds."""

    name: str
    summary: str
    params: type[ParamsT]
    exercises: tuple[str, ...]
    inject: Callable[[Arena, ParamsT], list[Injury]]
    """Raises `FaultRefused` when it cannot be done; then nothing was done."""
    witness: Callable[[Arena, ParamsT, Injury], Sighting]
    """Looks once, in bounded time. Independent of the defenses and of the load."""
    go_on: Callable[[Arena, ParamsT, Injury], Iterable[Deed]] | None = None
    """What is left to do, called every second of the fault phase, for a fault that takes more than one deed."""
    node_wide: bool = False
    """It can hurt whatever else runs on the node."""
    hungry: bool = False
    """It takes all the processor time there is: of the machine, where several clusters are on one."""
    needs: str = ""
    """What it asks of the app itself; empty for a fault that meets any workload."""
    asks: Needs = NOTHING
    """What it asks of the cluster."""
    tries: tuple[str, ...] = ()
    """Kinds of the workload's objects that it puts to the test: what they take to work, the cluster must have."""


def pick_pods(arena: Arena, count: int) -> list[str]:
    """`count` Ready pods of the target, by the run's seed. Raises `FaultRefused` when there are not that many."""
    ready = sorted(name for name, pod in arena.view.pods(arena.target).items() if pod["ready"])
    if len(ready) < count:
        raise FaultRefused(f"{arena.target} has {len(ready)} Ready pods and the fault asks for {count}")
    return arena.random.sample(ready, count)


def pod_path(arena: Arena, pod: str) -> str:
    return f"/api/v1/namespaces/{arena.namespace}/pods/{pod}"


def declared_port(pod: Obj) -> int | None:
    """The port the app listens on: the first that a container declares; None when none does."""
    ports = (p["containerPort"] for c in pod["spec"]["containers"] for p in c.get("ports") or ())
    return next(ports, None)


def first_port(pod: Obj) -> int:
    """The declared port. Raises `FaultRefused` when there is none."""
    port = declared_port(pod)
    if port is None:
        raise FaultRefused(f"pod {pod['metadata']['name']} declares no containerPort, so its app cannot be asked")
    return port
