"""What the shop's apps promise their users and their cluster."""

import json
import signal
import threading
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.shop.processes import App, Shop, running


def test_a_visitor_sees_products_and_how_many_orders_there_were(shop: Shop) -> None:
    shop.storefront.json("POST", "/order", {"product": 3})
    status, page = shop.storefront.ask("GET", "/")
    assert status == 200
    assert "Storm lantern" in page
    assert "1 orders so far" in page


def test_a_product_has_a_page_and_a_missing_one_is_missing(shop: Shop) -> None:
    assert "Oilskin coat" in shop.storefront.ask("GET", "/product/2")[1]
    assert shop.storefront.ask("GET", "/product/99")[0] == 404
    assert shop.storefront.ask("GET", "/product/../orders")[0] == 404


def test_an_order_gets_the_stores_number(shop: Shop) -> None:
    numbers = [shop.storefront.json("POST", "/order", {"product": p})["number"] for p in (1, 2)]
    assert numbers == [1, 2]
    assert shop.store.json("GET", "/orders/2") == {"number": 2, "order": {"product": 2}}


def test_the_page_lives_without_the_store_and_the_order_does_not(shop: Shop) -> None:
    shop.store.process.kill()
    shop.store.process.wait()
    assert shop.storefront.ask("GET", "/")[0] == 200
    assert shop.storefront.ask("POST", "/order", {"product": 1})[0] == 503


def test_a_catalog_that_hangs_costs_a_visitor_no_more_than_the_time_out(shop: Shop) -> None:
    shop.catalog.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    status, _ = shop.storefront.ask("GET", "/")
    assert status == 504
    assert time.monotonic() - began < 1.0


@pytest.mark.parametrize("body", [None, "3", {}, {"product": "many"}, [1]])
def test_nonsense_is_refused_by_its_fault_not_ours(shop: Shop, body: object) -> None:
    assert shop.storefront.ask("POST", "/order", body)[0] == 400


def test_a_body_without_measure_is_refused(shop: Shop) -> None:
    status, _ = shop.storefront.ask("POST", "/order", "x" * 70_000)
    assert status == 413


def test_metrics_count_requests_by_route_and_status(shop: Shop) -> None:
    shop.catalog.ask("GET", "/products/1")
    shop.catalog.ask("GET", "/products/99")
    text = metrics_at_rest(shop.catalog)
    assert 'http_requests_total{route="GET /products/{item}",code="200"} 1' in text
    assert 'http_requests_total{route="GET /products/{item}",code="404"} 1' in text
    assert 'http_request_seconds_count{route="GET /products/{item}"} 2' in text
    assert int(text.split("process_resident_memory_bytes ")[1].split("\n")[0]) > 1_000_000


def metrics_at_rest(app: App, within: float = 5.0) -> str:
    """What it counts once no request but this one is in flight: a request is counted when its answer has left."""
    deadline = time.monotonic() + within
    while "http_requests_in_flight 1\n" not in (text := app.ask("GET", "/metrics")[1]):
        assert time.monotonic() < deadline, text
    return text


def test_every_line_of_the_log_is_json(shop: Shop) -> None:
    shop.catalog.process.terminate()
    output, _ = shop.catalog.process.communicate(timeout=5)
    assert [json.loads(line)["message"] for line in output.splitlines()] == ["stopped"]


def test_a_connection_may_be_kept(shop: Shop) -> None:
    connection = HTTPConnection("127.0.0.1", shop.catalog.port, timeout=5)
    for _ in range(3):
        connection.request("GET", "/products")
        assert connection.getresponse().read()
    connection.close()


def test_told_to_stop_it_finishes_what_was_begun_and_leaves_in_good_order(shop: Shop) -> None:
    """The catalog answers late, after the storefront was told to stop; the visitor still gets the page."""
    answers: list[int] = []
    shop.catalog.process.send_signal(signal.SIGSTOP)
    visitor = threading.Thread(target=lambda: answers.append(shop.storefront.ask("GET", "/")[0]))
    visitor.start()
    time.sleep(0.1)
    shop.storefront.process.terminate()
    time.sleep(0.1)
    shop.catalog.process.send_signal(signal.SIGCONT)
    visitor.join(5)
    assert answers == [200]
    assert shop.storefront.process.wait(5) == 0


def test_a_kept_connection_does_not_delay_the_end(shop: Shop) -> None:
    idle = HTTPConnection("127.0.0.1", shop.catalog.port, timeout=5)
    idle.request("GET", "/products")
    idle.getresponse().read()
    shop.catalog.process.terminate()
    assert shop.catalog.process.wait(2) == 0
    idle.close()


def test_the_newsletter_is_ready_when_its_whole_list_is_in_memory() -> None:
    with running("newsletter", LIST_MIB="32") as newsletter:
        deadline = time.monotonic() + 5
        while newsletter.ask("GET", "/readyz")[0] != 200:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        resident = int(newsletter.ask("GET", "/metrics")[1].split("memory_bytes ")[1].split("\n")[0])
        assert resident > 32 * 1024 * 1024
        assert newsletter.json("POST", "/send")["recipients"] > 10_000


def test_the_till_is_ready_only_while_its_ledger_answers(tmp_path: Path) -> None:
    """Its health is its own all the while."""
    with running("store", DATA_DIR=str(tmp_path)) as ledger, running("till", LEDGER_URL=ledger.url) as till:
        assert till.json("POST", "/orders", {"product": 3}) == {"number": 1}
        assert till.json("GET", "/orders") == {"count": 1}
        assert till.ask("GET", "/readyz")[0] == 200
        ledger.process.send_signal(signal.SIGSTOP)
        assert [till.ask("GET", path)[0] for path in ("/readyz", "/orders", "/healthz")] == [503, 504, 200]


def test_what_warms_up_is_there_at_once_and_serves_later() -> None:
    with running("catalog", WARMUP_SECONDS="1") as catalog:
        paths = ("/healthz", "/metrics", "/readyz", "/products")
        assert [catalog.ask("GET", path)[0] for path in paths] == [200, 200, 503, 503]
        time.sleep(1)
        assert [catalog.ask("GET", path)[0] for path in paths] == [200] * 4


def test_a_replica_serves_two_hundred_pages_a_second(shop: Shop) -> None:
    """With room to spare: this asks for eighty from one client, one after the other."""
    began = time.monotonic()
    for _ in range(40):
        assert shop.storefront.ask("GET", "/")[0] == 200
    assert time.monotonic() - began < 0.5


def test_it_starts_at_once(tmp_path: Path) -> None:
    began = time.monotonic()
    with running("store", DATA_DIR=str(tmp_path)) as store:
        assert isinstance(store, App)
        assert time.monotonic() - began < 0.6
