"""The whole shop, running."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.shop.processes import Shop, running


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with ExitStack() as stack:
        catalog = stack.enter_context(running("catalog"))
        store = stack.enter_context(running("store", DATA_DIR=str(tmp_path)))
        front = running("storefront", CATALOG_URL=catalog.url, STORE_URL=store.url, CHAOS_ENDPOINTS="on")
        yield Shop(stack.enter_context(front), catalog, store)
