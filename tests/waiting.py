"""Waiting for a condition that nothing announces."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable

# Between two questions to a process that starts: who asks without one takes the time it needs.
PAUSE_SECONDS = 0.05


async def until(
    condition: Callable[[], bool | Awaitable[bool]],
    timeout_seconds: float = 20,
    pause_seconds: float = 0.01,
) -> None:
    """Return when it holds. Raises TimeoutError."""
    async with asyncio.timeout(timeout_seconds):
        while True:
            held = condition()
            if await held if inspect.isawaitable(held) else held:
                return
            await asyncio.sleep(pause_seconds)
