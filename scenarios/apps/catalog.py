"""The catalog: what the shop sells. It needs nobody, and keeps nothing but sessions where they are switched on."""

import sessions
from server import run
from service import Refusal, Reply, Request, Service, as_json

SESSIONS = sessions.from_environment()

PRODUCTS = [
    {"id": 1, "name": "Storm lantern", "cents": 2450},
    {"id": 2, "name": "Oilskin coat", "cents": 8900},
    {"id": 3, "name": "Tide table", "cents": 650},
    {"id": 4, "name": "Bell buoy", "cents": 31900},
    {"id": 5, "name": "Signal flags", "cents": 4200},
    {"id": 6, "name": "Sandbag, empty", "cents": 180},
    {"id": 7, "name": "Ship's biscuit", "cents": 320},
    {"id": 8, "name": "Barometer", "cents": 12750},
]


def products(_: Request) -> Reply:
    SESSIONS.visit()
    return as_json(PRODUCTS)


def product(request: Request) -> Reply:
    SESSIONS.visit()
    for known in PRODUCTS:
        if str(known["id"]) == request.item:
            return as_json(known)
    raise Refusal(404, f"no product {request.item}")


if __name__ == "__main__":
    run(Service("catalog", {"GET /products": products, "GET /products/{item}": product}))
