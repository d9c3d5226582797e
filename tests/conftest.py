"""What every test shares: tests that need root or a real cluster are skipped, with the reason, where there is none."""

import os
import sys

import pytest
from hypothesis import settings

# How long one example takes is the machine's affair, not a promise of the code's; figures are in benchmarks/.
settings.register_profile("seawall", deadline=None)
settings.load_profile("seawall")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On Linux as root nothing is skipped: set-up installs what the cluster needs, so its absence is a failure."""
    root = sys.platform == "linux" and os.geteuid() == 0
    for item in items:
        if "root" in item.keywords and not root:
            item.add_marker(pytest.mark.skip(reason="needs root on Linux"))
        if "real" in item.keywords and "SEAWALL_TEST_CONTEXT" not in os.environ:
            item.add_marker(pytest.mark.skip(reason="needs a real cluster, named by SEAWALL_TEST_CONTEXT"))
