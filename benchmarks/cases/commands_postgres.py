"""Durable commands per second through the command bus: load, decide, append, record."""

from __future__ import annotations

from benchmarks.database import fresh_database
from benchmarks.figures import Figures, at_least
from benchmarks.raw import postgres_appends
from benchmarks.rivals.launch import measure
from benchmarks.workload import on_fast_loop, percentile, send_all, system
from twofold.ops.services import provided

NAME = "commands-postgres"
GOAL = at_least(12_000)
UNIT = "commands/s"
COMMANDS, CLIENTS = 60_000, 200


def run() -> Figures:
    """200 clients, 1,000 streams, one process."""
    with provided("postgres") as address:

        async def ours() -> tuple[float, list[float]]:
            async with (
                fresh_database(address) as fresh,
                system(fresh, "async", frozenset({"api"})) as running,
            ):
                await send_all(running, COMMANDS // 4, CLIENTS)
                return await send_all(running, COMMANDS, CLIENTS)

        rate, times = on_fast_loop(ours)
        raw = postgres_appends(address)
        rival = measure("eventsourcing-commands", address)
    details = {
        "clients": CLIENTS,
        "p50_ms": percentile(times, 0.5),
        "p99_ms": percentile(times, 0.99),
    }
    return Figures(rate, raw.figure, rival["figure"], details)
