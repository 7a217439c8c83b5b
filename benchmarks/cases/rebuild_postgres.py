"""Rebuild of a read model from the log, PostgreSQL to PostgreSQL."""

from __future__ import annotations

import asyncio

from benchmarks.database import fresh_database
from benchmarks.figures import Figures, at_least
from benchmarks.raw import postgres_upserts
from benchmarks.rebuilding import EVENTS, rebuild_rate
from benchmarks.rivals.launch import measure
from twofold.ops.services import provided

NAME = "rebuild-postgres"
GOAL = at_least(40_000)
UNIT = "events/s"


def run() -> Figures:
    """100,000 events over 1,000 documents."""
    with provided("postgres") as address:
        runner = asyncio.Runner()
        context = fresh_database(address)
        fresh = runner.run(context.__aenter__())
        try:
            rate = rebuild_rate(fresh)
        finally:
            runner.run(context.__aexit__(None, None, None))
            runner.close()
        raw = postgres_upserts(address)
        rival = measure("eventsourcing-projection", address)
    return Figures(rate, raw.figure, rival["figure"], {"events": EVENTS})
