"""The read store in memory: for tests, simulation and trying things out."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from twofold.adapters._text import highlights, words
from twofold.adapters.memory.log import MemoryTransaction
from twofold.errors import CheckpointLost, ShapeChanged
from twofold.ports.log import LogTransaction
from twofold.ports.read_store import (
    Checkpoint,
    ColumnValue,
    Condition,
    FacetCount,
    Move,
    Row,
    Scalar,
    Select,
    Selected,
    Summed,
    Sums,
    Table,
    owner_of,
)


class MemoryTables:
    """What a database would keep."""

    def __init__(self) -> None:
        self.shapes: dict[str, Table] = {}
        self.rows: dict[str, dict[str, Row]] = {}
        self.checkpoints: dict[str, Checkpoint] = {}
        self.lock = asyncio.Lock()
        self.moved = asyncio.Event()


class MemoryReadStore:
    """Keeps rows in dicts. Instances that share ``tables`` behave like one database."""

    lends_transactions = True
    one_writer = True

    def __init__(self, tables: MemoryTables | None = None) -> None:
        self._kept = tables or MemoryTables()
        self._awaited = self._kept.moved

    async def open(self, tables: Sequence[Table]) -> None:
        """Create missing tables. Raises ShapeChanged."""
        for table in tables:
            if self._kept.shapes.setdefault(table.name, table) != table:
                raise ShapeChanged(table.name)
            self._kept.rows.setdefault(table.name, {})

    async def close(self) -> None:
        """Nothing to release."""

    @asynccontextmanager
    async def transaction(self, *, ahead: bool = False) -> AsyncIterator[MemoryReadTransaction]:
        """Everything written in the block becomes visible at its end, or nothing."""
        async with self._kept.lock:
            transaction = MemoryReadTransaction(self._kept)
            yield transaction
            transaction.commit()

    def within(self, transaction: LogTransaction) -> MemoryReadTransaction:
        """Become visible when the log's transaction does."""
        log = transaction.connection
        if not isinstance(log, MemoryTransaction):
            raise TypeError("a read store in memory joins a log in memory only")
        joined = MemoryReadTransaction(self._kept, joined=True)
        log.joined.append(joined)
        return joined

    async def clear(self, table: str, projection: str) -> None:
        """Drop rows and checkpoint."""
        async with self._kept.lock:
            for name in self._with_belongings(table):
                self._kept.rows[name] = {}
            self._kept.checkpoints.pop(projection, None)

    async def drop(self, table: str) -> None:
        """Drop a table with its checkpoint."""
        async with self._kept.lock:
            for name in self._with_belongings(table):
                self._kept.rows.pop(name, None)
                self._kept.shapes.pop(name, None)
            self._kept.checkpoints.pop(table, None)

    def _with_belongings(self, table: str) -> list[str]:
        return [name for name in self._kept.rows if owner_of(name) == table]

    async def checkpoints(self) -> Mapping[str, Checkpoint]:
        """All checkpoints."""
        return dict(self._kept.checkpoints)

    async def get(self, table: str, key: str) -> bytes | None:
        """One document."""
        row = self._kept.rows[table].get(key)
        return row.document if row else None

    async def rows(self, table: str, after_key: str | None, limit: int) -> Sequence[Row]:
        """Rows in key order."""
        rows = self._kept.rows[table]
        found = sorted(key for key in rows if after_key is None or key > after_key)
        return [rows[key] for key in found[:limit]]

    async def row(self, table: str, key: str) -> Row | None:
        """One row."""
        return self._kept.rows[table].get(key)

    async def select(self, table: str, select: Select) -> Selected:
        """Filter, count, sort and cut."""
        shape = self._kept.shapes[table]
        wanted = words(select.text)
        rows = list(self._kept.rows[table].values())
        if select.text.strip():
            rows = [row for row in rows if wanted and _has_words(row, wanted)]
        found = [row for row in rows if _fits(shape, row, select.where)]
        ordered = _ordered(shape, found, select, wanted)
        if select.after is not None:
            ordered = [row for row in ordered if _is_after(shape, row, select)]
        page = ordered[select.offset : select.offset + select.limit]
        more = len(ordered) > select.offset + select.limit
        return Selected(
            [row.document for row in page],
            len(found) if select.total else None,
            {name: _facet(shape, rows, select.where, name) for name in select.facets},
            _last(shape, page[-1], select, wanted) if more and page else None,
            [_marks(shape, row, wanted) for row in page] if wanted else (),
        )

    async def sums(self, table: str, sums: Sums) -> Sequence[Summed]:
        """Group and add up."""
        shape = self._kept.shapes[table]
        groups: dict[Any, list[Any]] = {}
        for row in self._kept.rows[table].values():
            if not _fits(shape, row, sums.where):
                continue
            value = _value(shape, row, sums.by) if sums.by else None
            totals = groups.setdefault(value, [0] * len(sums.measures))
            for index, measure in enumerate(sums.measures):
                totals[index] += _value(shape, row, measure) or 0
        lines = [Summed(value, tuple(totals)) for value, totals in groups.items()]
        lines.sort(key=lambda line: (line.value is None, line.value))
        if sums.largest_first:
            lines.sort(key=lambda line: line.sums[0], reverse=True)
        return lines[: sums.limit]

    async def wait_applied(self, timeout_seconds: float) -> None:
        """Wait for a commit."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._awaited.wait()
        except TimeoutError:
            return
        self._awaited = self._kept.moved


class MemoryReadTransaction:
    """Collects changes and applies them at the end."""

    def __init__(self, kept: MemoryTables, *, joined: bool = False) -> None:
        self._kept = kept
        self._waits = joined
        self._holds = False
        self._rows: dict[str, dict[str, Row | None]] = {}
        self._checkpoints: dict[str, Checkpoint] = {}

    @property
    def connection(self) -> MemoryReadTransaction:
        """Itself."""
        return self

    async def checkpoint(self, projection: str) -> Checkpoint | None:
        """The checkpoint as this transaction sees it."""
        return self._checkpoints.get(projection) or self._kept.checkpoints.get(projection)

    async def documents(self, table: str, keys: Sequence[str]) -> Mapping[str, bytes]:
        """The documents that exist among ``keys``."""
        kept, changed = self._kept.rows[table], self._rows.get(table, {})
        found = {key: changed[key] if key in changed else kept.get(key) for key in keys}
        return {key: row.document for key, row in found.items() if row is not None}

    async def matching(
        self, table: str, column: str, values: Sequence[Scalar]
    ) -> Mapping[str, bytes]:
        """Documents whose column has one of ``values``."""
        wanted = (Condition(column, "any_of", tuple(values)),)
        shape = self._kept.shapes[table]
        rows = self._seen(table)
        return {
            key: row.document
            for key, row in rows.items()
            if row is not None and _fits(shape, row, wanted)
        }

    async def write(self, table: str, rows: Sequence[Row], gone: Sequence[str]) -> None:
        """Remember what to change."""
        changes = self._rows.setdefault(table, {})
        changes.update({row.key: row for row in rows})
        changes.update(dict.fromkeys(gone))

    async def claim(self, checkpoint: Checkpoint) -> None:
        """Set if there is none. Raises CheckpointLost."""
        if await self.checkpoint(checkpoint.projection) is not None:
            raise CheckpointLost(checkpoint.projection, 0)
        self._checkpoints[checkpoint.projection] = checkpoint

    async def advance(self, checkpoint: Checkpoint, expected: int) -> Checkpoint:
        """Compare and set; within a log's transaction it waits for the store's own ones."""
        known = await self._held(checkpoint)
        if not known.stands_at(expected):
            raise CheckpointLost(checkpoint.projection, expected)
        moved = self._checkpoints[checkpoint.projection] = checkpoint.after(known)
        return moved

    async def advance_parts(
        self, checkpoint: Checkpoint, partitions: int, moves: Mapping[int, Move]
    ) -> Checkpoint:
        """Compare and set."""
        moved = (await self._held(checkpoint)).moved(checkpoint, partitions, moves)
        self._checkpoints[checkpoint.projection] = moved
        return moved

    async def hold(self, projection: str) -> Checkpoint | None:
        """Wait for the store's own transactions, if this is a log's."""
        if self._waits and not self._holds:
            self._holds = await self._kept.lock.acquire()
        return await self.checkpoint(projection)

    async def mend(self, projection: str, parked: int) -> None:
        """Count."""
        known = await self.hold(projection)
        assert known is not None
        self._checkpoints[projection] = known.mending(parked)

    async def choose(self, projection: str, chosen_us: int) -> None:
        """Set."""
        known = await self.hold(projection)
        assert known is not None
        self._checkpoints[projection] = msgspec.structs.replace(known, chosen_us=chosen_us)

    async def _held(self, checkpoint: Checkpoint) -> Checkpoint:
        return await self.hold(checkpoint.projection) or checkpoint.unmoved()

    def commit(self) -> None:
        """Make everything visible."""
        for table, changes in self._rows.items():
            rows = self._kept.rows[table]
            for key, row in changes.items():
                if row is None:
                    rows.pop(key, None)
                else:
                    rows[key] = row
        self._kept.checkpoints.update(self._checkpoints)
        self._kept.moved.set()
        self._kept.moved = asyncio.Event()

    def end(self) -> None:
        """Let others go on, whether it was committed or not."""
        if self._holds:
            self._holds = False
            self._kept.lock.release()

    def _seen(self, table: str) -> Mapping[str, Row | None]:
        return {**self._kept.rows[table], **self._rows.get(table, {})}


def _value(shape: Table, row: Row, column: str) -> Any:
    index = next(i for i, c in enumerate(shape.columns) if c.name == column)
    return row.values[index]


def _fits(shape: Table, row: Row, where: Iterable[Condition]) -> bool:
    return all(_holds(_value(shape, row, c.column), c) for c in where)


def _holds(value: ColumnValue, condition: Condition) -> bool:
    if condition.test == "any_of":
        held = value if isinstance(value, tuple) else (value,)
        return any(one in condition.values for one in held)
    limit: Any = condition.values[0]
    current: Any = value
    if value is None:
        return False
    if condition.test == "at_least":
        return bool(current >= limit)
    return bool(current <= limit) if condition.test == "at_most" else bool(current < limit)


def _has_words(row: Row, wanted: Sequence[str]) -> bool:
    found = [word for text in row.texts for word in words(text)]
    known = set(found)
    return all(word in known for word in wanted[:-1]) and any(
        word.startswith(wanted[-1]) for word in found
    )


def _relevance(row: Row, wanted: Sequence[str]) -> int:
    score = 0
    for weight, text in zip(range(len(row.texts), 0, -1), row.texts, strict=True):
        score += weight * sum(w in wanted or w.startswith(wanted[-1]) for w in words(text))
    return score


def _ordered(shape: Table, rows: list[Row], select: Select, wanted: Sequence[str]) -> list[Row]:
    if select.sort is None:
        rows = sorted(rows, key=lambda row: row.key)
        return sorted(rows, key=lambda row: -_relevance(row, wanted)) if wanted else rows
    column, descending = select.sort

    def order(row: Row) -> tuple[bool, Any, str]:
        value = _value(shape, row, column)
        return (value is None, 0 if value is None else value, row.key)

    return sorted(rows, key=order, reverse=descending)


def _is_after(shape: Table, row: Row, select: Select) -> bool:
    assert select.after is not None
    last, key = select.after
    if select.sort is None:
        return row.key > key
    column, descending = select.sort
    value = _value(shape, row, column)
    if value == last:
        return row.key < key if descending else row.key > key
    larger = value is None or (last is not None and value > last)
    return larger is not descending


def _last(
    shape: Table, row: Row, select: Select, wanted: Sequence[str]
) -> tuple[Scalar, str] | None:
    if select.sort is None:
        # Relevance is no stable order to continue from; such lists are paged by offset.
        return None if wanted else (None, row.key)
    return _value(shape, row, select.sort[0]), row.key


def _facet(
    shape: Table, rows: list[Row], where: Sequence[Condition], name: str
) -> list[FacetCount]:
    others = [condition for condition in where if condition.column != name]
    counts: Counter[Any] = Counter()
    for row in rows:
        if _fits(shape, row, others):
            value = _value(shape, row, name)
            counts.update(set(value) if isinstance(value, tuple) else [value])
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0] is None, item[0]))
    return [FacetCount(value, count) for value, count in ordered]


def _marks(shape: Table, row: Row, wanted: Sequence[str]) -> dict[str, str]:
    return highlights(msgspec.json.decode(row.document), shape.texts, wanted)
