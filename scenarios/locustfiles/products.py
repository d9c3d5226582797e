"""Visitors of the catalog: most leaf through it, some look closer."""

from random import randint

from locust import FastHttpUser, between, task


class Visitor(FastHttpUser):
    wait_time = between(1, 3)

    @task(3)
    def leaf_through(self) -> None:
        self.client.get("/products")

    @task(1)
    def look_closer(self) -> None:
        self.client.get(f"/products/{randint(1, 8)}", name="/products/{id}")  # noqa: S311
