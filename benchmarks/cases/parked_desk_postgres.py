"""Listing, showing and releasing with 100,000 parked sequences, on PostgreSQL."""

from __future__ import annotations

import asyncio

import msgspec

from benchmarks.database import fresh_database
from benchmarks.figures import Figures, at_most
from benchmarks.parking import desk
from twofold.ops.services import provided

NAME = "parked-desk-postgres"
GOAL = at_most(50)
UNIT = "ms"


def run() -> Figures:
    """The slowest of the three, the 95th of a hundred. There is no raw limit but the goal."""
    with provided("postgres") as address, asyncio.Runner() as runner:
        context = fresh_database(address)
        fresh = runner.run(context.__aenter__())
        try:
            times = desk(fresh)
        finally:
            runner.run(context.__aexit__(None, None, None))
    return Figures(times.worst, GOAL.bound, None, msgspec.to_builtins(times))
