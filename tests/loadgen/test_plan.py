"""What is deployed for a load."""

import sys
from dataclasses import replace
from pathlib import Path
from subprocess import run
from typing import Any

import pytest

from loadgen.load import Load
from loadgen.plan import manifests, pod_names, shipped_sources
from loadgen.units import Duration, Rate

OPEN = Load(target="http://storefront.shop.svc.cluster.local:8080", timeout=Duration(1), arrivals=Rate(40), seed=7)
CLOSED = replace(OPEN, arrivals=None, users=50)


def planned(load: Load) -> dict[tuple[str, str], dict[str, Any]]:
    objects = manifests(load, name="load", namespace="ns", locustfile="# users", labels={"seawall.dev/run": "r1"})
    return {(o["kind"], o["metadata"]["name"]): o for o in objects}


def container(load: Load, pod: str = "load") -> dict[str, Any]:
    found: dict[str, Any] = planned(load)["Pod", pod]["spec"]["containers"][0]
    return found


def test_everything_is_in_the_namespace_and_carries_the_runs_labels() -> None:
    for obj in planned(replace(OPEN, workers=3)).values():
        assert obj["metadata"]["namespace"] == "ns"
        assert obj["metadata"]["labels"]["seawall.dev/run"] == "r1"


def test_the_load_generator_is_the_last_to_be_killed() -> None:
    """Guaranteed quality of service: requests equal limits, for both resources."""
    resources = container(OPEN)["resources"]
    assert resources["requests"] == resources["limits"]
    assert set(resources["limits"]) == {"cpu", "memory"}


def test_the_pod_would_pass_the_restricted_pod_security_standard() -> None:
    spec = planned(OPEN)["Pod", "load"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    own = container(OPEN)["securityContext"]
    assert own["allowPrivilegeEscalation"] is False
    assert own["capabilities"] == {"drop": ["ALL"]}


def test_every_shipped_file_has_a_key_and_comes_back_under_its_path() -> None:
    objects = planned(OPEN)
    data = objects["ConfigMap", "load"]["data"]
    items = objects["Pod", "load"]["spec"]["volumes"][0]["configMap"]["items"]
    restored = {item["path"]: data[item["key"]] for item in items}
    assert restored == {**shipped_sources(), "locustfile.py": "# users"}
    assert "loadgen/plan.py" not in restored


def test_what_is_shipped_is_all_it_needs(tmp_path: Path) -> None:
    """Every module imports with nothing of Seawall's but the shipped files on the path."""
    for path, text in shipped_sources().items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    modules = "loadgen.inside.printing, loadgen.inside.schedule, loadgen.inside.closed"
    code = f"import sys; sys.path.insert(0, '.'); import {modules}; print(loadgen.__file__)"
    done = run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))


def test_an_open_load_runs_the_clock_and_a_closed_one_the_users_file() -> None:
    assert "/load/loadgen/inside/opened.py" in container(OPEN)["args"]
    assert "/load/loadgen/inside/closed.py,/load/locustfile.py" in container(CLOSED)["args"]
    assert "50" in container(CLOSED)["args"]


def test_several_workers_get_a_master_that_waits_for_all_of_them() -> None:
    load = replace(OPEN, workers=3)
    assert pod_names(load, "load") == ["load-worker-0", "load-worker-1", "load-worker-2"]
    args = container(load, "load-master")["args"]
    assert args[args.index("--expect-workers") + 1] == "3"
    service = planned(load)["Service", "load-master"]
    master = planned(load)["Pod", "load-master"]
    assert service["spec"]["selector"].items() <= master["metadata"]["labels"].items()
    assert "load-master" in container(load, "load-worker-0")["args"]


@pytest.mark.parametrize("change", [{"users": 5}, {"arrivals": None}, {"arrivals": Rate(0)}])
def test_a_load_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="arrivals"):
        replace(OPEN, **change)
