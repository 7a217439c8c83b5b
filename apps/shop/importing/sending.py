"""Sending many commands with a bounded number under way, so that their commits are shared."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

_IN_FLIGHT = 1_500


class InFlight:
    """What is under way; ``async with`` waits for the rest of it, also after a failure."""

    def __init__(self, limit: int = _IN_FLIGHT) -> None:
        self._limit = limit
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> InFlight:
        return self

    async def __aexit__(self, *exc: object) -> None:
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def start(self, work: Coroutine[None, None, None]) -> None:
        """Begin ``work`` as soon as there is room. Raises what finished work raised."""
        while len(self._tasks) >= self._limit:
            done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                self._tasks.discard(task)
                task.result()
        self._tasks.add(asyncio.create_task(work))
