"""Asks the workload's own monitoring once a second what it knows: Prometheus, Alertmanager, the store of its logs.

They are asked as Services through the API server's proxy, one way for every cluster. What is recorded are their
answers, and also that there was none; nothing is judged here.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import quote

from requests import PreparedRequest, RequestException, Response, Session
from requests.adapters import BaseAdapter

from chaos.kube import Kube, KubeError, Obj, Refused
from chaos.recording import Asked, Fault, Record, Recorder
from chaos.scenario import Monitoring
from loadgen.units import Duration

EVERY = Duration(1)
TIMEOUT = Duration(2)
# Never resolved: what is sent there goes through the API server.
PROMETHEUS = "http://prometheus.invalid"
SENT = re.compile(r"^alertmanager_notifications(_failed)?_total(?:\{.*\})? (\S+)$", re.MULTILINE)

Answer = tuple[str, Obj]
"""One line that says it, and the facts."""


@dataclass(frozen=True, slots=True)
class Backend:
    """A Service of one variant, reached through the API server."""

    kube: Kube
    namespace: str
    name: str
    port: str

    @property
    def path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/services/{self.name}"

    def get(self, path: str) -> bytes:
        """Raises KubeError."""
        return self.kube.request("GET", f"{self.path}:{self.port}/proxy{path}", accept="*/*", timeout=TIMEOUT)


class Through(BaseAdapter):
    """Carries the requests of a `requests` session to a Service: how a client library comes to speak to it."""

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self._backend = backend

    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:
        """Raises KubeError."""
        response = Response()
        response.raw = BytesIO(self._backend.get(request.path_url))
        response.status_code, response.url, response.request = 200, request.url or "", request
        return response

    def close(self) -> None:
        """Nothing is held."""


def prometheus(backend: Backend, alert: str) -> Callable[[], Answer]:
    """What Prometheus says of an alert and of its targets. The client library is loaded when this is first called."""
    from prometheus_api_client import PrometheusConnect  # noqa: PLC0415  # only who asks for it pays for it

    session = Session()
    client = PrometheusConnect(url=PROMETHEUS, session=session)
    # The longest prefix wins: the client's own adapter would go by the network.
    session.mount(f"{PROMETHEUS}/", Through(backend))

    def ask() -> Answer:
        groups = session.get(f"{PROMETHEUS}/api/v1/rules", params={"type": "alert"}).json()["data"]["groups"]
        rule = next((r for g in groups for r in g["rules"] if r["name"] == alert), None)
        targets = client.get_targets("active")["activeTargets"]
        series = client.custom_query(f'ALERTS{{alertname="{alert}"}}')
        up = sum(t["health"] == "up" for t in targets)
        facts = {"alert": alert, **_rule(rule), "targets": len(targets), "up": up}
        facts["alerts"] = [s["metric"] for s in series]
        said = f"{alert} is {facts['state']}" if rule else f"no rule {alert} is loaded"
        return f"{said}; {up} of {len(targets)} targets up", facts

    return ask


def _rule(rule: Obj | None) -> Obj:
    """`state` is absent without a rule; `active_at` is when the alert became pending, by Prometheus' clock."""
    if rule is None:
        return {"state": "absent"}
    active = [a["activeAt"] for a in rule.get("alerts") or ()]
    return {
        "state": rule["state"],
        "health": rule["health"],
        "error": rule.get("lastError", ""),
        "active_at": min(active, default=""),
    }


def alertmanager(backend: Backend, alert: str) -> Callable[[], Answer]:
    """Whether Alertmanager has the alert, for which receivers, and how many notifications went out."""

    def ask() -> Answer:
        found = [a for a in json.loads(backend.get("/api/v2/alerts")) if a["labels"].get("alertname") == alert]
        counts = SENT.findall(backend.get("/metrics").decode(errors="replace"))
        facts = {
            "alert": alert,
            "active": any(a["status"]["state"] == "active" for a in found),
            "receivers": sorted({r["name"] for a in found for r in a["receivers"]}),
            "notified": sum(float(n) for failed, n in counts if not failed),
            "failed": sum(float(n) for failed, n in counts if failed),
        }
        said = f"{alert} is {'active' if facts['active'] else 'not active'}"
        return f"{said}; {facts['notified']:g} notifications, {facts['failed']:g} failed", facts

    return ask


@dataclass(eq=False)
class Words:
    """What some pods said last, learned from the record of the fault, and then looked for in the store of logs."""

    variant: str
    said: list[str] = field(default_factory=list)

    def hear(self, record: Record) -> None:
        if isinstance(record, Fault) and record.variant == self.variant and record.step == "inject":
            self.said += [str(w) for w in (record.data.get("last_words"),) if w]


def logs(backend: Backend, query: str, words: str) -> Answer:
    """Whether a line with the words can still be found. A Service that is not there is an answer: nobody keeps them."""
    try:
        found = words in backend.get("/" + query.replace("{words}", quote(words, safe=""))).decode(errors="replace")
    except KubeError:
        if not _absent(backend):
            raise
        return f"there is no Service {backend.name}", {"words": words, "store": False, "found": False}
    return f"{words} {'found' if found else 'not found'}", {"words": words, "store": True, "found": found}


def _absent(backend: Backend) -> bool:
    try:
        backend.kube.json("GET", backend.path)
    except Refused as refusal:
        return refusal.code == 404
    return False


@contextmanager
def ask_monitoring(
    kube: Kube,
    namespace: str,
    variant: str,
    monitoring: Monitoring | None,
    recorder: Recorder,
    ended: Callable[[], bool],
) -> Iterator[None]:
    """While the block runs, every answer goes into the recording."""
    over, words = threading.Event(), Words(variant)
    recorder.listeners.append(words.hear)
    asks = _asks(kube, namespace, monitoring, words, recorder, variant) if monitoring else []
    threads = [
        threading.Thread(target=_repeat, args=(ask, lambda: over.is_set() or ended(), over), daemon=True)
        for ask in asks
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(3 * TIMEOUT.seconds)
        recorder.listeners.remove(words.hear)


def _asks(
    kube: Kube, namespace: str, wanted: Monitoring, words: Words, recorder: Recorder, variant: str
) -> list[Callable[[], None]]:
    def backend(place: str) -> Backend:
        name, _, port = place.partition(":")
        return Backend(kube, namespace, name, port)

    def noted(source: str, ask: Callable[[], Answer]) -> None:
        try:
            detail, data = ask()
        except (KubeError, RequestException, ValueError, KeyError, TypeError) as error:
            recorder.write(Asked, variant, source=source, ok=False, detail=f"no answer: {error}"[:300])
        else:
            recorder.write(Asked, variant, source=source, ok=True, detail=detail, data=data)

    def ask_logs() -> None:
        place, _, query = wanted.logs.partition("/")
        for said in tuple(words.said):
            noted("logs", lambda said=said: logs(backend(place), query, said))  # type: ignore[misc]  # bound at once

    found: list[Callable[[], None]] = []
    if wanted.alert:
        ask_prometheus = prometheus(backend(wanted.prometheus), wanted.alert)
        ask_alertmanager = alertmanager(backend(wanted.alertmanager), wanted.alert)
        found.append(lambda: noted("prometheus", ask_prometheus))
        found.append(lambda: noted("alertmanager", ask_alertmanager))
    return [*found, ask_logs] if wanted.logs else found


def _repeat(ask: Callable[[], None], ended: Callable[[], bool], over: threading.Event) -> None:
    while not ended():
        began = time.monotonic()
        ask()
        over.wait(max(0.0, EVERY.seconds - (time.monotonic() - began)))
