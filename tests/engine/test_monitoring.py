"""What is asked of the workload's own monitoring, and how each answer or silence is written down."""

import io
import json
import time
from collections.abc import Callable
from typing import Any

from chaos.kube import Kube, Refused, Unreachable
from chaos.monitoring import Backend, ask_monitoring
from chaos.recording import Asked, Fault, Recorder
from chaos.scenario import Monitoring

SERVICES = "/api/v1/namespaces/shop/services"
RULE = {"name": "ShopErrors", "state": "firing", "health": "ok", "alerts": [{"activeAt": "2026-11-22T21:00:00Z"}]}
SERIES = {"metric": {"alertname": "ShopErrors", "alertstate": "firing"}, "value": [0, "1"]}
ALERT = {"labels": {"alertname": "ShopErrors"}, "status": {"state": "active"}, "receivers": [{"name": "pager"}]}
METRICS = (
    "# HELP alertmanager_notifications_total The total number\n"
    'alertmanager_notifications_total{integration="webhook"} 3\n'
    'alertmanager_notifications_failed_total{integration="webhook",reason="other"} 1\n'
)
ALARM = Monitoring(prometheus="prometheus:9090", alertmanager="alertmanager:9093", alert="ShopErrors")
LOGS = Monitoring(logs="logs:80/find?text={words}")


class FakeKube(Kube):
    """Answers for Services by what their path begins with; whoever is not there is not found."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers

    def request(self, method: str, path: str, **_: Any) -> bytes:
        assert method == "GET"
        for begins, answer in self.answers.items():
            if path.startswith(f"{SERVICES}/{begins}"):
                if isinstance(answer, Exception):
                    raise answer
                return answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        raise Refused(404, "NotFound", f"{path} not found")


PROMETHEUS: dict[str, Any] = {
    "prometheus:9090/proxy/api/v1/rules?type=alert": {"data": {"groups": [{"rules": [RULE]}]}},
    "prometheus:9090/proxy/api/v1/query?query=ALERTS": {"status": "success", "data": {"result": [SERIES]}},
    "prometheus:9090/proxy/api/v1/targets": {
        "status": "success",
        "data": {"activeTargets": [{"health": "up"}, {"health": "down"}]},
    },
}
ALERTMANAGER = {"alertmanager:9093/proxy/api/v2/alerts": [ALERT], "alertmanager:9093/proxy/metrics": METRICS}


def asked(monitoring: Monitoring | None, answers: dict[str, Any], *, words: str = "", enough: int = 1) -> list[Asked]:
    """What is recorded until there are `enough` records."""
    file = io.StringIO()
    recorder = Recorder(file, monotonic=time.monotonic, wall=time.time)
    found: list[Asked] = []
    recorder.listeners.append(lambda record: found.append(record) if isinstance(record, Asked) else None)
    ended: Callable[[], bool] = lambda: False  # noqa: E731  # a name for what it says
    with ask_monitoring(FakeKube(answers), "shop", "defended", monitoring, recorder, ended):
        if words:
            data = {"last_words": words}
            recorder.write(Fault, "defended", fault="pod-death", step="inject", ok=True, data=data)
            recorder.write(Fault, "other", fault="pod-death", step="inject", ok=True, data={"last_words": "no"})
        deadline = time.monotonic() + 5
        while len(found) < enough and time.monotonic() < deadline:
            time.sleep(0.02)
    return found


def of(source: str, records: list[Asked]) -> Asked:
    return next(r for r in records if r.source == source)


def test_prometheus_tells_state_rest_and_targets() -> None:
    told = of("prometheus", asked(ALARM, PROMETHEUS | ALERTMANAGER, enough=2))
    assert told.ok, told.detail
    assert told.data["state"] == "firing"
    assert told.data["active_at"] == "2026-11-22T21:00:00Z"
    assert (told.data["up"], told.data["targets"]) == (1, 2)
    assert told.data["alerts"] == [SERIES["metric"]]


def test_a_rule_that_is_not_loaded_is_told_as_such() -> None:
    empty = PROMETHEUS | {"prometheus:9090/proxy/api/v1/rules?type=alert": {"data": {"groups": []}}}
    told = of("prometheus", asked(ALARM, empty | ALERTMANAGER, enough=2))
    assert (told.ok, told.data["state"]) == (True, "absent")


def test_alertmanager_tells_receivers_and_what_left() -> None:
    told = of("alertmanager", asked(ALARM, PROMETHEUS | ALERTMANAGER, enough=2))
    assert told.data == {
        "alert": "ShopErrors",
        "active": True,
        "receivers": ["pager"],
        "notified": 3,
        "failed": 1,
    }


def test_silence_is_recorded_with_its_reason() -> None:
    """Unreachable, not found, or words that are no answer: each is no data, and none ends the asking."""
    answers: tuple[Any, ...] = (Unreachable("no endpoints"), "<html>login</html>", {"data": None}, [])
    for answer in answers:
        wrong = dict.fromkeys(PROMETHEUS, answer) | dict.fromkeys(ALERTMANAGER, answer)
        told = asked(ALARM, wrong, enough=2)
        assert not of("prometheus", told).ok
        assert "no answer" in of("prometheus", told).detail
        assert of("prometheus", told).data == {}


def test_the_store_is_asked_for_the_last_words_of_its_own_variant() -> None:
    kept = {"logs:80/proxy/find?text=last%20words": {"found": [{"line": "last words"}]}}
    told = asked(LOGS, kept, words="last words")
    assert [(r.ok, r.data) for r in told[:1]] == [(True, {"words": "last words", "store": True, "found": True})]


def test_a_store_that_is_not_there_is_an_answer_and_one_that_is_silent_is_none() -> None:
    absent = asked(LOGS, {}, words="x")[0]
    assert (absent.ok, absent.data["store"], absent.data["found"]) == (True, False, False)
    down = {"logs:80/proxy": Unreachable("no endpoints available"), "logs": {"kind": "Service"}}
    assert not asked(LOGS, down, words="x")[0].ok


def test_nothing_is_asked_where_nothing_is_named() -> None:
    assert asked(None, {}, enough=0) == []


def test_a_backend_is_reached_through_the_api_server() -> None:
    assert Backend(FakeKube({"web:80/proxy/x": "y"}), "shop", "web", "80").get("/x") == b"y"
