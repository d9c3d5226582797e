"""An order that was acknowledged is there, whatever happens next."""

import threading
from pathlib import Path

from tests.shop.processes import App, running


def place(store: App, first: int, count: int, acknowledged: dict[int, int]) -> None:
    for product in range(first, first + count):
        acknowledged[store.json("POST", "/orders", {"product": product})["number"]] = product


def test_acknowledged_orders_survive_a_kill(tmp_path: Path) -> None:
    """Four clients write at once; the store is killed; each acknowledged number still names its order."""
    acknowledged: dict[int, int] = {}
    with running("store", DATA_DIR=str(tmp_path)) as store:
        clients = [threading.Thread(target=place, args=(store, 100 * i, 10, acknowledged)) for i in range(4)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        store.process.kill()
    with running("store", DATA_DIR=str(tmp_path)) as store:
        assert store.json("GET", "/orders") == {"count": 40}
        for number, product in acknowledged.items():
            assert store.json("GET", f"/orders/{number}")["order"] == {"product": product}


def test_a_torn_end_is_cut_off_and_the_next_order_is_whole(tmp_path: Path) -> None:
    (tmp_path / "orders.log").write_bytes(b'{"product": 1}\n{"prod')
    with running("store", DATA_DIR=str(tmp_path)) as store:
        assert store.json("POST", "/orders", {"product": 2}) == {"number": 2}
    assert (tmp_path / "orders.log").read_bytes() == b'{"product": 1}\n{"product": 2}\n'


def test_an_order_is_on_disk_before_it_is_acknowledged(tmp_path: Path) -> None:
    with running("store", DATA_DIR=str(tmp_path)) as store:
        store.json("POST", "/orders", {"product": 5})
        assert (tmp_path / "orders.log").read_bytes() == b'{"product": 5}\n'


def test_an_unknown_order_is_missing_and_a_bad_one_refused(tmp_path: Path) -> None:
    with running("store", DATA_DIR=str(tmp_path)) as store:
        assert store.ask("GET", "/orders/1")[0] == 404
        assert store.ask("GET", "/orders/first")[0] == 404
        assert store.ask("POST", "/orders")[0] == 400
