"""Import of 320,705 real invoice lines with every read model in step, PostgreSQL."""

from __future__ import annotations

import asyncio

from benchmarks.database import fresh_database
from benchmarks.figures import Figures, at_most
from benchmarks.importing import imported
from benchmarks.raw import postgres_appends
from twofold.ops.services import provided

NAME = "import-postgres"
GOAL = at_most(30)
UNIT = "s"


def run() -> Figures:
    """In a process of its own; the raw limit appends as many rows."""
    with provided("postgres") as address:
        raw = postgres_appends(address).figure
        return asyncio.run(_run(address, raw))


async def _run(address: str, raw: float) -> Figures:
    async with fresh_database(address) as fresh:
        return await asyncio.to_thread(imported, fresh, raw)
