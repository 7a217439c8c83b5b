"""A rebuild beside live load: how much later the slowest of a hundred commands become visible."""

from __future__ import annotations

import asyncio

import msgspec

from benchmarks.database import fresh_database
from benchmarks.figures import Figures, at_most
from benchmarks.rebuilding_live import live
from twofold.ops.services import provided

NAME = "rebuild-live-postgres"
GOAL = at_most(1.2)
UNIT = "of the p99 without"


def run() -> Figures:
    """500 commands/s, and a rebuild of 100,000 events with a tenth of the time."""
    with provided("postgres") as address, asyncio.Runner() as runner:
        context = fresh_database(address)
        fresh = runner.run(context.__aenter__())
        try:
            found = live(fresh)
        finally:
            runner.run(context.__aexit__(None, None, None))
    return Figures(found.p99_beside / found.p99_without, 1.0, None, msgspec.to_builtins(found))
