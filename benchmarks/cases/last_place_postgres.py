"""A thousand people for one last place on PostgreSQL: one booking, the rest queued."""

from __future__ import annotations

import asyncio

from benchmarks.database import fresh_database
from benchmarks.figures import Figures, at_least
from benchmarks.last_place import details, race
from benchmarks.raw import postgres_appends
from twofold.ops.services import provided

NAME = "last-place-postgres"
GOAL = at_least(1_000)
UNIT = "decisions/s"


def run() -> Figures:
    """All at once, in one process with its processes and projectors."""
    with provided("postgres") as address:
        rate, times = asyncio.run(_on_fresh(address))
        raw = postgres_appends(address)
    return Figures(rate, raw.figure, None, details(times))


async def _on_fresh(address: str) -> tuple[float, list[float]]:
    async with fresh_database(address) as fresh:
        return await asyncio.to_thread(race, fresh)
