"""Clerks of the shop: they write orders into the ledger and ask how many there are."""

from random import randint

from locust import FastHttpUser, between, task


class Clerk(FastHttpUser):
    wait_time = between(1, 3)

    @task(3)
    def count(self) -> None:
        self.client.get("/orders")

    @task(1)
    def write(self) -> None:
        self.client.post("/orders", json={"product": randint(1, 8)})  # noqa: S311
