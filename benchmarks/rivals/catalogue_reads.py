"""Catalogue pages per second of the conventional design, at one worker on one core.

``python -m benchmarks.rivals.catalogue_reads postgres|sqlite [OFFERS] [SECONDS]``.
"""

from __future__ import annotations

import asyncio
import sys

from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.catalogue import catalogue_paths
from benchmarks.load import load
from benchmarks.rivals.answer import print_answer
from benchmarks.rivals.catalogue_models import seed
from benchmarks.rivals.crud_reads import PACKAGES, database
from benchmarks.served import served


async def filled(address: str, count: int) -> None:
    engine = create_async_engine(address)
    try:
        await seed(engine, count)
    finally:
        await engine.dispose()


def main(kind: str = "", count: str = "100000", seconds: str = "10") -> None:
    """Print the figures: one client after another, so that times are those of the work."""
    if kind not in ("postgres", "sqlite"):
        raise SystemExit("say postgres or sqlite")
    with database(kind) as address:
        asyncio.run(filled(address, int(count)))
        with served("benchmarks.rivals.catalogue_app:app", {"CRUD_DATABASE": address}) as server:
            seen = load(
                server.url,
                catalogue_paths(),
                server_pid=server.pid,
                connections=1,
                seconds=float(seconds),
            )
    rate = seen.requests_per_second
    details = {"offers": int(count), "page": seen.details()}
    print_answer(f"catalogue-{kind}", rate, "requests/s", packages=PACKAGES, details=details)


if __name__ == "__main__":
    main(*sys.argv[1:])
