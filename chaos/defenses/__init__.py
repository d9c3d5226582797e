"""The checklist, one defense a file, each with five verbs: audit, strip, fix, exercise, judge. All of them pure."""

from collections.abc import Iterable

from chaos.defenses.health_checks import HEALTH_CHECKS
from chaos.defenses.kind import Defense, Finding
from chaos.defenses.observability import OBSERVABILITY
from chaos.defenses.rbac import RBAC
from chaos.defenses.replicas import REPLICAS
from chaos.defenses.resources import RESOURCE_DEFENSE
from chaos.defenses.security import SECURITY
from chaos.defenses.storage import STORAGE
from chaos.manifests import Manifests

registry: dict[str, Defense] = {
    defense.name: defense
    for defense in (RESOURCE_DEFENSE, HEALTH_CHECKS, RBAC, REPLICAS, OBSERVABILITY, SECURITY, STORAGE)
}


def strippable() -> list[str]:
    """Every name that `strip:` takes: the defenses and, after a dot, their items."""
    return [name for d in registry.values() for name in (d.name, *(f"{d.name}.{item.name}" for item in d.items))]


def strip(manifests: Manifests, names: Iterable[str]) -> Manifests:
    """Without the named defenses or items, always in the checklist's order, whatever order they are named in."""
    wanted = set(names)
    for defense in registry.values():
        only = {item.name for item in defense.items if f"{defense.name}.{item.name}" in wanted}
        if defense.name in wanted:
            manifests = defense.strip(manifests)
        elif only:
            manifests = defense.strip(manifests, only)
    return manifests


def audit(manifests: Manifests) -> list[Finding]:
    """What is missing of the whole checklist."""
    return [finding for defense in registry.values() for finding in defense.audit(manifests)]


__all__ = ["Defense", "Finding", "audit", "registry", "strip", "strippable"]
