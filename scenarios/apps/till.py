"""The till: takes orders and keeps them in the ledger. Without the ledger it can do nothing, and says so: not ready."""

from __future__ import annotations

import json
import os

from backend import call
from server import run
from service import Refusal, Reply, Request, Service, as_json

LEDGER = os.environ.get("LEDGER_URL", "http://ledger:8080")


def count(_: Request) -> Reply:
    return as_json(call(LEDGER, "GET", "/orders"))


def order(request: Request) -> Reply:
    try:
        wanted = json.loads(request.body)
    except ValueError:
        raise Refusal(400, "an order is JSON") from None
    return as_json(call(LEDGER, "POST", "/orders", wanted), 201)


def has_ledger() -> bool:
    try:
        call(LEDGER, "GET", "/orders")
    except Refusal:
        return False
    return True


if __name__ == "__main__":
    run(Service("till", {"GET /orders": count, "POST /orders": order}, ready=has_ledger))
