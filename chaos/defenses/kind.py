"""What a defense is made of: items, each of which can be audited, stripped and fixed, and a judge of the whole.

A *check* is one question put to one object or container, answered yes or no; a *finding* is a check that failed. An
item whose checks pass is configured; stripping it makes them fail, fixing it makes them pass again. What no tool can
know, such as the digest of an image, is `fixable=False`: the finding stays and says what is needed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from chaos.judging.history import History, Objectives
from chaos.judging.verdict import Criterion
from chaos.manifests import Manifest, Manifests, mapping, pod_metadata
from chaos.marked import Path_

# `ignore.seawall.dev/<rule>: "the reason"` on an object or its pod template waives one rule for it.
WAIVER = "ignore.seawall.dev/"


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing a production workload has."""

    id: str
    why: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One rule asked of one object."""

    rule: Rule
    manifest: Manifest
    ok: bool
    what: str
    """What was found, in the words of the manifest."""
    path: Path_ = ()
    container: str = ""
    fixable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule that an object does not keep, and where. `line` and `column` are 0 for an object of no file."""

    defense: str
    item: str
    rule: str
    object: str
    container: str
    file: str
    line: int
    column: int
    what: str
    why: str
    remedy: str
    fixable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A part of a defense that can be stripped by its own name."""

    name: str
    checks: Callable[[Manifests], Iterator[Check]]
    strip: Callable[[Manifests], Manifests]
    fix: Callable[[Manifests], Manifests]


class Exercising(Protocol):
    """What a defense asks of a kind of fault."""

    @property
    def exercises(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Defense:
    """An item of the checklist, with its five verbs: audit, strip, fix, exercise, judge."""

    name: str
    title: str
    items: tuple[Item, ...]
    judge: Callable[[History, Objectives], list[Criterion]] | None = None
    """None: no recording can prove it yet, and a scenario that puts it to the test is refused."""
    unjudged: str = ""
    """Why there is no judge yet."""

    def checks(self, manifests: Manifests) -> Iterator[tuple[Item, Check]]:
        """Every question and its answer, passed or not."""
        for item in self.items:
            for check in item.checks(manifests):
                yield item, check

    def audit(self, manifests: Manifests) -> list[Finding]:
        """What is missing, waived rules left out."""
        return [
            self._finding(item, check)
            for item, check in self.checks(manifests)
            if not check.ok and not waived(check.manifest, check.rule)
        ]

    def _finding(self, item: Item, check: Check) -> Finding:
        mark = check.manifest.at(check.path)
        return Finding(
            defense=self.name,
            item=item.name,
            rule=check.rule.id,
            object=check.manifest.ref,
            container=check.container,
            file=check.manifest.file,
            line=mark.line,
            column=mark.column,
            what=check.what,
            why=check.rule.why,
            remedy=check.rule.remedy,
            fixable=check.fixable,
        )

    def strip(self, manifests: Manifests, only: Iterable[str] = ()) -> Manifests:
        """Without this defense, or without some of its items; objects it does not touch stay the same objects."""
        chosen = set(only)
        for item in self.items:
            if not chosen or item.name in chosen:
                manifests = item.strip(manifests)
        return manifests

    def fix(self, manifests: Manifests) -> Manifests:
        """With everything of this defense that can be added without knowing the workload."""
        for item in self.items:
            manifests = item.fix(manifests)
        return manifests

    def exercise(self, faults: Mapping[str, Exercising]) -> list[str]:
        """The faults that put this defense to the test."""
        return sorted(name for name, kind in faults.items() if self.name in kind.exercises)


def waived(manifest: Manifest, rule: Rule) -> bool:
    """Whether the object says, with a reason, that a rule is not for it."""
    key = WAIVER + rule.id
    places = (mapping(manifest.data, "metadata", "annotations"), mapping(pod_metadata(manifest.data), "annotations"))
    return any(isinstance(place.get(key), str) and place[key].strip() for place in places)
