"""When a memory limit leaves room above the peak that somebody measured, and what is done where it does not."""

from typing import Any

import pytest

from chaos.defenses import audit, registry, strip
from chaos.manifests import Manifests, parse
from tests.defenses.manifests import SOUND

PEAK = "peak.seawall.dev/web: 96Mi"
PLACE = 'prometheus.io/port: "8080",'
LIMITS = "limits: {cpu: 500m, memory: 128Mi}"
MEASURED = SOUND.replace(PLACE, f"{PLACE}\n        {PEAK},")
RESOURCES = registry["resources"]


def measured(old: str = "", new: str = "") -> Manifests:
    """The sound manifests with a peak of 96Mi and a limit of 128Mi, one piece of text replaced."""
    assert old in MEASURED
    return parse(MEASURED.replace(old, new) if old else MEASURED, "shop.yaml")


def found(manifests: Manifests) -> list[str]:
    return [f.what for f in audit(manifests) if f.rule == "limit-below-peak"]


def resources(manifests: Manifests) -> dict[str, Any]:
    spec: dict[str, Any] = manifests[1].data["spec"]["template"]["spec"]["containers"][0]["resources"]
    return spec


@pytest.mark.parametrize(("peak", "enough"), [("96Mi", True), ("116Mi", True), ("117Mi", False), ("1Gi", False)])
def test_a_tenth_above_the_peak_is_room_enough(peak: str, enough: bool) -> None:
    told = found(measured(PEAK, f"peak.seawall.dev/web: {peak}"))
    assert told == ([] if enough else [f"memory limit 128Mi, measured peak {peak}"])


def test_who_has_measured_nothing_is_asked_nothing() -> None:
    assert found(measured(f"{PEAK},")) == []


def test_a_limit_that_is_missing_is_another_rules_business() -> None:
    assert found(measured(LIMITS, "limits: {cpu: 500m}")) == []


@pytest.mark.parametrize("told", ["peak.seawall.dev/wbe: 96Mi", "peak.seawall.dev/web: 96 megabytes"])
def test_a_peak_that_nobody_can_read_is_found_where_it_stands(told: str) -> None:
    """A slip of the pen must not switch the rule off."""
    manifests = measured(PEAK, told)
    (finding,) = [f for f in audit(manifests) if f.rule == "limit-below-peak"]
    assert not finding.fixable
    assert "peak.seawall.dev" in (MEASURED.replace(PEAK, told)).splitlines()[finding.line - 1]


class TestStripped:
    """A limit as it is sized on a laptop."""

    def test_it_is_what_the_container_asks_for_at_rest(self) -> None:
        bare = strip(measured(), ["resources.headroom"])
        assert found(bare) == ["memory limit 64Mi, measured peak 96Mi"]
        assert resources(bare) == {
            "requests": {"cpu": "100m", "memory": "64Mi"},
            "limits": {"cpu": "500m", "memory": "64Mi"},
        }

    def test_it_is_below_the_peak_even_where_the_request_is_not(self) -> None:
        """As for a pod that asks for all that it may use: Guaranteed."""
        asked = measured("requests: {cpu: 100m, memory: 64Mi}", "requests: {cpu: 100m, memory: 128Mi}")
        bare = resources(strip(asked, ["resources.headroom"]))
        assert (bare["limits"]["memory"], bare["requests"]["memory"]) == ("86Mi", "86Mi")

    def test_it_never_gives_a_container_more(self) -> None:
        tight = measured(LIMITS, "limits: {cpu: 500m, memory: 64Mi}")
        assert strip(tight, ["resources.headroom"]) == tight

    def test_without_the_limits_there_is_none_to_size(self) -> None:
        assert "resources" not in strip(measured(), ["resources"])[1].data["spec"]["template"]["spec"]["containers"][0]


def test_the_fix_is_the_peak_and_a_quarter() -> None:
    fixed = RESOURCES.fix(measured(PEAK, "peak.seawall.dev/web: 203Mi"))
    assert resources(fixed)["limits"]["memory"] == "254Mi"
    assert found(fixed) == []


def test_a_limit_range_counts_as_the_containers_own() -> None:
    given = (
        "\n---\nkind: LimitRange\napiVersion: v1\nmetadata: {name: d}\nspec: {limits: [{type: Container, default: %s}]}"
    )
    manifests = measured(LIMITS, "limits: {cpu: 500m}")
    ranged = manifests + parse(given % "{memory: 100Mi}", "d.yaml")
    assert found(ranged) == ["memory limit 100Mi, measured peak 96Mi"]
    assert resources(RESOURCES.fix(ranged))["limits"]["memory"] == "120Mi"
