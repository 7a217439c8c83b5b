"""A read model on a MongoDB-protocol server catches up with the log."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from benchmarks.database import fresh_mongodb
from benchmarks.figures import Figures, at_least
from benchmarks.raw import mongodb_upserts
from benchmarks.rebuilding import rebuild_rate
from twofold.ops.services import provided

NAME = "catch-up-mongodb"
GOAL = at_least(0.6)
UNIT = "of raw"
EVENTS, BATCH = 20_000, 500


def run() -> Figures:
    """Events applied per document that the plain driver writes in the same time.

    The server of the tests is slow, so only the share tells something; it is measured between two
    measurements of the driver.
    """
    with provided("mongodb") as address, tempfile.TemporaryDirectory() as folder:
        log = f"sqlite:///{Path(folder) / 'log.db'}"
        before = mongodb_upserts(address, BATCH).figure
        runner = asyncio.Runner()
        context = fresh_mongodb(address)
        fresh = runner.run(context.__aenter__())
        try:
            rate = rebuild_rate(log, read=fresh, events=EVENTS, batch=BATCH)
        finally:
            runner.run(context.__aexit__(None, None, None))
            runner.close()
        raw = (before + mongodb_upserts(address, BATCH).figure) / 2
    details = {"events_per_second": round(rate), "raw_documents_per_second": round(raw)}
    return Figures(rate / raw, 1.0, None, details | {"events": EVENTS})
