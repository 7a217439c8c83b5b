"""Append and rebuild rates on a log of 5 million events beside those on 100,000, PostgreSQL."""

from __future__ import annotations

import asyncio

from benchmarks.database import fresh_database
from benchmarks.figures import Figures, at_least
from benchmarks.long_log import kept_speed
from twofold.ops.services import provided

NAME = "long-log-postgres"
GOAL = at_least(0.9)
UNIT = "of the rate"


def run() -> Figures:
    """The slower of both; BENCHMARK_EVENTS makes the log shorter."""
    with provided("postgres") as address:
        return asyncio.run(_run(address))


async def _run(address: str) -> Figures:
    async with fresh_database(address) as fresh:
        return await asyncio.to_thread(kept_speed, fresh)
