"""Waiting for a while, or until somebody has news."""

from __future__ import annotations

import asyncio

from twofold.ports.time_and_chance import Clock


class Alarm:
    """One task waits, any number ring. A ring while nobody waits ends the next wait at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """There is news."""
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Return when it rings, at the latest after ``seconds``."""
        if not self._rung.is_set() and seconds > 0:
            waiting = [
                asyncio.ensure_future(self._rung.wait()),
                asyncio.ensure_future(self._clock.sleep(seconds)),
            ]
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in waiting:
                    one.cancel()
        self._rung.clear()
