"""Ending tasks for good."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

_AGAIN_SECONDS = 2.0


class AtHand:
    """Whether a worker is in the midst of something, which is to be finished before it is ended."""

    def __init__(self) -> None:
        self._nothing = asyncio.Event()
        self._nothing.set()

    @contextmanager
    def working(self) -> Iterator[None]:
        """All that the worker does; but for the time that it is ``resting``."""
        self._nothing.clear()
        try:
            yield
        finally:
            self._nothing.set()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """It waits for something to do, and may be ended."""
        self._nothing.set()
        try:
            yield
        finally:
            self._nothing.clear()

    async def finished(self) -> None:
        """Wait until it may be ended; it has been told to begin nothing new."""
        await self._nothing.wait()


async def finish(at_hand: Iterable[AtHand], seconds: float) -> None:
    """Wait until nothing is at hand any more, but not longer than that."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            for one in at_hand:
                await one.finished()


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel them until all have ended; what they raise is theirs to report.

    A driver may swallow a cancellation, and what goes on for ever would then be waited for as long.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN_SECONDS)
