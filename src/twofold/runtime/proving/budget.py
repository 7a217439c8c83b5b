"""A share of the time: whoever has worked rests as long as its share asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from twofold.ports.time_and_chance import Clock


class Budget:
    """``share`` of the time passed, from 0 to 1. What the stores take counts as work as well.

    ``worked_seconds`` is all work so far.
    """

    def __init__(self, share: float, clock: Clock) -> None:
        self.worked_seconds = 0.0
        self._share = share
        self._clock = clock

    @asynccontextmanager
    async def work(self) -> AsyncIterator[None]:
        """The block is work; whoever leaves it has rested for it, unless it raised."""
        begun = self._clock.monotonic()
        try:
            yield
        finally:
            seconds = self._clock.monotonic() - begun
            self.worked_seconds += seconds
        await self._clock.sleep(seconds * (1 - self._share) / self._share)
