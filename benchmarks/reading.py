"""Reads per second over HTTP, from one server process on one core, beside the usual design."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from benchmarks.database import fresh_database
from benchmarks.figures import Figures
from benchmarks.load import Load, load
from benchmarks.orders_app import filled
from benchmarks.paths import ONE_ORDER_PATHS, page_paths
from benchmarks.raw import bare_asgi_gets
from benchmarks.rivals.launch import measure
from benchmarks.served import served
from twofold.ops.services import provided

ORDERS = 20_000
Store = Literal["sqlite", "postgres"]
What = Literal["document", "page"]


def figures(store: Store, what: What) -> Figures:
    """Ours, FastAPI with SQLAlchemy on normalised tables, and bare ASGI, one after another."""
    seen, rival = _compared(store)
    theirs: Mapping[str, Any] = rival["details"][what]
    ours = seen[what]
    details = {
        "orders": ORDERS,
        "p50_ms": ours.p50_ms,
        "p99_ms": ours.p99_ms,
        "requests_per_cpu_second": round(ours.requests_per_cpu_second),
        "rival_requests_per_cpu_second": round(theirs["requests_per_cpu_second"]),
        "generator": ours.generator,
    }
    raw = bare_asgi_gets().figure
    return Figures(ours.requests_per_second, raw, theirs["requests_per_second"], details)


@cache
def _compared(store: Store) -> tuple[dict[What, Load], Mapping[str, Any]]:
    """Both kinds of reads come out of one run; two benchmarks tell of it."""
    with provided("postgres") as address:
        rival = measure(f"crud-{store}", address, str(ORDERS))
        if store == "postgres":
            return asyncio.run(_on_postgres(address)), rival
    with tempfile.TemporaryDirectory() as folder:
        ours = f"sqlite:///{Path(folder) / 'read.db'}"
        return _loads(ours, asyncio.run(filled(ours, ORDERS))), rival


async def _on_postgres(address: str) -> dict[What, Load]:
    async with fresh_database(address) as fresh:
        ids = await filled(fresh, ORDERS)
        return await asyncio.to_thread(_loads, fresh, ids)


def _loads(address: str, ids: list[str]) -> dict[What, Load]:
    one_order = [f"/orders/{order_id}" for order_id in ids[:: len(ids) // ONE_ORDER_PATHS]]
    with served("benchmarks.orders_app:app", {"BENCHMARK_DATABASE": address}) as server:
        return {
            "document": load(server.url, one_order, server_pid=server.pid),
            "page": load(server.url, page_paths(), server_pid=server.pid),
        }
