"""The tables of read models on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from twofold.adapters._sql.statements import column_name, indexes, quoted
from twofold.adapters.postgres import groups
from twofold.adapters.postgres.dialect import TYPES
from twofold.errors import ShapeChanged
from twofold.ports.read_store import ColumnKind, Table, owner_of

_LOCK = "select pg_advisory_xact_lock(8434717424)"
_CHECKPOINT_COLUMNS = (
    "select attname from pg_attribute where not attisdropped "
    "and attrelid = 'twofold_read.\"$checkpoint\"'::regclass"
)
# Columns of checkpoints that came with later versions.
_LATER = {
    "parts": "text not null default ''",
    "served_from": "bigint not null default 0",
    "parked": "bigint not null default 0",
    "mended": "bigint not null default 0",
    "chosen_us": "bigint not null default 0",
}


async def prepare(connection: Any, tables: Sequence[Table]) -> None:
    """Create what is missing, one process at a time. Raises ShapeChanged."""
    async with connection.transaction():
        await connection.execute(_LOCK)
        await connection.execute("create schema if not exists twofold_read")
        await _prepare_checkpoints(connection)
        await connection.execute(
            'create table if not exists twofold_read."$model" (name text primary key, shape text)'
        )
        rows = await connection.fetch('select name, shape from twofold_read."$model"')
        known = {row[0]: row[1] for row in rows}
        for table in tables:
            shape = msgspec.json.encode(table).decode()
            if table.name not in known:
                await _create(connection, table)
                await connection.execute(
                    'insert into twofold_read."$model" values ($1, $2)', table.name, shape
                )
            elif known[table.name] != shape:
                raise ShapeChanged(table.name)
            await groups.keep(connection, table)


async def _prepare_checkpoints(connection: Any) -> None:
    """Add the columns that an older version's table lacks.

    Adding them "if not exists" would lock the table though nothing is to be done: behind a
    projector that stands still in its transaction, and before everybody who reads checkpoints.
    """
    await connection.execute(
        'create table if not exists twofold_read."$checkpoint" (projection text collate "C" '
        "primary key, position bigint not null, time_us bigint not null, epoch text not null, "
        "fingerprint text not null) with (fillfactor = 50)"
    )
    rows = await connection.fetch(_CHECKPOINT_COLUMNS)
    known = {row[0] for row in rows}
    added = [f"add column {name} {kind}" for name, kind in _LATER.items() if name not in known]
    if added:
        await connection.execute(f'alter table twofold_read."$checkpoint" {", ".join(added)}')


async def _create(connection: Any, table: Table) -> None:
    name = f"twofold_read.{quoted(table.name)}"
    columns = ['key text collate "C" primary key', "position bigint not null"]
    for column in table.columns:
        collation = ' collate "C"' if column.kind is ColumnKind.TEXT else ""
        columns.append(f"{column_name(column.name)} {TYPES[column.kind]}{collation}")
    if table.texts:
        columns.append("t_words tsvector not null")
    columns.append("document json not null")
    await connection.execute(f"create table {name} ({', '.join(columns)})")
    for label, indexed in indexes(table).items():
        index = quoted(f"{table.name}_{label}"[-63:])
        await connection.execute(f"create index {index} on {name} ({', '.join(indexed)}, key)")
    for column in table.columns:
        if column.kind is ColumnKind.TEXTS:
            index = quoted(f"{table.name}_{column.name}"[-63:])
            await connection.execute(
                f"create index {index} on {name} using gin ({column_name(column.name)})"
            )
    if table.texts:
        index = quoted(f"{table.name}_t_words"[-63:])
        await connection.execute(f"create index {index} on {name} using gin (t_words)")


async def drop(connection: Any, table: str) -> None:
    """Remove a read model's table, what belongs to it, and its checkpoint."""
    async with connection.transaction():
        await _forget_checkpoint(connection, table)
        for name in (table, *await _belongings(connection, table)):
            await connection.execute(f"drop table if exists twofold_read.{quoted(name)}")
            await groups.drop(connection, name)
            await connection.execute('delete from twofold_read."$model" where name = $1', name)


async def _forget_checkpoint(connection: Any, projection: str) -> None:
    """First of all, as a projector does: two that take the same locks in another order deadlock."""
    sql = 'delete from twofold_read."$checkpoint" where projection = $1'
    await connection.execute(sql, projection)


async def _belongings(connection: Any, table: str) -> list[str]:
    names = [row[0] for row in await connection.fetch('select name from twofold_read."$model"')]
    return [name for name in names if name != table and owner_of(name) == table]


async def clear(connection: Any, table: str, projection: str) -> None:
    """Empty a read model and what belongs to it, and forget its checkpoint."""
    async with connection.transaction():
        await _forget_checkpoint(connection, projection)
        for name in (table, *await _belongings(connection, table)):
            await connection.execute(f"delete from twofold_read.{quoted(name)}")
        await groups.forget(connection, table)
