"""The read store on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from twofold.adapters._columns import column_of
from twofold.adapters._counted import Counted, Counts
from twofold.adapters._gathering import Gathering
from twofold.adapters._sql import statements
from twofold.adapters._sql.groups import added_up, in_groups
from twofold.adapters._text import page_highlights
from twofold.adapters.postgres import tables
from twofold.adapters.postgres.database import PostgresDatabase
from twofold.adapters.postgres.dialect import PostgresDialect
from twofold.adapters.postgres.log import PostgresLogTransaction
from twofold.adapters.postgres.statistics import Statistics
from twofold.adapters.postgres.writing import (
    CHECKPOINTS,
    PostgresReadTransaction,
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

_CHANNEL = "twofold_read"


class PostgresReadStore:
    """Keeps read models in the schema ``twofold_read``, in the log's database or another one."""

    lends_transactions = True
    one_writer = False

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._dialect = PostgresDialect()
        self._tables: dict[str, Table] = {}
        self._gathering = Gathering(self._documents)
        self._counted = Counted()
        self._statistics = Statistics(self._dialect)
        self._opened = False
        self._awaited: asyncio.Event | None = None

    async def open(self, tables_wanted: Sequence[Table]) -> None:
        """Connect and create missing tables. Raises ShapeChanged."""
        if not self._opened:
            await self._database.open()
            self._opened = True
        async with self._database.planned() as connection:
            await tables.prepare(connection, tables_wanted)
        self._tables |= {table.name: table for table in tables_wanted}

    async def close(self) -> None:
        """Disconnect."""
        if self._opened:
            self._opened, self._awaited = False, None
            await self._database.close()

    @asynccontextmanager
    async def transaction(self, *, ahead: bool = False) -> AsyncIterator[PostgresReadTransaction]:
        """Begin … commit."""
        async with self._database.planned() as connection:
            transaction = PostgresReadTransaction(connection, self._tables, self._dialect)
            async with connection.transaction():
                yield transaction
            self._database.announce(_CHANNEL)
            await self._statistics.wrote(connection, transaction.written)

    def within(self, transaction: LogTransaction) -> PostgresReadTransaction:
        """Write in the log's transaction. Raises TypeError for another store's."""
        if not isinstance(transaction, PostgresLogTransaction):
            raise TypeError("the read store is not in the log's database")
        return PostgresReadTransaction(transaction.session, self._tables, self._dialect)

    async def clear(self, table: str, projection: str) -> None:
        """Empty a table and forget its checkpoint."""
        async with self._database.planned() as connection:
            await tables.clear(connection, table, projection)

    async def drop(self, table: str) -> None:
        """Remove a table and its checkpoint."""
        async with self._database.planned() as connection:
            await tables.drop(connection, table)
        self._tables.pop(table, None)

    async def checkpoints(self) -> Mapping[str, Checkpoint]:
        """A handful of rows."""
        async with self._database.planned() as connection:
            return {row[0]: checkpoint_of(row) for row in await connection.fetch(CHECKPOINTS)}

    async def get(self, table: str, key: str) -> bytes | None:
        """By primary key; calls made at the same time share a statement."""
        return await self._gathering.get(table, key)

    async def row(self, table: str, key: str) -> Row | None:
        """One row."""
        found = await self._rows(table, "key = $1", key, 1)
        return found[0] if found else None

    async def rows(self, table: str, after_key: str | None, limit: int) -> Sequence[Row]:
        """Rows in key order."""
        # The empty text is a key like any other, so the first page must not begin above it.
        condition = "key >= $1" if after_key is None else "key > $1"
        return await self._rows(table, condition, after_key or "", limit)

    async def select(self, table: str, select: Select) -> Selected:
        """Page, total and facets from one snapshot."""
        shape = self._tables[table]
        async with self._database.planned() as connection:
            searches = bool(select.text.strip())
            found = None if searches else await self._at_once(connection, shape, select)
            if found is not None:
                return found
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                if searches:
                    # Without fresh statistics the planner takes every word for a frequent one.
                    await connection.execute("set local enable_seqscan = off")
                rows = await self._page(connection, shape, select)
                counts = await self._counts(connection, shape, select, rows)
                return self._selected(shape, select, rows, counts)

    async def sums(self, table: str, sums: Sums) -> Sequence[Summed]:
        """Numerics added by the database, exact."""
        shape = self._tables[table]
        sql, values = statements.sums(self._dialect, shape, sums)
        kinds = [column_of(shape, name).kind for name in sums.measures]
        async with self._database.planned() as connection:
            rows = await connection.fetch(sql, *values)
        convert = self._dialect.from_driver
        return [
            Summed(
                row[0],
                tuple(convert(kind, value) for kind, value in zip(kinds, row[1:], strict=True)),
            )
            for row in map(tuple, rows)
        ]

    async def wait_applied(self, timeout_seconds: float) -> None:
        """A notification wakes; one that got lost is made up for by the caller's next poll."""
        self._awaited = self._awaited or self._database.notified(_CHANNEL)
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._awaited.wait()
        except TimeoutError:
            return
        self._awaited = self._database.notified(_CHANNEL)

    async def _documents(self, table: str, keys: Sequence[str]) -> Mapping[str, bytes]:
        sql = (
            f"select (select d.document from {self._dialect.table(table)} d where d.key = w.key) "
            "from unnest($1::text[]) w(key)"
        )
        async with self._database.pinned() as connection:
            rows = await connection.fetch(sql, list(keys))
        return {key: row[0] for key, row in zip(keys, rows, strict=True) if row[0] is not None}

    async def _at_once(self, connection: Any, table: Table, select: Select) -> Selected | None:
        """A page by itself: one statement is a snapshot, if what goes with it is known."""
        rows = await self._page(connection, table, select)
        if not (select.total or select.facets):
            return self._selected(table, select, rows, Counts(None, {}))
        counts = self._counted.at(table.name, select, rows[0][3]) if rows else None
        return None if counts is None else self._selected(table, select, rows, counts)

    async def _page(self, connection: Any, table: Table, select: Select) -> Sequence[Any]:
        sql, values = statements.page(self._dialect, table, select)
        rows: Sequence[Any] = await connection.fetch(sql, *values)
        return rows

    def _selected(
        self, table: Table, select: Select, rows: Sequence[Any], counts: Counts
    ) -> Selected:
        documents = [row[1] for row in rows[: select.limit]]
        more = len(rows) > select.limit
        return Selected(
            documents,
            counts.total,
            counts.facets,
            self._last(table, select, rows[select.limit - 1]) if more else None,
            page_highlights(table.texts, select.text, documents),
        )

    async def _counts(
        self, connection: Any, table: Table, select: Select, rows: Sequence[Any]
    ) -> Counts:
        if not (select.total or select.facets):
            return Counts(None, {})
        sql, values = statements.state(self._dialect, table)
        state = rows[0][3] if rows else await connection.fetchval(sql, *values)
        known = self._counted.at(table.name, select, state)
        if known is not None:
            return known
        grouped = in_groups(table, select) and await self._few_groups(connection, table)
        count = self._add_up if grouped else self._count
        counts = await count(connection, table, select)
        self._counted.keep(table.name, select, state, counts)
        return counts

    async def _few_groups(self, connection: Any, table: Table) -> bool:
        return not await connection.fetchval(statements.many_groups(self._dialect, table))

    async def _add_up(self, connection: Any, table: Table, select: Select) -> Counts:
        sql, values = statements.groups(self._dialect, table, select)
        groups = [(*row[:-1], int(row[-1])) for row in await connection.fetch(sql, *values)]
        return added_up(table, select, groups)

    async def _count(self, connection: Any, table: Table, select: Select) -> Counts:
        total = None
        if select.total:
            sql, values = statements.total(self._dialect, table, select)
            total = await connection.fetchval(sql, *values)
        facets = {
            name: await self._facet(connection, table, select, name) for name in select.facets
        }
        return Counts(total, facets)

    async def _facet(
        self, connection: Any, table: Table, select: Select, name: str
    ) -> list[FacetCount]:
        sql, values = statements.facet(self._dialect, table, select, name)
        return [FacetCount(row[0], row[1]) for row in await connection.fetch(sql, *values)]

    def _last(self, table: Table, select: Select, row: Sequence[Any]) -> tuple[Scalar, str] | None:
        if select.sort is None:
            return None if select.text.strip() else (None, row[0])
        return row[2], row[0]

    async def _rows(self, table: str, condition: str, value: str, limit: int) -> list[Row]:
        shape = self._tables[table]
        names = "".join(f", {statements.column_name(c.name)}" for c in shape.columns)
        sql = (
            f"select key, document, position{names} from {self._dialect.table(table)} "
            f"where {condition} order by key limit $2"
        )
        async with self._database.planned() as connection:
            rows = await connection.fetch(sql, value, limit)
        found = []
        for row in map(tuple, rows):
            values = tuple(
                tuple(sorted(value or ())) if column.kind is ColumnKind.TEXTS else value
                for column, value in zip(shape.columns, row[3:], strict=True)
            )
            found.append(Row(row[0], row[1], row[2], values))
        return found
