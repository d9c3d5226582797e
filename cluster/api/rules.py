"""RBAC rules as sets: does a rule permit a request, do rules cover other rules. Pure.

A rule is a PolicyRule as Kubernetes writes it. Meaning: the RBAC reference page.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from cluster.api.resource import Resource

Rule = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What a request asks for: a verb on a resource, or on a path when `path` is set."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        """As rules spell it: "pods", "pods/exec"."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def asking(resource: Resource, verb: str, namespace: str, name: str = "", subresource: str = "") -> Attributes:
    """A request about a served resource. A namespace counts as being in itself, as in real Kubernetes."""
    if resource.key == "namespaces":
        namespace = name
    return Attributes(
        verb=verb,
        group=resource.group,
        resource=resource.plural,
        subresource=subresource,
        namespace=namespace,
        name=name,
    )


def permits(rule: Rule, asked: Attributes) -> bool:
    if not _has(rule, "verbs", asked.verb):
        return False
    if asked.path:
        return any(_path_matches(pattern, asked.path) for pattern in rule.get("nonResourceURLs") or ())
    return (
        _has(rule, "apiGroups", asked.group)
        and any(_resource_matches(pattern, asked) for pattern in rule.get("resources") or ())
        and (not rule.get("resourceNames") or asked.name in rule["resourceNames"])
    )


def uncovered(wanted: Iterable[Rule], held: list[Rule]) -> list[Rule]:
    """The parts of `wanted`, one verb on one thing each, that no single rule of `held` grants."""
    return [part for rule in wanted for part in _parts(rule) if not any(_covers(h, part) for h in held)]


def compact(rules: Iterable[Rule]) -> str:
    """As the refusal of an escalation lists them: one rule a line, with all verbs on the same things, sorted."""
    merged: dict[str, Rule] = {}
    for rule in rules:
        verbs = merged.setdefault(repr({**rule, "verbs": ()}), {**rule, "verbs": []})["verbs"]
        verbs += [verb for verb in rule["verbs"] if verb not in verbs]
    return "\n".join(sorted(_show(rule) for rule in merged.values()))


def _has(rule: Rule, field: str, value: str) -> bool:
    values = rule.get(field) or ()
    return "*" in values or value in values


def _path_matches(pattern: str, path: str) -> bool:
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern.rstrip("*")))


def _resource_matches(pattern: str, asked: Attributes) -> bool:
    return pattern in ("*", asked.full_resource) or bool(asked.subresource and pattern == f"*/{asked.subresource}")


def _parts(rule: Rule) -> Iterator[Rule]:
    for path, verb in product(rule.get("nonResourceURLs") or (), rule.get("verbs") or ()):
        yield {"nonResourceURLs": [path], "verbs": [verb]}
    names: list[str | None] = list(rule.get("resourceNames") or [None])
    axes = (rule.get("apiGroups") or (), rule.get("resources") or (), names, rule.get("verbs") or ())
    for group, resource, name, verb in product(*axes):
        part = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
        yield part if name is None else {**part, "resourceNames": [name]}


def _covers(held: Rule, part: Rule) -> bool:
    if not _has(held, "verbs", part["verbs"][0]):
        return False
    if paths := part.get("nonResourceURLs"):
        return any(_path_matches(pattern, paths[0]) for pattern in held.get("nonResourceURLs") or ())
    resource, _, subresource = part["resources"][0].partition("/")
    asked = Attributes(verb="", resource=resource, subresource=subresource)
    return (
        _has(held, "apiGroups", part["apiGroups"][0])
        and any(_resource_matches(pattern, asked) for pattern in held.get("resources") or ())
        and (not held.get("resourceNames") or set(part.get("resourceNames") or [None]) <= set(held["resourceNames"]))
    )


def _show(rule: Rule) -> str:
    fields = ("nonResourceURLs", "apiGroups", "resources", "resourceNames", "verbs")
    shown = [f"{_title(field)}:{_go_list(rule[field])}" for field in fields if rule.get(field)]
    return "{" + ", ".join(shown) + "}"


def _go_list(words: list[str]) -> str:
    return f"[{' '.join(map(json.dumps, words))}]"


def _title(field: str) -> str:
    return {"apiGroups": "APIGroups", "nonResourceURLs": "NonResourceURLs"}.get(field, field[0].upper() + field[1:])
