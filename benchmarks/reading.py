"""Reads per second over HTTP, from one server process on one core."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.load import Load, load
from benchmarks.served import served
from benchmarks.workload import STREAMS, on_fast_loop, send_all, system

COMMANDS = 20_000
PAGE = "/orders?parity=odd&sortBy=steps&sortDirection=desc&size=20"


def reads() -> tuple[Load, Load]:
    """One stored document by its id; a filtered, sorted page of 20 with its total (SQLite)."""
    with tempfile.TemporaryDirectory() as folder:
        address = f"sqlite:///{Path(folder) / 'read.db'}"

        async def filled() -> None:
            async with system(address, "inline", frozenset({"api"})) as running:
                await send_all(running, COMMANDS, 200)

        on_fast_loop(filled)
        with served("benchmarks.serving:app", {"BENCHMARK_DATABASE": address}) as server:
            one = [f"/orders/o-{number:05}" for number in range(0, STREAMS, 10)]
            return tuple(  # type: ignore[return-value]
                load(server.url, paths, server_pid=server.pid) for paths in (one, [PAGE])
            )
