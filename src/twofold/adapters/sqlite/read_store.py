"""The read store on SQLite."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from twofold.adapters._columns import column_of
from twofold.adapters._counted import Counted, Counts
from twofold.adapters._sql import statements
from twofold.adapters._sql.groups import added_up, in_groups
from twofold.adapters._text import page_highlights
from twofold.adapters.sqlite import tables
from twofold.adapters.sqlite.database import SqliteDatabase, SqliteTransaction, translated
from twofold.adapters.sqlite.dialect import SqliteDialect, separated_texts
from twofold.adapters.sqlite.writing import (
    CHECKPOINTS,
    ReadingAhead,
    SqliteReadTransaction,
    checkpoint_of,
)
from twofold.ports.log import LogTransaction
from twofold.ports.read_store import (
    Checkpoint,
    ColumnKind,
    FacetCount,
    Row,
    Scalar,
    Select,
    Selected,
    Summed,
    Sums,
    Table,
)

_LOOK_SECONDS = 0.01


class SqliteReadStore:
    """Keeps read models in ``read_`` tables of a file, which may be the log's."""

    lends_transactions = True
    one_writer = True

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._dialect = SqliteDialect()
        self._tables: dict[str, Table] = {}
        self._gets: dict[str, str] = {}
        self._counted = Counted()
        self._opened = False
        self._moved = self._awaited = asyncio.Event()
        self._version = 0

    async def open(self, tables_wanted: Sequence[Table]) -> None:
        """Open the file and create missing tables. Raises ShapeChanged."""
        if not self._opened:
            await self._database.open()
            self._opened = True
        async with self._database.transaction() as transaction:
            await transaction.run(lambda c: tables.prepare(c, list(tables_wanted)))
        for table in tables_wanted:
            self._tables[table.name] = table
            name = self._dialect.table(table.name)
            self._gets[table.name] = f"select document from {name} where key = ?"

    async def close(self) -> None:
        """Release the file."""
        if self._opened:
            self._opened = False
            await self._database.close()

    @asynccontextmanager
    async def transaction(self, *, ahead: bool = False) -> AsyncIterator[SqliteReadTransaction]:
        """Begin immediate … commit; ``ahead``: with as little as possible between them."""
        kind = ReadingAhead if ahead else SqliteReadTransaction
        async with self._database.transaction() as transaction:
            yield kind(transaction, self._tables, self._dialect)
        self._moved.set()
        self._moved = asyncio.Event()

    def within(self, transaction: LogTransaction) -> SqliteReadTransaction:
        """Write in the log's transaction."""
        connection = transaction.connection
        if (
            not isinstance(connection, SqliteTransaction)
            or connection.database is not self._database
        ):
            raise TypeError("the read store is not in the log's database")
        return SqliteReadTransaction(connection, self._tables, self._dialect)

    async def clear(self, table: str, projection: str) -> None:
        """Empty a table and forget its checkpoint."""
        async with self._database.transaction() as transaction:
            await transaction.run(lambda c: tables.clear(c, self._tables[table], projection))

    async def drop(self, table: str) -> None:
        """Remove a table and its checkpoint."""
        async with self._database.transaction() as transaction:
            await transaction.run(lambda c: tables.drop(c, table))
        self._tables.pop(table, None)

    async def checkpoints(self) -> Mapping[str, Checkpoint]:
        """A handful of rows, read in the loop."""
        with translated(self._database.path):
            rows = self._database.reading.execute(CHECKPOINTS).fetchall()
        return {row[0]: checkpoint_of(row) for row in rows}

    async def get(self, table: str, key: str) -> bytes | None:
        """By unique key, in the loop: shorter than a hop to a thread."""
        with translated(self._database.path):
            row = self._database.reading.execute(self._gets[table], (key,)).fetchone()
        return row[0] if row else None

    async def row(self, table: str, key: str) -> Row | None:
        """One row."""
        found = await self._rows(table, "key = ?", (key,), 1)
        return found[0] if found else None

    async def rows(self, table: str, after_key: str | None, limit: int) -> Sequence[Row]:
        """Rows in key order."""
        # The empty text is a key like any other, so the first page must not begin above it.
        condition = "key >= ?" if after_key is None else "key > ?"
        return await self._rows(table, condition, (after_key or "",), limit)

    async def select(self, table: str, select: Select) -> Selected:
        """Page, total and facets from one snapshot, in a reader thread."""
        shape = self._tables[table]
        return await self._database.read(lambda c: self._select(c, shape, select))

    async def sums(self, table: str, sums: Sums) -> Sequence[Summed]:
        """Integers added by the database, exact."""
        shape = self._tables[table]
        sql, values = statements.sums(self._dialect, shape, sums)
        kinds = [column_of(shape, name).kind for name in sums.measures]
        by = column_of(shape, sums.by).kind if sums.by else ColumnKind.TEXT
        rows = await self._database.read(lambda c: c.execute(sql, values).fetchall())
        convert = self._dialect.from_driver
        return [
            Summed(
                convert(by, row[0]),
                tuple(convert(kind, value) for kind, value in zip(kinds, row[1:], strict=True)),
            )
            for row in rows
        ]

    async def wait_applied(self, timeout_seconds: float) -> None:
        """A commit of this process wakes at once; one of another is seen within some 10 ms."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_seconds
        while (left := deadline - loop.time()) > 0:
            try:
                async with asyncio.timeout(min(_LOOK_SECONDS, left)):
                    await self._awaited.wait()
                self._awaited = self._moved
                return
            except TimeoutError:
                before, self._version = self._version, self._data_version()
                if self._version != before:
                    return

    def _data_version(self) -> int:
        with translated(self._database.path):
            version: int = self._database.reading.execute("pragma data_version").fetchone()[0]
        return version

    def _select(self, connection: sqlite3.Connection, table: Table, select: Select) -> Selected:
        connection.execute("begin")
        try:
            sql, values = statements.page(self._dialect, table, select)
            rows = connection.execute(sql, values).fetchall()
            counts = self._counts(connection, table, select, rows)
        finally:
            connection.execute("commit")
        page = rows[: select.limit]
        more = len(rows) > select.limit
        return Selected(
            [row[1] for row in page],
            counts.total,
            counts.facets,
            self._last(table, select, page[-1]) if more else None,
            page_highlights(table.texts, select.text, [row[1] for row in page]),
        )

    def _counts(
        self, connection: sqlite3.Connection, table: Table, select: Select, rows: Sequence[Any]
    ) -> Counts:
        if not (select.total or select.facets):
            return Counts(None, {})
        state = rows[0][3] if rows else self._state(connection, table)
        known = self._counted.at(table.name, select, state)
        if known is not None:
            return known
        grouped = in_groups(table, select) and self._few_groups(connection, table)
        count = self._add_up if grouped else self._count
        counts = count(connection, table, select)
        self._counted.keep(table.name, select, state, counts)
        return counts

    def _few_groups(self, connection: sqlite3.Connection, table: Table) -> bool:
        sql = statements.many_groups(self._dialect, table)
        return not connection.execute(sql).fetchone()[0]

    def _add_up(self, connection: sqlite3.Connection, table: Table, select: Select) -> Counts:
        sql, values = statements.groups(self._dialect, table, select)
        kinds = [column_of(table, name).kind for name in select.facets]
        groups = [
            (*map(self._value, kinds, row), row[-1]) for row in connection.execute(sql, values)
        ]
        return added_up(table, select, groups)

    def _value(self, kind: ColumnKind, value: Any) -> Any:
        if kind is ColumnKind.TEXTS:
            return separated_texts(value or "")
        return self._dialect.from_driver(kind, value)

    def _count(self, connection: sqlite3.Connection, table: Table, select: Select) -> Counts:
        total = None
        if select.total:
            sql, values = statements.total(self._dialect, table, select)
            total = connection.execute(sql, values).fetchone()[0]
        facets = {name: self._facet(connection, table, select, name) for name in select.facets}
        return Counts(total, facets)

    def _state(self, connection: sqlite3.Connection, table: Table) -> str | None:
        sql, values = statements.state(self._dialect, table)
        row = connection.execute(sql, values).fetchone()
        return row[0] if row else None

    def _facet(
        self, connection: sqlite3.Connection, table: Table, select: Select, name: str
    ) -> list[FacetCount]:
        sql, values = statements.facet(self._dialect, table, select, name)
        kind = column_of(table, name).kind
        rows = connection.execute(sql, values)
        if kind is ColumnKind.TEXTS:
            return _apart(rows)
        convert = self._dialect.from_driver
        return [FacetCount(convert(kind, value), count) for value, count in rows]

    def _last(self, table: Table, select: Select, row: Sequence[Any]) -> tuple[Scalar, str] | None:
        if select.sort is None:
            return None if select.text.strip() else (None, row[0])
        kind = column_of(table, select.sort[0]).kind
        return self._dialect.from_driver(kind, row[2]), row[0]

    async def _rows(
        self, table: str, condition: str, values: tuple[object, ...], limit: int
    ) -> list[Row]:
        shape = self._tables[table]
        single = [c for c in shape.columns if c.kind is not ColumnKind.TEXTS]
        names = "".join(f", {statements.column_name(c.name)}" for c in single)
        sql = (
            f"select key, document, position{names} from {self._dialect.table(table)} "
            f"where {condition} order by key limit ?"
        )
        many = f'select name, value from "many_{table}" where key = ? order by value'

        def look(connection: sqlite3.Connection) -> list[Row]:
            found = []
            for row in connection.execute(sql, (*values, limit)):
                held = dict(zip((c.name for c in single), row[3:], strict=True))
                several: dict[str, list[str]] = {}
                if len(single) < len(shape.columns):
                    for name, value in connection.execute(many, (row[0],)):
                        several.setdefault(name, []).append(value)
                columns = tuple(
                    tuple(several.get(c.name, ()))
                    if c.kind is ColumnKind.TEXTS
                    else self._dialect.from_driver(c.kind, held[c.name])
                    for c in shape.columns
                )
                found.append(Row(row[0], row[1], row[2], columns))
            return found

        return await self._database.read(look)


def _apart(rows: Iterable[tuple[str, int]]) -> list[FacetCount]:
    """Counts of each text, from those of what stands joined; the most frequent first."""
    counts: Counter[str] = Counter()
    for joined, count in rows:
        for value in separated_texts(joined):
            counts[value] += count
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return [FacetCount(value, count) for value, count in ordered]
