"""Sessions: memory that grows with the visitors, stops growing when they do, and goes when they are forgotten."""

import time
from pathlib import Path

import yaml

from loadgen.units import Rate, Size
from tests.shop.processes import App, running

MIB = 2**20
SCENARIOS = Path(__file__).parents[2] / "scenarios"
# What the program holds before anybody comes, with room for what a request takes.
AT_REST_MIB = 14
STORM = yaml.safe_load((SCENARIOS / "undersized-limits.yaml").read_text())
TIMES = STORM["fault"]["traffic-spike"]["times"]
OBJECTS = yaml.safe_load_all((SCENARIOS / "workloads" / "catalog-sessions.yaml").read_text())
SPEC = next(o["spec"] for o in OBJECTS if o["kind"] == "Deployment")
TEMPLATE = SPEC["template"]
CONTAINER = TEMPLATE["spec"]["containers"][0]


def held_mib(times: float) -> float:
    """What a pod holds once its sessions have come to their plateau."""
    env = {e["name"]: float(e["value"]) for e in CONTAINER["env"]}
    visits = Rate.parse(STORM["load"]["arrivals"]).per_second * times / float(SPEC["replicas"])
    return AT_REST_MIB + visits * env["SESSION_SECONDS"] * env["SESSION_KIB"] / 1024


def mib(side: str) -> float:
    return Size.parse(CONTAINER["resources"][side]["memory"]).bytes / MIB


def resident(app: App) -> int:
    _, text = app.ask("GET", "/metrics")
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("process_resident_memory_bytes")))


def visit(app: App, times: int) -> None:
    for _ in range(times):
        assert app.ask("GET", "/products")[0] == 200


def test_a_visit_is_remembered_and_then_forgotten() -> None:
    with running("catalog", SESSION_KIB="1024", SESSION_SECONDS="1") as app:
        visit(app, 1)
        before = resident(app)
        visit(app, 30)
        assert resident(app) >= before + 28 * MIB
        time.sleep(1.1)
        visit(app, 1)
        assert resident(app) <= before + 4 * MIB


def test_the_same_traffic_for_longer_takes_no_more() -> None:
    with running("catalog", SESSION_KIB="1024", SESSION_SECONDS="0.5") as app:
        seen = []
        for _ in range(40):
            visit(app, 1)
            seen.append(resident(app))
            time.sleep(0.05)
        assert max(seen[20:]) <= max(seen[10:20]) + 3 * MIB


def test_unless_it_is_switched_on_nothing_is_kept() -> None:
    with running("catalog") as app:
        visit(app, 1)
        before = resident(app)
        visit(app, 50)
        assert resident(app) <= before + MIB


class TestNumbersAddUp:
    """What the storm brings against what the manifest says."""

    def test_an_ordinary_day_fits_into_the_request_with_a_quarter_to_spare(self) -> None:
        assert held_mib(1) * 1.25 <= mib("requests")

    def test_the_wave_does_not_by_far(self) -> None:
        assert held_mib(TIMES) >= 2 * mib("requests")

    def test_the_measured_peak_covers_the_wave_and_the_limit_is_a_quarter_more(self) -> None:
        peak = Size.parse(TEMPLATE["metadata"]["annotations"]["peak.seawall.dev/catalog"]).bytes / MIB
        assert held_mib(TIMES) <= peak
        assert mib("limits") == 1.25 * peak
