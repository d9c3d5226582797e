"""The storefront: what users see. It asks the catalog for every page and hands orders to the store."""

from __future__ import annotations

import json
import os
from html import escape
from typing import Any

import faults
from backend import call
from server import run
from service import Refusal, Reply, Request, Service, as_json, as_text

CATALOG = os.environ.get("CATALOG_URL", "http://catalog:8080")
STORE = os.environ.get("STORE_URL", "http://store:8080")
LEAK = faults.Leak()
ERRORS = faults.Errors()


def home(_: Request) -> Reply:
    LEAK.drip()
    ERRORS.strike()
    rows = "".join(_row(product) for product in call(CATALOG, "GET", "/products"))
    page = f"<!doctype html><title>Harbour Supplies</title><h1>Harbour Supplies</h1><ul>{rows}</ul><p>{_orders()}</p>\n"
    return as_text(page, content_type="text/html; charset=utf-8")


def _row(product: dict[str, Any]) -> str:
    return f'<li><a href="/product/{product["id"]}">{escape(product["name"])}</a> {_price(product)}</li>'


def _price(product: dict[str, Any]) -> str:
    return f"{product['cents'] / 100:.2f}"


def _orders() -> str:
    # The page is worth showing without this line, so a store that is away costs only the line.
    try:
        return f"{call(STORE, 'GET', '/orders')['count']} orders so far"
    except Refusal:
        return "orders are not counted at the moment"


def product(request: Request) -> Reply:
    LEAK.drip()
    ERRORS.strike()
    if not request.item.isdigit():
        raise Refusal(404, f"no product {request.item}")
    found = call(CATALOG, "GET", f"/products/{request.item}")
    page = f"<!doctype html><title>{escape(found['name'])}</title><h1>{escape(found['name'])}</h1>{_price(found)}\n"
    return as_text(page, content_type="text/html; charset=utf-8")


def order(request: Request) -> Reply:
    """Answered with the order's number only after the store has it on disk."""
    LEAK.drip()
    ERRORS.strike()
    try:
        wanted = {"product": int(json.loads(request.body)["product"])}
    except (ValueError, KeyError, TypeError):
        raise Refusal(400, 'an order is {"product": <number>}') from None
    return as_json(call(STORE, "POST", "/orders", wanted), 201)


def service() -> Service:
    shop = Service("storefront", {"GET /": home, "GET /product/{item}": product, "POST /order": order})
    shop.routes.update(faults.routes(LEAK, ERRORS, shop))
    return shop


if __name__ == "__main__":
    run(service())
