"""Visitors of the shop: most look around, some look closer, a few order."""

from random import randint

from locust import FastHttpUser, between, task


class Visitor(FastHttpUser):
    wait_time = between(1, 3)

    @task(8)
    def look_around(self) -> None:
        self.client.get("/")

    @task(3)
    def look_closer(self) -> None:
        self.client.get(f"/product/{randint(1, 8)}", name="/product/{id}")  # noqa: S311

    @task(1)
    def order(self) -> None:
        self.client.post("/order", json={"product": randint(1, 8)})  # noqa: S311
