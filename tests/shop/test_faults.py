"""The ways to break the storefront: each bites as it says, and only where it is switched on."""

import time

import pytest

from tests.shop.processes import App, Shop, running

MIB = 1024 * 1024


def hangs(app: App, path: str) -> bool:
    try:
        app.ask("GET", path, timeout=0.5)
    except TimeoutError:
        return True
    return False


def test_faults_are_off_unless_switched_on() -> None:
    with running("storefront") as storefront:
        assert storefront.ask("POST", "/chaos/crash")[0] == 404
        assert storefront.ask("GET", "/chaos/status")[0] == 404


def test_a_leak_grows_with_traffic_and_only_with_traffic(shop: Shop) -> None:
    """The memory is really there, and probes and metrics leave none behind."""
    before = shop.storefront.json("GET", "/chaos/status")["rss_bytes"]
    shop.storefront.json("POST", f"/chaos/leak?per_request={2 * MIB}")
    for _ in range(10):
        shop.storefront.ask("GET", "/readyz")
        shop.storefront.ask("GET", "/metrics")
    assert shop.storefront.json("GET", "/chaos/status")["leak"]["kept_bytes"] == 0
    for _ in range(20):
        shop.storefront.ask("GET", "/")
    after = shop.storefront.json("GET", "/chaos/status")
    assert after["leak"] == {"per_request_bytes": 2 * MIB, "kept_bytes": 40 * MIB}
    assert 36 * MIB < after["rss_bytes"] - before < 48 * MIB


def test_a_leak_without_a_size_is_refused(shop: Shop) -> None:
    assert shop.storefront.ask("POST", "/chaos/leak?per_request=lots")[0] == 400


def test_a_deadlock_is_answered_and_then_hangs_users_and_probes_alike(shop: Shop) -> None:
    """While the process lives and connections are still accepted."""
    assert shop.storefront.json("POST", "/chaos/deadlock") == {"deadlock": True}
    time.sleep(0.05)
    assert all(hangs(shop.storefront, path) for path in ("/", "/healthz", "/readyz", "/chaos/status"))
    assert shop.storefront.process.poll() is None


def test_a_deadlocked_app_ignores_being_told_to_stop(shop: Shop) -> None:
    """As hung programs do: only the kill at the end of the grace period ends it."""
    shop.storefront.json("POST", "/chaos/deadlock")
    assert hangs(shop.storefront, "/")
    shop.storefront.process.terminate()
    with pytest.raises(Exception, match="timed out"):
        shop.storefront.process.wait(1.5)


def test_a_crash_is_answered_first(shop: Shop) -> None:
    assert shop.storefront.json("POST", "/chaos/crash") == {"crash": True}
    assert shop.storefront.process.wait(5) == 1


def test_errors_take_their_share_of_the_users_and_nothing_of_the_probes(shop: Shop) -> None:
    """Spread evenly, so that the share is exact; a share of 0 ends it."""
    shop.storefront.json("POST", "/chaos/errors?share=0.25")
    assert [shop.storefront.ask("GET", "/")[0] for _ in range(8)].count(500) == 2
    assert {shop.storefront.ask("GET", path)[0] for path in ("/healthz", "/readyz", "/metrics") for _ in range(4)} == {
        200
    }
    assert 'http_requests_total{route="GET /",code="500"} 2' in shop.storefront.ask("GET", "/metrics")[1]
    shop.storefront.json("POST", "/chaos/errors?share=0")
    assert {shop.storefront.ask("GET", "/")[0] for _ in range(8)} == {200}


@pytest.mark.parametrize("share", ["", "lots", "1.5", "-0.1", "nan"])
def test_errors_without_a_share_are_refused(shop: Shop, share: str) -> None:
    assert shop.storefront.ask("POST", f"/chaos/errors?share={share}")[0] == 400
