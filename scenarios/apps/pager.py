"""Where Alertmanager sends its notifications: stands for the phone that rings at night. `GET /pages` lists them."""

from __future__ import annotations

import json
import time
from collections import deque
from typing import Any

from server import run
from service import Refusal, Reply, Request, Service, as_json
from telemetry import log

PAGES_MAX = 1000
PAGES: deque[dict[str, Any]] = deque(maxlen=PAGES_MAX)


def page(request: Request) -> Reply:
    """One notification, in the form of Alertmanager's webhooks."""
    try:
        alerts = [(a["labels"]["alertname"], a["status"]) for a in json.loads(request.body)["alerts"]]
    except (ValueError, KeyError, TypeError):
        raise Refusal(400, "a page is a notification of Alertmanager") from None
    for name, status in alerts:
        PAGES.append({"time": round(time.time(), 3), "alert": name, "status": status})
        log("info", "page", alert=name, status=status)
    return as_json({"pages": len(PAGES)}, 201)


def pages(_: Request) -> Reply:
    return as_json({"pages": list(PAGES)})


if __name__ == "__main__":
    run(Service("pager", {"POST /page": page, "GET /pages": pages}))
