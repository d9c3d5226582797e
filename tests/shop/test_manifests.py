"""The shop's manifests: one truth for the source, and numbers that add up on the embedded cluster's nodes."""

import runpy
from pathlib import Path
from typing import Any

import yaml

from loadgen.units import Size

SCENARIOS = Path(__file__).parents[2] / "scenarios"
NODE_MIB = 1024
ALLOCATABLE_MIB = NODE_MIB - 100


def shop() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((SCENARIOS / "workloads" / "shop.yaml").read_text()))


def deployments() -> dict[str, dict[str, Any]]:
    return {o["metadata"]["name"]: o["spec"] for o in shop() if o["kind"] == "Deployment"}


def mib(name: str, which: str) -> float:
    container = deployments()[name]["template"]["spec"]["containers"][0]
    return Size.parse(container["resources"][which]["memory"]).bytes / 2**20


def list_mib() -> int:
    env = deployments()["newsletter"]["template"]["spec"]["containers"][0]["env"]
    asked = next(e["valueFrom"]["configMapKeyRef"] for e in env if e["name"] == "LIST_MIB")
    given = yaml.safe_load((SCENARIOS / "workloads" / "newsletter-list.yaml").read_text())
    assert given["metadata"]["name"] == asked["name"]
    return int(given["data"][asked["key"]])


def test_the_source_in_the_manifests_is_the_source_of_the_apps() -> None:
    """Else: run `python scenarios/bundle.py`."""
    bundle = runpy.run_path(str(SCENARIOS / "bundle.py"))["bundle"]
    text = (SCENARIOS / "workloads" / "shop-source.yaml").read_text()
    assert text == bundle()
    data = yaml.safe_load(text)["data"]
    assert data == {file.name: file.read_text() for file in (SCENARIOS / "apps").glob("*.py")}


def test_the_whole_shop_fits_on_one_node() -> None:
    """A variant gets a node of its own when a node may fill up."""
    requests = sum(spec["replicas"] * mib(name, "requests") for name, spec in deployments().items())
    assert requests <= ALLOCATABLE_MIB


def test_the_list_fits_into_the_newsletters_own_limit() -> None:
    assert list_mib() + 30 <= mib("newsletter", "requests") + 30 <= mib("newsletter", "limits")


def test_when_the_node_is_full_the_newsletter_is_the_largest_by_far() -> None:
    """Whatever the leaking pod holds then, it is at least 100 MiB less: the kernel kills the largest."""
    others = sum(spec["replicas"] * 8 for name, spec in deployments().items() if name != "newsletter")
    leaking_mib = NODE_MIB - list_mib() - others
    assert leaking_mib + 100 <= list_mib()


def test_a_leak_reaches_its_own_limit_long_before_the_node_is_full() -> None:
    assert mib("storefront", "limits") * 3 < NODE_MIB - list_mib()


def test_no_manifest_chooses_a_namespace() -> None:
    """The plan does."""
    assert all("namespace" not in o["metadata"] for o in shop())


def test_readiness_loses_patience_before_liveness() -> None:
    for name, spec in deployments().items():
        container = spec["template"]["spec"]["containers"][0]
        ready, live = container["readinessProbe"], container["livenessProbe"]
        assert ready["periodSeconds"] * ready["failureThreshold"] < live["periodSeconds"] * live["failureThreshold"], (
            name
        )
