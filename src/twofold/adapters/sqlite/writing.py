"""Writing read models on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias, TypeVar

from twofold.adapters._columns import column_of
from twofold.adapters._parts import parts_of, parts_text
from twofold.adapters._sql.statements import Values, column_name, quoted
from twofold.adapters._text import words
from twofold.adapters.sqlite.database import SqliteTransaction, translated
from twofold.adapters.sqlite.dialect import SqliteDialect, joined_texts
from twofold.errors import CheckpointLost
from twofold.ports.read_store import Checkpoint, ColumnKind, Move, Row, Scalar, Table

T = TypeVar("T")
Work: TypeAlias = Callable[[sqlite3.Connection], T]
# Looked up in the loop, at some ten microseconds each.
_FEW = 32

_INSERT = (
    "(projection, position, time_us, epoch, fingerprint, parts, served_from, parked, mended, "
    "chosen_us) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_CLAIM = f"insert or ignore into twofold_checkpoint {_INSERT}"
_SET = (
    f"insert into twofold_checkpoint {_INSERT} on conflict (projection) do update set "
    "position = excluded.position, time_us = max(time_us, excluded.time_us), "
    "epoch = excluded.epoch, fingerprint = excluded.fingerprint, parts = excluded.parts, "
    "parked = excluded.parked, mended = excluded.mended"
)
CHECKPOINTS = (
    "select projection, position, time_us, epoch, fingerprint, parts, served_from, parked, mended, "
    "chosen_us from twofold_checkpoint"
)

_MEND = (
    "update twofold_checkpoint set parked = parked + ?, mended = mended + 1 where projection = ?"
)
_CHOOSE = "update twofold_checkpoint set chosen_us = ? where projection = ?"


class SqliteReadTransaction:
    """A write transaction, the read store's own or the log's."""

    def __init__(
        self,
        transaction: SqliteTransaction,
        tables: Mapping[str, Table],
        dialect: SqliteDialect,
    ) -> None:
        self._transaction = transaction
        self._tables = tables
        self._dialect = dialect

    @property
    def connection(self) -> SqliteTransaction:
        """Runs functions on the connection, in the writer's thread."""
        return self._transaction

    async def checkpoint(self, projection: str) -> Checkpoint | None:
        """The checkpoint as this transaction sees it."""
        return await self._transaction.run(lambda c: _stored(c, projection))

    async def documents(self, table: str, keys: Sequence[str]) -> Mapping[str, bytes]:
        """By unique key, all in one hop."""
        return await self._transaction.run(self._look_up(table, keys))

    async def matching(
        self, table: str, column: str, values: Sequence[Scalar]
    ) -> Mapping[str, bytes]:
        """By the column's index."""
        return await self._transaction.run(self._match(table, column, values))

    def _look_up(self, table: str, keys: Sequence[str]) -> Work[dict[str, bytes]]:
        sql = f"select document from {self._dialect.table(table)} where key = ?"

        def look(connection: sqlite3.Connection) -> dict[str, bytes]:
            found = ((key, connection.execute(sql, (key,)).fetchone()) for key in keys)
            return {key: row[0] for key, row in found if row}

        return look

    def _match(self, table: str, column: str, values: Sequence[Scalar]) -> Work[dict[str, bytes]]:
        shape = self._tables[table]
        declared = column_of(shape, column)
        into = Values(self._dialect)
        given = [self._dialect.to_driver(declared.kind, value) for value in values]
        condition = self._dialect.any_of(shape, declared, given, into)
        sql = f"select key, document from {self._dialect.table(table)} where {condition}"
        return lambda c: dict(c.execute(sql, into.list))

    async def write(self, table: str, rows: Sequence[Row], gone: Sequence[str]) -> None:
        """Upserts and deletes, all in one hop."""
        await self._transaction.run(self._put(table, rows, gone))

    def _put(self, table: str, rows: Sequence[Row], gone: Sequence[str]) -> Work[None]:
        """What does not fit is found at once."""
        shape = self._tables[table]
        upsert, values = upsert_of(shape), [values_of(shape)(row) for row in rows]
        many = [
            (shape.columns[i].name, value, row.key)
            for i in _several(shape)
            for row in rows
            for value in dict.fromkeys(row.values[i] or ())  # type: ignore[arg-type]
        ]

        def put(connection: sqlite3.Connection) -> None:
            connection.executemany(upsert, values)
            if gone:
                name = self._dialect.table(table)
                connection.executemany(
                    f"delete from {name} where key = ?", [(key,) for key in gone]
                )
            if _several(shape):
                name = quoted(f"many_{table}")
                keys = [(key,) for key in (*gone, *(row.key for row in rows))]
                connection.executemany(f"delete from {name} where key = ?", keys)
                connection.executemany(f"insert into {name} values (?, ?, ?)", many)

        return put

    async def claim(self, checkpoint: Checkpoint) -> None:
        """Insert. Raises CheckpointLost."""
        values = _values(checkpoint)
        done = await self._transaction.run(lambda c: c.execute(_CLAIM, values).rowcount)
        if not done:
            raise CheckpointLost(checkpoint.projection, 0)

    async def advance(self, checkpoint: Checkpoint, expected: int) -> Checkpoint:
        """Compare and set. Raises CheckpointLost."""

        def move(connection: sqlite3.Connection) -> Checkpoint:
            moved = _moved(checkpoint, _stored(connection, checkpoint.projection), expected)
            connection.execute(_SET, _values(moved))
            return moved

        return await self._transaction.run(move)

    async def advance_parts(
        self, checkpoint: Checkpoint, partitions: int, moves: Mapping[int, Move]
    ) -> Checkpoint:
        """Compare and set. Raises CheckpointLost."""

        def move(connection: sqlite3.Connection) -> Checkpoint:
            stored = _stored(connection, checkpoint.projection) or checkpoint.unmoved()
            moved = stored.moved(checkpoint, partitions, moves)
            connection.execute(_SET, _values(moved))
            return moved

        return await self._transaction.run(move)

    async def hold(self, projection: str) -> Checkpoint | None:
        """Nobody else writes to the file meanwhile."""
        return await self.checkpoint(projection)

    async def mend(self, projection: str, parked: int) -> None:
        """Count."""
        await self._transaction.run(lambda c: c.execute(_MEND, (parked, projection)))

    async def choose(self, projection: str, chosen_us: int) -> None:
        """Set."""
        await self._transaction.run(lambda c: c.execute(_CHOOSE, (chosen_us, projection)))


class ReadingAhead(SqliteReadTransaction):
    """Takes SQLite's lock as late as it can: what it writes comes in one piece with its commit.

    What stands beside a checkpoint changes only where that is moved or held. So what is read after
    ``advance`` is as good as under the lock, provided that the checkpoint is the same when it is
    written; otherwise CheckpointLost is raised at the end.
    """

    _ahead = False

    async def advance(self, checkpoint: Checkpoint, expected: int) -> Checkpoint:
        """Look now, compare and set later. Raises CheckpointLost."""
        if self._transaction.entered or self._ahead:
            return await super().advance(checkpoint, expected)
        database = self._transaction.database
        with translated(database.path):
            seen = _stored(database.reading, checkpoint.projection)
        moved = _moved(checkpoint, seen, expected)

        def move(connection: sqlite3.Connection) -> None:
            if _stored(connection, checkpoint.projection) != seen:
                raise CheckpointLost(checkpoint.projection, expected)
            connection.execute(_SET, _values(moved))

        self._ahead = True
        # While it is built nobody reads it, and whoever builds it looks how far it has come.
        self._transaction.lasting = not moved.beside
        self._transaction.defer(move)
        return moved

    async def documents(self, table: str, keys: Sequence[str]) -> Mapping[str, bytes]:
        """A few in the loop: shorter than a hop to a thread."""
        look = self._look_up(table, keys)
        if not self._ahead:
            return await self._transaction.run(look)
        database = self._transaction.database
        if len(keys) > _FEW:
            return await database.read(look)
        with translated(database.path):
            return look(database.reading)

    async def matching(
        self, table: str, column: str, values: Sequence[Scalar]
    ) -> Mapping[str, bytes]:
        """By the column's index."""
        look = self._match(table, column, values)
        run = self._transaction.database.read if self._ahead else self._transaction.run
        return await run(look)

    async def write(self, table: str, rows: Sequence[Row], gone: Sequence[str]) -> None:
        """What is read from now on has to be read within the transaction."""
        self._ahead = False
        put = self._put(table, rows, gone)
        if self._transaction.entered:
            await self._transaction.run(put)
        else:
            self._transaction.defer(put)


def checkpoint_of(row: Sequence[Any]) -> Checkpoint:
    """The checkpoint in a row of CHECKPOINTS."""
    projection, position, time_us, epoch, fingerprint, parts, *others = row
    return Checkpoint(projection, position, time_us, epoch, fingerprint, parts_of(parts), *others)


def _stored(connection: sqlite3.Connection, projection: str) -> Checkpoint | None:
    row = connection.execute(f"{CHECKPOINTS} where projection = ?", (projection,)).fetchone()
    return checkpoint_of(row) if row else None


def _moved(checkpoint: Checkpoint, stored: Checkpoint | None, expected: int) -> Checkpoint:
    """What ``advance`` makes of what is stored. Raises CheckpointLost."""
    before = stored or checkpoint.unmoved()
    if not before.stands_at(expected):
        raise CheckpointLost(checkpoint.projection, expected)
    return checkpoint.after(before)


def _values(checkpoint: Checkpoint) -> tuple[object, ...]:
    return (
        checkpoint.projection,
        checkpoint.position,
        checkpoint.time_us,
        checkpoint.epoch,
        checkpoint.fingerprint,
        parts_text(checkpoint.parts),
        checkpoint.served_from,
        checkpoint.parked,
        checkpoint.mended,
        checkpoint.chosen_us,
    )


def _several(shape: Table) -> list[int]:
    return [i for i, c in enumerate(shape.columns) if c.kind is ColumnKind.TEXTS]


@cache
def upsert_of(shape: Table) -> str:
    """The statement that inserts or replaces a row."""
    names = ["key", "position"]
    names += [column_name(c.name) for c in shape.columns]
    names += [f"t_{i}" for i in range(len(shape.texts))]
    names.append("document")
    marks = ", ".join("?" * len(names))
    changes = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
    return (
        f"insert into {SqliteDialect().table(shape.name)} ({', '.join(names)}) values ({marks}) "
        f"on conflict (key) do update set {changes}"
    )


@cache
def values_of(shape: Table) -> Callable[[Row], tuple[Any, ...]]:
    """Reads a row's values for the statement; only columns that need it are converted."""
    convert = SqliteDialect().to_driver
    several = _several(shape)
    converted = [
        (i, c.kind)
        for i, c in enumerate(shape.columns)
        if c.kind not in (ColumnKind.TEXT, ColumnKind.INTEGER, ColumnKind.TEXTS)
    ]

    def read(row: Row) -> tuple[Any, ...]:
        values: list[Any] = list(row.values)
        for i, kind in converted:
            values[i] = convert(kind, values[i])
        for i in several:
            values[i] = joined_texts(dict.fromkeys(values[i] or ()))
        texts = [" ".join(words(text)) for text in row.texts]
        return (row.key, row.position, *values, *texts, row.document)

    return read
