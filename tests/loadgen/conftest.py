"""A service of many moods, running."""

import threading
from collections.abc import Iterator

import pytest

from tests.loadgen.moods import Service


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()
