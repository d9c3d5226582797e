"""The alarm and the log store of the shop, run as a user runs them: real Prometheus, Alertmanager and logs."""

from pathlib import Path

import pytest

from tests.e2e.machine import Command, scenario, with_prometheus

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(180)]


def test_a_pods_last_words_are_found_after_it_where_somebody_keeps_them(tmp_path: Path) -> None:
    command = Command(tmp_path, "run", scenario(tmp_path, "lost-logs"))
    assert command.wait(150) == 0, command.stdout
    command.assert_nothing_left()
    assert command.verdicts() == {"undefended": "broke", "defended": "held"}


@with_prometheus
@pytest.mark.parametrize("name", ["silent-outage", "lost-service", "mesh-latency", "dns-outage"])
def test_an_outage_without_a_crash_is_silent_only_without_its_alert(tmp_path: Path, name: str) -> None:
    command = Command(tmp_path, "run", scenario(tmp_path, name))
    assert command.wait(150) == 0, command.stdout
    command.assert_nothing_left()
    assert command.verdicts() == {"undefended": "broke", "defended": "held"}
