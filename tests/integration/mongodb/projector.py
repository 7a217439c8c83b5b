"""A projector process that kills itself: ``LOG READ STEP TIMES SMALL``; without a step it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.library import app
from twofold import RuntimeSettings, System
from twofold.adapters.mongodb.database import MongoDatabase
from twofold.adapters.mongodb.journals import Pace
from twofold.adapters.mongodb.read_store import MongoReadStore
from twofold.adapters.sqlite.database import SqliteDatabase
from twofold.adapters.sqlite.log import SqliteLog
from twofold.runtime.clock import SeededChance, SystemClock


async def main(log: str, read: str, step: str, times: int, inline_bytes: int) -> None:
    """Follow the log to its end."""
    left = times

    async def reached(here: str) -> None:
        nonlocal left
        left -= here == step
        if step and not left:
            os.kill(os.getpid(), signal.SIGKILL)

    pace = Pace(slice_rows=2, patience_seconds=0.05, inline_bytes=inline_bytes, piece_bytes=400)
    system = System(
        app,
        SqliteLog(SqliteDatabase(Path(log), synchronous="OFF")),
        MongoReadStore(MongoDatabase(read), pace=pace, reached=reached),
        clock=SystemClock(),
        chance=SeededChance(),
        settings=RuntimeSettings(projections="async", projection_batch=7),
        roles=frozenset({"projector"}),
    )
    async with system:
        await system.progress.reach(list(system.tables.values()), await system.log.head(), 60)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])))
