"""Waiting for what this process or another one commits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from twofold.adapters.sqlite.database import SqliteDatabase, translated

_LOOK_SECONDS = 0.015
_QUIET_LOOK_SECONDS = 0.1


async def wait_for_change(
    database: SqliteDatabase,
    news: asyncio.Event,
    look: Callable[[], Awaitable[bool]],
    timeout_seconds: float,
) -> None:
    """Return once ``look`` has found something or ``news`` is set, at the latest after the timeout.

    What another process commits is seen within some 15 ms. While nothing happens, the looks become
    rarer, up to one in a tenth of a second.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_seconds
    seen = _data_version(database)
    # Whatever was committed before this look is found by it, whatever comes later wakes.
    if await look():
        return
    pause = _LOOK_SECONDS
    while (left := deadline - loop.time()) > 0:
        try:
            async with asyncio.timeout(min(pause, left)):
                await news.wait()
            return
        except TimeoutError:
            version = _data_version(database)
            if version != seen and await look():
                return
            seen, pause = version, min(pause * 1.25, _QUIET_LOOK_SECONDS)


def _data_version(database: SqliteDatabase) -> int:
    """Changes when another connection commits; reading it touches no table."""
    with translated(database.path):
        row = database.reading.execute("pragma data_version").fetchone()
    return int(row[0])
