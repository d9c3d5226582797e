"""The log store against a small API server of its own: what a pod has said is found, also when the pod is gone."""

import runpy
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.shop.processes import APPS, running

PODS = "/api/v1/namespaces/shop/pods"


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    monkeypatch.syspath_prepend(str(APPS))
    yield runpy.run_path(str(APPS / "log_store.py"))
    for name in ("server", "service", "telemetry"):
        sys.modules.pop(name, None)


def test_a_line_is_found_with_where_it_came_from(app: dict[str, Any], tmp_path: Path) -> None:
    lines = app["Lines"](tmp_path)
    lines.keep("web-1_web_0", iter([b"first\n", b"the last words\n"]))
    lines.keep("web-2_web_0", iter([b"nothing of note\n"]))
    assert lines.find("last words") == [{"source": "web-1_web_0", "line": "the last words"}]
    assert lines.find("never said") == []


def test_bytes_that_are_no_text_hide_no_other_line(app: dict[str, Any], tmp_path: Path) -> None:
    lines = app["Lines"](tmp_path)
    lines.keep("web-1_web_0", iter([b"\xff\xfe\n", b"words\n"]))
    assert [found["line"] for found in lines.find("words")] == ["words"]


def test_every_run_of_a_container_is_followed_once(
    app: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that has ended already; not one that has yet to begin."""
    followed: list[str] = []

    def answer(path: str) -> Iterator[bytes]:
        if path == PODS:
            yield (
                b'{"items": [{"metadata": {"name": "a"}, "status": {"containerStatuses": ['
                b'{"name": "x", "restartCount": 1, "state": {"running": {}}},'
                b'{"name": "y", "restartCount": 0, "state": {"terminated": {}}},'
                b'{"name": "z", "restartCount": 0, "state": {"waiting": {}}}]}}, {"metadata": {"name": "b"}}]}'
            )
        else:
            followed.append(path)
            yield b"said\n"

    monkeypatch.setitem(app["Collector"].look.__globals__, "open_api", answer)
    collector = app["Collector"](app["Lines"](tmp_path), "shop")
    assert not collector.ready
    for _ in range(2):
        collector.look()
    deadline = time.monotonic() + 5
    while len(collector.lines.find("said")) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert collector.ready
    assert sorted(followed) == [f"{PODS}/a/log?container={name}&follow=true" for name in "xy"]
    assert [found["source"] for found in collector.lines.find("said")] == ["a_x_1", "a_y_0"]


def test_the_pager_keeps_what_alertmanager_sends() -> None:
    sent = {"alerts": [{"labels": {"alertname": "ShopErrors"}, "status": "firing"}]}
    with running("pager") as pager:
        assert pager.ask("POST", "/page", {"alerts": [{}]})[0] == 400
        assert pager.ask("POST", "/page", sent)[0] == 201
        (page,) = pager.json("GET", "/pages")["pages"]
        assert (page["alert"], page["status"]) == ("ShopErrors", "firing")
