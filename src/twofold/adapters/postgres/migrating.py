"""Bringing the schema of a database up to date, while other processes work and start."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import Sequence
from typing import Any

import structlog

from twofold.adapters.migrations import Migration, applying, migrations, missing
from twofold.adapters.postgres.appending import LOCK
from twofold.adapters.postgres.database import PostgresDatabase

_LOG = structlog.get_logger("twofold.postgres")
_STORE = "PostgreSQL"
_NOTE = "insert into twofold.migration values ($1, $2)"
# Whoever waited within a statement would hold a snapshot, and the index waits for all of those.
_TRY_TURN = "select pg_try_advisory_lock(8434717425)"
_TURN_SECONDS = 0.2
_VALID = "select indisvalid from pg_index where indexrelid = to_regclass($1)"
_ANY_TIME_SECONDS = 30 * 24 * 3600.0


async def migrate(database: PostgresDatabase) -> tuple[str, bytes]:
    """Apply what is missing, in order, and read or make the identity.

    Raises StoreUnavailable. What was applied until then stays, and the next start goes on.
    """
    while True:
        async with database.pinned() as connection, connection.transaction():
            index = await _apply(connection)
            if index is None:
                return await _identity(connection)
        await _build(database, index)


async def _apply(connection: Any) -> Migration | None:
    """What is missing as far as a transaction can do it, one process at a time.

    Answers the index that is to be built next, if any.
    """
    await connection.execute(LOCK)
    await connection.execute("create schema if not exists twofold")
    await connection.execute(
        "create table if not exists twofold.migration (name text primary key, checksum text)"
    )
    for migration in await _missing(connection):
        if migration.index and await _takes_time(connection, migration):
            return migration
        with applying(_STORE, migration):
            await connection.execute(migration.within_transaction)
        await connection.execute(_NOTE, migration.name, migration.checksum)
    return None


async def _takes_time(connection: Any, migration: Migration) -> bool:
    """Whether there is something to index, or some of the index.

    A new database has neither. Building beside writers would wait there for every transaction that
    anybody has open in it, and have no writer to spare.
    """
    begun = f"select to_regclass('{migration.index}') is not null"
    return bool(await connection.fetchval(f"{begun} or exists (select from {migration.indexed})"))


async def _missing(connection: Any) -> Sequence[Migration]:
    rows = await connection.fetch("select name, checksum from twofold.migration")
    return missing(_STORE, migrations(__package__ or ""), {row[0]: row[1] for row in rows})


async def _build(database: PostgresDatabase, migration: Migration) -> None:
    """Build an index while others write, unless another process does. It takes its time.

    Killed at any step it is begun again: what is left of an index is dropped, one that is whole is
    noted. A server that lost its client in the midst goes on, and holds its turn until it is done.
    """
    async with database.alone() as connection:
        await _take_turn(connection, migration)
        if migration not in await _missing(connection):
            return
        with applying(_STORE, migration):
            await _make(connection, migration)
        await connection.execute(_NOTE, migration.name, migration.checksum)


async def _take_turn(connection: Any, migration: Migration) -> None:
    told = False
    while not await connection.fetchval(_TRY_TURN):
        if not told:
            told = True
            _LOG.info("waiting for another process that builds an index", index=migration.index)
        await asyncio.sleep(_TURN_SECONDS)


async def _make(connection: Any, migration: Migration) -> None:
    valid = await connection.fetchval(_VALID, migration.index)
    if valid:
        return
    if valid is not None:
        drop = f"drop index concurrently {migration.index}"
        await connection.execute(drop, timeout=_ANY_TIME_SECONDS)
    _LOG.info("building an index; it waits for transactions that are open", index=migration.index)
    await connection.execute(migration.sql, timeout=_ANY_TIME_SECONDS)


async def _identity(connection: Any) -> tuple[str, bytes]:
    identity = await connection.fetchrow("select epoch, secret from twofold.identity")
    if identity is None:
        identity = (str(uuid.uuid4()), secrets.token_bytes(32))
        await connection.execute("insert into twofold.identity values ($1, $2)", *identity)
    return identity[0], identity[1]
