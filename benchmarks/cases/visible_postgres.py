"""Commit to visible in the asynchronous read model at 1,000 commands/s, PostgreSQL."""

from __future__ import annotations

import asyncio

from benchmarks.database import fresh_database
from benchmarks.figures import Figures, at_most
from benchmarks.freshness import COMMANDS_PER_SECOND, visible_after
from benchmarks.raw import postgres_upserts
from benchmarks.workload import percentile
from twofold.ops.services import provided

NAME = "visible-postgres"
GOAL = at_most(5)
UNIT = "ms (median)"


def run() -> Figures:
    """The median; the raw limit is one transaction that writes ten rows and the checkpoint."""
    with provided("postgres") as address, asyncio.Runner() as runner:
        context = fresh_database(address)
        fresh = runner.run(context.__aenter__())
        try:
            times = visible_after(fresh)
        finally:
            runner.run(context.__aexit__(None, None, None))
        raw = 1e3 * 10 / postgres_upserts(address, batch=10).figure
    details = {
        "commands_per_second": COMMANDS_PER_SECOND,
        "p99_ms": percentile(times, 0.99),
        "p99_goal_ms": 25,
    }
    return Figures(percentile(times, 0.5), raw, None, details)
