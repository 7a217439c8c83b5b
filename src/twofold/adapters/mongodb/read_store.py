"""The read store on MongoDB."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from bson.objectid import ObjectId

from twofold.adapters._columns import column_of
from twofold.adapters._counted import Counted, Counts
from twofold.adapters._gathering import Gathering
from twofold.adapters._text import page_highlights, words
from twofold.adapters.mongodb import collections, queries
from twofold.adapters.mongodb.control import Controls
from twofold.adapters.mongodb.database import Document, MongoDatabase, translated
from twofold.adapters.mongodb.journals import Journals, Pace, Reached, unobserved
from twofold.adapters.mongodb.rows import from_driver, path, row_of, summed
from twofold.adapters.mongodb.writing import MongoReadTransaction, documents
from twofold.ports.log import LogTransaction
from twofold.ports.read_store import (
    Checkpoint,
    FacetCount,
    Row,
    Scalar,
    Select,
    Selected,
    Summed,
    Sums,
    Table,
)

_LONGEST_PAUSE_SECONDS = 0.02


class MongoReadStore:
    """Keeps each read model in a collection ``read_<table>``, without transactions of the server.

    ``reached`` is told each step of a commit, for tests.
    """

    lends_transactions = False
    one_writer = False

    def __init__(
        self,
        database: MongoDatabase,
        *,
        pace: Pace | None = None,
        reached: Reached = unobserved,
    ) -> None:
        self._database = database
        self._controls = Controls(database)
        self._journals = Journals(database, self._controls, pace or Pace(), reached)
        self._tables: dict[str, Table] = {}
        self._gathering = Gathering(self._documents)
        self._counted = Counted()
        self._opened = False
        self._committed = asyncio.Event()
        self._seen: Mapping[str, object] | None = None
        self._looking: asyncio.Task[Mapping[str, object]] | None = None

    async def open(self, tables: Sequence[Table]) -> None:
        """Connect; create missing collections and indexes. Raises ShapeChanged."""
        if not self._opened:
            await self._database.open()
            self._opened = True
            for control in await self._controls.all():
                under_way = control.journal is not None
                await self._journals.sweep(control.name, control.rev - under_way)
        await collections.prepare(self._database, tables)
        self._tables |= {table.name: table for table in tables}

    async def close(self) -> None:
        """Disconnect."""
        self._opened = False
        if self._looking is not None:
            await asyncio.wait([self._looking])
        await self._database.close()

    @asynccontextmanager
    async def transaction(self, *, ahead: bool = False) -> AsyncIterator[MongoReadTransaction]:
        """Collected in the block, committed at its end."""
        transaction = MongoReadTransaction(
            self._database, self._tables, self._controls, self._journals
        )
        try:
            yield transaction
            await transaction.commit()
        finally:
            await transaction.end()
        self._announce()

    def within(self, transaction: LogTransaction) -> MongoReadTransaction:
        """Raises TypeError: no log is kept in MongoDB."""
        raise TypeError("read models on MongoDB can't be written in the log's transaction")

    async def clear(self, table: str, projection: str) -> None:
        """All rows go, and the checkpoint of the same name. Raises ValueError for another one."""
        if table != projection:
            raise ValueError(f"on MongoDB {table} goes with its own checkpoint, not {projection}'s")
        worker = ObjectId()
        while not await self._journals.clear(await self._journals.settled(table, worker)):
            continue
        self._announce()

    async def drop(self, table: str) -> None:
        """Remove a collection and its checkpoint. Its revision stays: it never counts anew."""
        while not await self._controls.move(await self._controls.glance(table), None):
            continue
        await collections.drop(self._database, table)
        self._tables.pop(table, None)

    async def checkpoints(self) -> Mapping[str, Checkpoint]:
        """As applied: what is still being applied does not count."""
        controls = await self._controls.all()
        return {c.name: c.checkpoint for c in controls if c.checkpoint is not None}

    async def get(self, table: str, key: str) -> bytes | None:
        """By primary key; calls made at the same time share a query."""
        return await self._gathering.get(table, key)

    async def row(self, table: str, key: str) -> Row | None:
        """One row."""
        found = await self._rows(table, {"_id": key}, 1)
        return found[0] if found else None

    async def rows(self, table: str, after_key: str | None, limit: int) -> Sequence[Row]:
        """Rows in key order."""
        # The empty text is a key like any other, so the first page must not begin above it.
        beyond = {"_id": {"$gte": ""} if after_key is None else {"$gt": after_key}}
        return await self._rows(table, beyond, limit)

    async def select(self, table: str, select: Select) -> Selected:
        """Page, then total and facets; those are remembered if nothing was committed meanwhile."""
        shape = self._tables[table]
        with translated():
            if select.sort is None and words(select.text):
                found = await self._ranked(shape, select)
            else:
                found = await self._page(shape, select)
            counts = await self._counts(shape, select)
        page = [document for _, document, _ in found[: select.limit]]
        last = found[select.limit - 1] if len(found) > select.limit else None
        return Selected(
            page,
            counts.total,
            counts.facets,
            last and self._last(select, last),
            page_highlights(shape.texts, select.text, page),
        )

    async def sums(self, table: str, sums: Sums) -> Sequence[Summed]:
        """Added by the server: Decimal128 is exact within the bounds of measures."""
        shape = self._tables[table]
        measures = [column_of(shape, name) for name in sums.measures]
        by = column_of(shape, sums.by) if sums.by else None
        with translated():
            lines = await self._aggregated(table, queries.sums(shape, sums))
        return [
            Summed(
                from_driver(by, line["_id"]) if by else None,
                tuple(summed(column, line[f"s{i}"]) for i, column in enumerate(measures)),
            )
            for line in lines
        ]

    async def wait_applied(self, timeout_seconds: float) -> None:
        """Woken by commits of this process; those of others are looked for with growing pauses."""
        committed, pause = self._committed, 0.002
        try:
            async with asyncio.timeout(timeout_seconds):
                while not await self._moved() and not committed.is_set():
                    try:
                        async with asyncio.timeout(pause):
                            await committed.wait()
                    except TimeoutError:
                        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        except TimeoutError:
            return

    async def _moved(self) -> bool:
        # A task that outlives the wait: the driver loses the socket of a call that is cancelled
        # while it connects.
        looking = self._looking = self._looking or asyncio.create_task(self._controls.seen())
        try:
            seen = await asyncio.shield(looking)
        finally:
            if looking.done():
                self._looking = None
        before, self._seen = self._seen, seen
        return before != seen

    def _announce(self) -> None:
        self._committed.set()
        self._committed = asyncio.Event()

    async def _documents(self, table: str, keys: Sequence[str]) -> Mapping[str, bytes]:
        return await documents(self._database, table, keys)

    async def _page(self, table: Table, select: Select) -> Sequence[tuple[str, bytes, Scalar]]:
        """One row more than the page: key, document, sort value."""
        column = column_of(table, select.sort[0]) if select.sort else None
        shown = {"row.document": True, **({path(column.name): True} if column else {})}
        cursor = self._database.rows(table.name).find(
            queries.page(table, select),
            shown,
            sort=queries.order(select),
            skip=select.offset,
            limit=select.limit + 1,
            allow_disk_use=True,
        )
        return [
            (
                found["_id"],
                found["row"]["document"],
                from_driver(column, found["row"]["c"][column.name]) if column else None,
            )
            for found in await cursor.to_list()
        ]

    async def _ranked(self, table: Table, select: Select) -> Sequence[tuple[str, bytes, Scalar]]:
        hits = await self._aggregated(table.name, queries.ranked(table, select))
        keys = [hit["_id"] for hit in hits]
        found = await self._documents(table.name, keys)
        return [(key, found[key], None) for key in keys if key in found]

    def _last(self, select: Select, row: tuple[str, bytes, Scalar]) -> tuple[Scalar, str] | None:
        # Relevance is no stable order to continue from; such lists are paged by offset.
        ranked = select.sort is None and select.text.strip()
        return None if ranked else (row[2], row[0])

    async def _counts(self, table: Table, select: Select) -> Counts:
        if not (select.total or select.facets):
            return Counts(None, {})
        rev = await self._controls.idle_rev(table.name)
        known = self._counted.at(table.name, select, rev) if rev is not None else None
        if known is not None:
            return known
        counts = Counts(
            await self._total(table, select) if select.total else None,
            {name: await self._facet(table, select, name) for name in select.facets},
        )
        # Without snapshots, the same revision before and after proves that it held in between.
        if rev is not None and rev == await self._controls.idle_rev(table.name):
            self._counted.keep(table.name, select, rev, counts)
        return counts

    async def _total(self, table: Table, select: Select) -> int:
        query = queries.matching(table, select.where, select.text)
        return await self._database.rows(table.name).count_documents(query)

    async def _facet(self, table: Table, select: Select, name: str) -> list[FacetCount]:
        column = column_of(table, name)
        lines = await self._aggregated(table.name, queries.facet(table, select, name))
        return [FacetCount(from_driver(column, line["_id"]), line["count"]) for line in lines]

    async def _aggregated(self, table: str, pipeline: list[Document]) -> list[Document]:
        cursor = await self._database.rows(table).aggregate(pipeline, allowDiskUse=True)
        return await cursor.to_list()

    async def _rows(self, table: str, query: Document, limit: int) -> list[Row]:
        shape = self._tables[table]
        shown = {"row.t": False}
        with translated():
            cursor = self._database.rows(table).find(query | {"row.live": True}, shown)
            found = await cursor.sort("_id", 1).limit(limit).to_list()
        return [row_of(shape, one) for one in found]
