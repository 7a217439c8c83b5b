"""Requests per second of the conventional design, at one worker on one core.

``python -m benchmarks.rivals.crud_reads postgres|sqlite [ORDERS] [SECONDS]``. The figure is that of
one order with its lines; that of a filtered page stands in the details.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.load import Load, load
from benchmarks.paths import ONE_ORDER_PATHS, page_paths
from benchmarks.rivals.answer import postgres_address, print_answer
from benchmarks.rivals.crud_seed import seed
from benchmarks.served import served

PACKAGES = ("fastapi", "sqlalchemy", "pydantic", "uvicorn", "asyncpg", "aiosqlite")


@contextmanager
def database(kind: str) -> Iterator[str]:
    """The address of an empty database, as SQLAlchemy writes it."""
    if kind == "postgres":
        yield postgres_address().replace("postgresql://", "postgresql+asyncpg://", 1)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite+aiosqlite:///{Path(folder) / 'orders.db'}"


async def filled(address: str, count: int) -> list[str]:
    engine = create_async_engine(address)
    try:
        return await seed(engine, count)
    finally:
        await engine.dispose()


def measure(address: str, ids: Sequence[str], seconds: float) -> tuple[Load, Load]:
    """One order; a page."""
    one_order = [f"/orders/{order_id}" for order_id in ids[:: max(1, len(ids) // ONE_ORDER_PATHS)]]
    with served("benchmarks.rivals.crud_app:app", {"CRUD_DATABASE": address}) as server:
        loads = [
            load(server.url, paths, server_pid=server.pid, seconds=seconds)
            for paths in (one_order, page_paths())
        ]
    return loads[0], loads[1]


def main(kind: str = "", count: str = "20000", seconds: str = "5") -> None:
    """Print the figures."""
    if kind not in ("postgres", "sqlite"):
        raise SystemExit("say postgres or sqlite")
    with database(kind) as address:
        ids = asyncio.run(filled(address, int(count)))
        one_order, page = measure(address, ids, float(seconds))
    details = {"orders": len(ids), "document": one_order.details(), "page": page.details()}
    rate = one_order.requests_per_second
    print_answer(f"crud-{kind}", rate, "requests/s", packages=PACKAGES, details=details)


if __name__ == "__main__":
    main(*sys.argv[1:])
