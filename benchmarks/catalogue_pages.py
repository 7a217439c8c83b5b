"""A catalogue page with three filters, sort, total and facets over 100,000 offers."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any, Literal

from benchmarks.catalogue import OFFERS, catalogue_paths
from benchmarks.catalogue_app import filled
from benchmarks.database import fresh_database
from benchmarks.figures import Figures
from benchmarks.load import Load, load
from benchmarks.raw import bare_asgi_gets
from benchmarks.rivals.launch import measure
from benchmarks.served import served
from twofold.ops.services import provided

SECONDS = 10.0


def figures(store: Literal["sqlite", "postgres"]) -> Figures:
    """The 95th of 100 requests in milliseconds, one after another; the rival's in the same run.

    Totals and facets hold as long as the read model's position, so most requests read the page
    alone; ``first_ms`` is what they cost when everything has to be counted.
    """
    with provided("postgres") as address:
        rival = measure(f"catalogue-{store}", address, str(OFFERS))["details"]["page"]
        if store == "postgres":
            first, seen = asyncio.run(_on_postgres(address))
        else:
            with tempfile.TemporaryDirectory() as folder:
                ours = f"sqlite:///{Path(folder) / 'catalogue.db'}"
                asyncio.run(filled(ours, OFFERS))
                first, seen = _loads(ours)
    raw = 1e3 / bare_asgi_gets(connections=1).figure
    return Figures(seen.p95_ms, raw, rival["p95_ms"], _details(first, seen, rival))


async def _on_postgres(address: str) -> tuple[Load, Load]:
    async with fresh_database(address) as fresh:
        await filled(fresh, OFFERS)
        return await asyncio.to_thread(_loads, fresh)


def _loads(address: str) -> tuple[Load, Load]:
    """Each list for the first time, then all of them again and again."""
    paths = catalogue_paths()
    with served("benchmarks.catalogue_app:app", {"BENCHMARK_DATABASE": address}) as server:
        first = load(
            server.url, paths, server_pid=server.pid, connections=1, seconds=SECONDS / 2, warm=False
        )
        return first, load(server.url, paths, server_pid=server.pid, connections=1, seconds=SECONDS)


def _details(first: Load, seen: Load, rival: dict[str, Any]) -> dict[str, object]:
    return {
        "offers": OFFERS,
        "mean_ms": round(1e3 / seen.requests_per_second, 2),
        "first_ms": first.p95_ms,
        "requests_per_second": round(seen.requests_per_second),
        "cpu_ms_per_request": round(1e3 / seen.requests_per_cpu_second, 2),
        "rival_mean_ms": round(1e3 / rival["requests_per_second"], 2),
        "rival_requests_per_second": round(rival["requests_per_second"], 1),
        "rival_cpu_ms_per_request": round(1e3 / rival["requests_per_cpu_second"], 2),
        "generator": seen.generator,
    }
