"""What strip, fix and audit promise each other, whatever the manifests."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chaos.defenses import Defense, audit, registry, strip, strippable
from chaos.manifests import POD_SPECS, Manifest, Manifests
from chaos.marked import plain
from tests.defenses.manifests import anything, sound

DEFENSES = pytest.mark.parametrize("defense", registry.values(), ids=list(registry))
FEW = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def configured(defense: Defense, manifests: Manifests) -> list[str]:
    return [
        f"{item.name}: {check.rule.id} {check.manifest.ref}" for item, check in defense.checks(manifests) if check.ok
    ]


def data(manifests: Manifests) -> list[dict[str, Any]]:
    return [m.data for m in manifests]


@DEFENSES
@FEW
@given(anything)
def test_stripping_twice_is_stripping_once(defense: Defense, manifests: Manifests) -> None:
    once = defense.strip(manifests)
    assert data(defense.strip(once)) == data(once)


@DEFENSES
@FEW
@given(anything)
def test_after_stripping_nothing_is_configured(defense: Defense, manifests: Manifests) -> None:
    # A grant that nobody made is no defense that could be stripped: what is asked of is what remains in files.
    assert configured(defense, defense.strip(manifests)) == []


@DEFENSES
@FEW
@given(anything)
def test_after_fixing_nothing_is_found_that_could_be_fixed(defense: Defense, manifests: Manifests) -> None:
    left = [f for f in defense.audit(defense.fix(manifests)) if f.fixable]
    assert left == []


@DEFENSES
@FEW
@given(anything)
def test_fixing_twice_is_fixing_once(defense: Defense, manifests: Manifests) -> None:
    once = defense.fix(manifests)
    assert data(defense.fix(once)) == data(once)


@DEFENSES
@FEW
@given(anything)
def test_what_is_not_touched_stays_the_very_same_object(defense: Defense, manifests: Manifests) -> None:
    before = plain(data(manifests))
    known = {id(m) for m in manifests}
    for after in (defense.strip(manifests), defense.fix(manifests)):
        old = {(m.kind, m.name): m.data for m in manifests}
        changed = [m for m in after if id(m) not in known]
        assert all(m.data != old.get((m.kind, m.name)) for m in changed)
    assert data(manifests) == before


@DEFENSES
@FEW
@given(anything)
def test_every_item_can_be_stripped_alone(defense: Defense, manifests: Manifests) -> None:
    for item in defense.items:
        alone = defense.strip(manifests, [item.name])
        assert [c for c in item.checks(alone) if c.ok] == []


@FEW
@given(anything, st.permutations(list(registry)))
def test_the_order_of_names_does_not_matter(manifests: Manifests, names: list[str]) -> None:
    assert data(strip(manifests, names)) == data(strip(manifests, registry))


@DEFENSES
def test_sound_manifests_have_no_findings(defense: Defense) -> None:
    assert defense.audit(sound()) == []


@DEFENSES
def test_stripping_sound_manifests_brings_findings(defense: Defense) -> None:
    """Storage aside: a workload without state has none to lose."""
    found = defense.audit(defense.strip(sound()))
    assert (found != []) is (defense.name != "storage")


def test_stripping_one_defense_leaves_the_others_sound() -> None:
    for defense in registry.values():
        others = [d for d in registry.values() if d is not defense]
        assert [f.rule for d in others for f in d.audit(defense.strip(sound()))] == []


def test_every_strippable_name_strips() -> None:
    assert "security.network-policy" in strippable()
    assert "health-checks.liveness" in strippable()
    for name in strippable():
        strip(sound(), [name])


_KEYS = (
    "spec template metadata containers name labels resources limits memory ports rules securityContext livenessProbe "
    "selector matchLabels volumes subjects ingress data groups strategy annotations"
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS.split()), inner, max_size=4),
    max_leaves=25,
)


@settings(max_examples=150)
@given(
    st.sampled_from([*POD_SPECS, "Service", "LimitRange", "NetworkPolicy", "RoleBinding", "ConfigMap"]), _json, _json
)
def test_malformed_manifests_are_audited_not_crashed_on(kind: str, spec: Any, rest: Any) -> None:
    body = {"kind": kind, "metadata": {"name": "x"}, "spec": spec, "data": rest, "rules": rest, "subjects": rest}
    wrapped = {**body, "spec": {"template": {"spec": spec, "metadata": rest}, "selector": rest}}
    manifests = (Manifest(body), Manifest(wrapped))
    audit(manifests)
    for defense in registry.values():
        defense.strip(manifests)
        defense.fix(manifests)
