"""Pages of the console on a log of 5 million events, on PostgreSQL."""

from __future__ import annotations

import asyncio

from benchmarks.console import pages
from benchmarks.database import fresh_database
from benchmarks.figures import Figures, at_most
from twofold.ops.services import provided

NAME = "console-pages-postgres"
GOAL = at_most(100)
UNIT = "ms"


def run() -> Figures:
    """The slowest page; BENCHMARK_EVENTS makes the log shorter."""
    with provided("postgres") as address:
        return asyncio.run(_run(address))


async def _run(address: str) -> Figures:
    async with fresh_database(address) as fresh:
        return await asyncio.to_thread(pages, fresh)
