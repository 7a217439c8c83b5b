"""Timers fired per second on PostgreSQL with 100,000 others pending, and what those cost."""

from __future__ import annotations

from benchmarks.database import fresh_database
from benchmarks.figures import Figures, at_least
from benchmarks.raw import postgres_appends
from benchmarks.timers import PENDING, Measured, measured
from benchmarks.workload import on_fast_loop
from twofold.ops.services import provided

NAME = "timers-postgres"
GOAL = at_least(2_000)
UNIT = "timers/s"


def run() -> Figures:
    """One scheduler; every timer fired is a step of its instance, recorded in its history."""
    with provided("postgres") as address:

        async def ours() -> Measured:
            async with fresh_database(address) as fresh:
                return await measured(fresh)

        found = on_fast_loop(ours)
        raw = postgres_appends(address)
    details = {
        "pending": PENDING,
        "idle_percent_of_a_core": round(found.idle_percent, 2),
        "fired_with_a_command_each_per_second": round(found.sent),
        "set_per_second": round(found.steps),
    }
    return Figures(found.fired, raw.figure, None, details)
