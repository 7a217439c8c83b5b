"""Writing read models on PostgreSQL."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from twofold.adapters._columns import column_of
from twofold.adapters._parts import parts_of, parts_text
from twofold.adapters._sql.statements import Values, column_name
from twofold.adapters._text import words
from twofold.adapters.postgres.dialect import TYPES, PostgresDialect, lexemes
from twofold.errors import CheckpointLost
from twofold.ports.read_store import Checkpoint, ColumnKind, Move, Row, Scalar, Table

# Whoever waits for rows is told by the statement that moves the checkpoint, once it is committed.
_TELLING = "returning pg_notify('twofold_read', '')"
_INSERT = (
    'insert into twofold_read."$checkpoint" '
    "(projection, position, time_us, epoch, fingerprint, parts, served_from, chosen_us) "
    f"values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing {_TELLING}"
)
_UPDATE = (
    'update twofold_read."$checkpoint" set position = $2, '
    "time_us = greatest(time_us, $3), epoch = $4, fingerprint = $5, parts = $6 "
    "where projection = $1"
)
_STORED = (
    "projection, position, time_us, epoch, fingerprint, parts, served_from, parked, mended, "
    "chosen_us"
)
_MOVE = f"{_UPDATE} and position = $7 and parts = $8 {_TELLING}, {_STORED}"
_SET = f"{_UPDATE} {_TELLING}"
_MEND = (
    'update twofold_read."$checkpoint" set parked = parked + $2, mended = mended + 1 '
    f"where projection = $1 {_TELLING}"
)
_CHOOSE = f'update twofold_read."$checkpoint" set chosen_us = $2 where projection = $1 {_TELLING}'
CHECKPOINTS = f'select {_STORED} from twofold_read."$checkpoint"'
_LOOK = f"{CHECKPOINTS} where projection = $1"


class PostgresReadTransaction:
    """A transaction, the read store's own or the log's.

    ``written`` tells how many rows it has put into each table.
    """

    def __init__(
        self, connection: Any, tables: Mapping[str, Table], dialect: PostgresDialect
    ) -> None:
        self._connection = connection
        self._tables = tables
        self._dialect = dialect
        self.written: Counter[str] = Counter()

    @property
    def connection(self) -> Any:
        """The asyncpg connection, for statements that are not ours."""
        self._connection.lend()
        return self._connection

    async def checkpoint(self, projection: str) -> Checkpoint | None:
        """The checkpoint as this transaction sees it."""
        row = await self._connection.fetchrow(_LOOK, projection)
        return checkpoint_of(row) if row else None

    async def documents(self, table: str, keys: Sequence[str]) -> Mapping[str, bytes]:
        """By primary key, joined one by one: the plan stays good on empty and on large tables."""
        sql = (
            f"select w.key, (select d.document from {self._dialect.table(table)} d "
            "where d.key = w.key) from unnest($1::text[]) w(key)"
        )
        rows = await self._connection.fetch(sql, list(keys))
        return {row[0]: row[1] for row in rows if row[1] is not None}

    async def matching(
        self, table: str, column: str, values: Sequence[Scalar]
    ) -> Mapping[str, bytes]:
        """By the column's index."""
        shape = self._tables[table]
        into = Values(self._dialect)
        condition = self._dialect.any_of(shape, column_of(shape, column), list(values), into)
        sql = f"select key, document from {self._dialect.table(table)} where {condition}"
        return {row[0]: row[1] for row in await self._connection.fetch(sql, *into.list)}

    async def write(self, table: str, rows: Sequence[Row], gone: Sequence[str]) -> None:
        """One upsert of arrays, and one delete. Rows go in key order, so writers can't deadlock."""
        shape = self._tables[table]
        self.written[table] += len(rows)
        if rows:
            ordered = sorted(rows, key=lambda row: row.key)
            await self._connection.execute(_upsert(shape), *_arrays(shape, ordered))
        if gone:
            name = self._dialect.table(table)
            await self._connection.execute(
                f"delete from {name} where key = any($1::text[])", list(gone)
            )

    async def claim(self, checkpoint: Checkpoint) -> None:
        """Insert; of two at once the second waits here for the first. Raises CheckpointLost."""
        if not await self._insert(checkpoint):
            raise CheckpointLost(checkpoint.projection, 0)

    async def advance(self, checkpoint: Checkpoint, expected: int) -> Checkpoint:
        """Compare and set; a second worker waits here for the first. Raises CheckpointLost."""
        values = _values(checkpoint)
        moved = await self._connection.fetch(_MOVE, *values, expected, "")
        if moved:
            return checkpoint_of(moved[0][1:])
        if expected == 0 and await self._insert(checkpoint):
            return checkpoint
        return await self._join(checkpoint, expected)

    async def advance_parts(
        self, checkpoint: Checkpoint, partitions: int, moves: Mapping[int, Move]
    ) -> Checkpoint:
        """Lock, compare and set; other workers wait here. Raises CheckpointLost."""
        moved = await self._moved_from(checkpoint, partitions, moves)
        if moved is not None:
            return moved
        stored = await self._locked(checkpoint.projection)
        if stored is None:
            first = checkpoint.unmoved()
            await self._insert(first)
            stored = await self._locked(checkpoint.projection)
            assert stored is not None
        moved = stored.moved(checkpoint, partitions, moves)
        await self._connection.fetch(_SET, *_values(moved))
        return moved

    async def _moved_from(
        self, known: Checkpoint, partitions: int, moves: Mapping[int, Move]
    ) -> Checkpoint | None:
        """In one exchange, where nobody has moved it since it was ``known``; else nothing."""
        try:
            moved = known.moved(known, partitions, moves)
        except CheckpointLost:
            return None
        was = known.position, parts_text(known.parts)
        stored = await self._connection.fetch(_MOVE, *_values(moved), *was)
        return checkpoint_of(stored[0][1:]) if stored else None

    async def hold(self, projection: str) -> Checkpoint | None:
        """Lock its row."""
        return await self._locked(projection)

    async def mend(self, projection: str, parked: int) -> None:
        """Count, and tell who waits for rows."""
        await self._connection.fetch(_MEND, projection, parked)

    async def choose(self, projection: str, chosen_us: int) -> None:
        """Set, and tell who waits."""
        await self._connection.fetch(_CHOOSE, projection, chosen_us)

    async def _insert(self, first: Checkpoint) -> bool:
        values = (*_values(first), first.served_from, first.chosen_us)
        return bool(await self._connection.fetch(_INSERT, *values))

    async def _join(self, checkpoint: Checkpoint, expected: int) -> Checkpoint:
        """Partitions that stand together are one again."""
        stored = await self._locked(checkpoint.projection)
        if stored is None or not (stored.parts and stored.stands_at(expected)):
            raise CheckpointLost(checkpoint.projection, expected)
        await self._connection.fetch(_SET, *_values(checkpoint))
        return checkpoint.after(stored)

    async def _locked(self, projection: str) -> Checkpoint | None:
        rows = await self._connection.fetch(f"{_LOOK} for update", projection)
        return checkpoint_of(rows[0]) if rows else None


def checkpoint_of(row: Sequence[Any]) -> Checkpoint:
    """The checkpoint in a row of CHECKPOINTS."""
    projection, position, time_us, epoch, fingerprint, parts, *others = row
    return Checkpoint(projection, position, time_us, epoch, fingerprint, parts_of(parts), *others)


def _values(checkpoint: Checkpoint) -> tuple[object, ...]:
    return (
        checkpoint.projection,
        checkpoint.position,
        checkpoint.time_us,
        checkpoint.epoch,
        checkpoint.fingerprint,
        parts_text(checkpoint.parts),
    )


def _upsert(shape: Table) -> str:
    names = ["key", "position", *(column_name(c.name) for c in shape.columns)]
    types = ["text", "bigint", *(_array_type(c.kind) for c in shape.columns)]
    selected = [f"u.f{i}" for i in range(len(names))]
    for i, column in enumerate(shape.columns, 2):
        if column.kind is ColumnKind.TEXTS:
            # Arrays of arrays must be rectangular, so several texts travel as one JSON text.
            selected[i] = f"array(select json_array_elements_text(u.f{i}::json))"
    if shape.texts:
        names.append("t_words")
        types.append("text")
        selected.append(f"u.f{len(selected)}::tsvector")
    names.append("document")
    types.append("json")
    selected.append(f"u.f{len(selected)}")
    arrays = ", ".join(f"${i}::{kind}[]" for i, kind in enumerate(types, 1))
    fields = ", ".join(f"f{i}" for i in range(len(types)))
    changes = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
    return (
        f'insert into twofold_read."{shape.name}" ({", ".join(names)}) '
        f"select {', '.join(selected)} from unnest({arrays}) u({fields}) "
        f"on conflict (key) do update set {changes}"
    )


def _array_type(kind: ColumnKind) -> str:
    return "text" if kind is ColumnKind.TEXTS else TYPES[kind]


def _arrays(shape: Table, rows: Sequence[Row]) -> list[list[Any]]:
    columns: list[list[Any]] = [[row.key for row in rows], [row.position for row in rows]]
    for i, column in enumerate(shape.columns):
        if column.kind is ColumnKind.TEXTS:
            columns.append([_json_texts(row.values[i]) for row in rows])
        else:
            columns.append([row.values[i] for row in rows])
    if shape.texts:
        columns.append([lexemes([words(text) for text in row.texts]) for row in rows])
    columns.append([row.document for row in rows])
    return columns


def _json_texts(values: Any) -> str:
    return json.dumps(list(dict.fromkeys(values or ())))
