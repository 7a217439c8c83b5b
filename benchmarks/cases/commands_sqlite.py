"""Durable commands per second on SQLite with synchronous=FULL."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.figures import Figures, at_least
from benchmarks.raw import sqlite_appends
from benchmarks.workload import on_fast_loop, percentile, send_all, system

NAME = "commands-sqlite"
GOAL = at_least(10_000)
UNIT = "commands/s"
COMMANDS, CLIENTS = 60_000, 200


def run() -> Figures:
    """200 clients, 1,000 streams, one process."""
    with tempfile.TemporaryDirectory() as folder:

        async def ours() -> tuple[float, list[float]]:
            address = f"sqlite:///{Path(folder) / 'log.db'}"
            async with system(address, "async", frozenset({"api"})) as running:
                await send_all(running, COMMANDS // 4, CLIENTS)
                return await send_all(running, COMMANDS, CLIENTS)

        rate, times = on_fast_loop(ours)
    details = {
        "clients": CLIENTS,
        "p50_ms": percentile(times, 0.5),
        "p99_ms": percentile(times, 0.99),
    }
    return Figures(rate, sqlite_appends().figure, None, details)
