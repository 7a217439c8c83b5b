"""What this machine can do at most: the measure for everything else.

Each function takes some seconds and returns its figure with its unit.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
from pymongo import AsyncMongoClient, ReplaceOne

from benchmarks.database import fresh_database, fresh_mongodb
from benchmarks.load import load
from benchmarks.served import served
from twofold.ops.services import provided

EVENT_BYTES = 589
_EVENT = os.urandom(EVENT_BYTES)
_ROW = os.urandom(150)
_SECONDS = 3.0

_EVENT_TABLE = """
create table event (
    position bigint primary key,
    stream text collate "C" not null,
    version bigint not null,
    data bytea not null,
    unique (stream, version)
)
"""
_APPEND = (
    "insert into event select * from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bytea[])"
)

_MODEL_TABLES = """
create table model (id text collate "C" primary key, position bigint not null, data bytea not null)
    with (fillfactor = 60);
create table checkpoint (name text primary key, position bigint not null);
insert into checkpoint values ('model', 0)
"""
_UPSERT = (
    "insert into model select * from unnest($1::text[], $2::bigint[], $3::bytea[]) "
    "on conflict (id) do update set position = excluded.position, data = excluded.data"
)
_CHECKPOINT = "update checkpoint set position = $1 where name = 'model'"


class Limit(NamedTuple):
    """A figure that can't be exceeded on this machine in this way."""

    figure: float
    unit: str


def postgres_appends(address: str, batch: int = 100) -> Limit:
    """Events/s: one writer, batches by ``unnest``, one commit each, 1,000 streams."""
    return asyncio.run(_postgres(address, _EVENT_TABLE, _appending, batch, "events/s"))


def postgres_upserts(address: str, batch: int = 500) -> Limit:
    """Rows/s: one writer, batches by ``unnest``, the checkpoint in the same transaction."""
    return asyncio.run(_postgres(address, _MODEL_TABLES, _upserting, batch, "rows/s"))


def mongodb_upserts(address: str, batch: int = 500) -> Limit:
    """Documents/s: one writer, unordered bulk replaces by id, the checkpoint after each batch."""
    return asyncio.run(_mongodb(address, batch))


def sqlite_appends(folder: Path | None = None, batch: int = 100) -> Limit:
    """Rows/s: WAL, ``synchronous=FULL``, ``batch`` rows per commit."""
    with tempfile.TemporaryDirectory(dir=folder) as home:
        connection = sqlite3.connect(Path(home) / "raw.db", isolation_level=None)
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma synchronous=full")
        connection.execute(
            "create table event (position integer primary key, stream text, version integer, "
            "data blob, unique (stream, version))"
        )
        try:
            return Limit(_sqlite_rate(connection, batch), "rows/s")
        finally:
            connection.close()


def bare_asgi_gets(connections: int = 32) -> Limit:
    """Requests/s: uvicorn on one core, an application that returns constant bytes."""
    with served("benchmarks.bare_asgi:app") as server:
        seen = load(server.url, ["/"], server_pid=server.pid, connections=connections)
    return Limit(seen.requests_per_second, "requests/s")


Writing = Callable[[Any, int, int], Awaitable[None]]


async def _postgres(address: str, tables: str, write: Writing, batch: int, unit: str) -> Limit:
    async with fresh_database(address) as fresh:
        connection = await asyncpg.connect(fresh)
        try:
            await connection.execute(tables)
            return Limit(await _rate(connection, write, batch), unit)
        finally:
            await connection.close()


async def _mongodb(address: str, batch: int) -> Limit:
    async with fresh_mongodb(address) as fresh, AsyncMongoClient[dict[str, Any]](fresh) as client:
        return Limit(await _rate(client.get_default_database(), _replacing, batch), "documents/s")


async def _rate(connection: Any, write: Writing, batch: int) -> float:
    written, started = 0, time.perf_counter()
    while (took := time.perf_counter() - started) < _SECONDS:
        await write(connection, written, batch)
        written += batch
    return written / took


async def _appending(connection: Any, first: int, batch: int) -> None:
    positions = range(first + 1, first + batch + 1)
    streams = [f"order-{position % 1000}" for position in positions]
    versions = [position // 1000 for position in positions]
    data = [_EVENT for _ in positions]
    await connection.execute(_APPEND, list(positions), streams, versions, data)


async def _upserting(connection: Any, first: int, batch: int) -> None:
    positions = range(first + 1, first + batch + 1)
    # Five events for each document, as of an order: most rows are changed, not added.
    ids = [
        str(uuid.UUID(int=position // batch // 5 * batch + position % batch))
        for position in positions
    ]
    data = [_EVENT for _ in positions]
    async with connection.transaction():
        await connection.execute(_UPSERT, ids, list(positions), data)
        await connection.execute(_CHECKPOINT, positions[-1])


async def _replacing(database: Any, first: int, batch: int) -> None:
    positions = range(first + 1, first + batch + 1)
    documents = [
        {"_id": f"o-{position % 1_000:05}", "position": position, "data": _ROW}
        for position in positions
    ]
    replaces = [ReplaceOne({"_id": one["_id"]}, one, upsert=True) for one in documents]
    await database.model.bulk_write(replaces, ordered=False)
    await database.checkpoint.replace_one({"_id": "model"}, {"position": positions[-1]}, True)


def _sqlite_rate(connection: sqlite3.Connection, batch: int) -> float:
    written, started = 0, time.perf_counter()
    while (took := time.perf_counter() - started) < _SECONDS:
        rows = [
            (position, f"order-{position % 1000}", position // 1000, _EVENT)
            for position in range(written + 1, written + batch + 1)
        ]
        connection.execute("begin immediate")
        connection.executemany("insert into event values (?, ?, ?, ?)", rows)
        connection.execute("commit")
        written += batch
    return written / took


def main() -> None:
    """``python -m benchmarks.raw``: all limits of this machine."""
    with provided("postgres") as address:
        for measure in (postgres_appends, postgres_upserts):
            _print(measure.__name__, measure(address))
    _print(sqlite_appends.__name__, sqlite_appends())
    _print(bare_asgi_gets.__name__, bare_asgi_gets())


def _print(name: str, limit: Limit) -> None:
    print(f"{name:<20} {limit.figure:>10,.0f} {limit.unit}", flush=True)


if __name__ == "__main__":
    main()
