"""Waiting for the first of several things."""

import asyncio
from typing import Any


async def first_of(*futures: "asyncio.Future[Any]", timeout: float | None = None) -> None:
    """Until one of them is done or the time-out is over; none is cancelled."""
    await asyncio.wait(futures, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
