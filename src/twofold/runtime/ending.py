"""Ending tasks for good."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

_AGAIN_SECONDS = 2.0


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel them until all have ended; what they raise is theirs to report.

    A driver may swallow a cancellation, and what goes on for ever would then be waited for as long.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN_SECONDS)
