"""Visitors who only look: they need the storefront and its catalog, and nothing of the store."""

from random import randint

from locust import FastHttpUser, between, task


class Visitor(FastHttpUser):
    wait_time = between(1, 3)

    @task(3)
    def look_around(self) -> None:
        self.client.get("/")

    @task(1)
    def look_closer(self) -> None:
        self.client.get(f"/product/{randint(1, 8)}", name="/product/{id}")  # noqa: S311
