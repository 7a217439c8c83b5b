"""The read store: documents made for queries, and how far each projection has come.

Rules that every adapter keeps:

* Rows and the checkpoint of a batch are written in one transaction. Where a table has a checkpoint
  of its name, its rows change in no other way, so what was counted at a checkpoint holds as long
  as the checkpoint does. A transaction writes the rows of one table, with no checkpoint or that of
  its name, or it moves checkpoints alone.
* ``advance`` moves a checkpoint only from the position expected; the second of two workers gets
  CheckpointLost and has written nothing.
* Where workers share a projection by partitions, ``advance_parts`` moves some partitions, each
  only from the position expected. All transactions of one projection come one after the other, for
  documents may concern several partitions.
* A table named ``<table>/<what>`` belongs to ``<table>``: its rows are written in transactions that
  hold or move the checkpoint of ``<table>``, and it is cleared and dropped together with it.
* A document comes back byte for byte as it was written.
* Values sort the same everywhere: None above all else, text by code point, numbers exactly.
* Pages by cursor stay stable while rows come and go: no row that existed all along is repeated or
  left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from twofold.errors import CheckpointLost
from twofold.ports.log import LogTransaction

BESIDE = -1
"""``Checkpoint.chosen_us`` of a version that is being built and that nobody reads yet."""

DROPPED = -2
"""``Checkpoint.chosen_us`` of a version that nobody may use any more: it is about to go."""

Scalar: TypeAlias = str | int | bool | Decimal | datetime | date | None
ColumnValue: TypeAlias = Scalar | tuple[str, ...]


class ColumnKind(StrEnum):
    """The types a column can have; ``TEXTS`` holds several texts."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    TIME = "time"
    DATE = "date"
    TEXTS = "texts"


class Column(msgspec.Struct, frozen=True):
    """A declared field of a read model, kept beside the document so that it can be searched.

    ``name`` is snake_case. ``filter``, ``sort``, ``facet`` and ``measure`` tell what queries may
    use it for.
    """

    name: str
    kind: ColumnKind
    filter: bool = False
    sort: bool = False
    facet: bool = False
    measure: bool = False


class Table(msgspec.Struct, frozen=True):
    """Where a version of a read model lives: its columns, and the fields of its full text.

    ``texts`` are the fields' names in the document, the most important first.
    """

    name: str
    columns: tuple[Column, ...]
    texts: tuple[str, ...] = ()


def owner_of(table: str) -> str:
    """The table whose checkpoint goes with the rows of ``table``: mostly itself."""
    return table.partition("/")[0]


class Row(msgspec.Struct, frozen=True):
    """A document with its columns' values (in the table's order) and its texts.

    ``position`` is that of the last event folded into it.
    """

    key: str
    document: bytes
    position: int
    values: tuple[ColumnValue, ...]
    texts: tuple[str, ...] = ()


class Part(msgspec.Struct, frozen=True, array_like=True):
    """How far one partition has come, and the transport's offset of what was applied last."""

    position: int
    offset: str = ""


class Move(msgspec.Struct, frozen=True):
    """A partition is to be moved from the position ``expected`` to ``part``."""

    expected: int
    part: Part


class Checkpoint(msgspec.Struct, frozen=True):
    """How far a projection has come. ``time_us`` is the latest of all its events.

    On advancing, the later of the time known and the time given is kept. With ``parts``, one for
    each partition, ``position`` is the least of theirs: all events up to it are applied.
    ``served_from``: the log's head when the table was begun; nobody reads it before ``position``
    is there. It is set by ``claim`` and stays. ``parked`` sequences of events wait beside the table
    and are not in its rows; ``mended`` counts how often that changed. Both are changed by ``mend``
    alone. ``chosen_us``: when readers were last told to use this version, in microseconds since
    1970 (0: since it was made), or ``BESIDE``, or ``DROPPED``. It is set by ``claim`` and changed
    by ``choose`` alone.
    """

    projection: str
    position: int
    time_us: int
    epoch: str
    fingerprint: str = ""
    parts: tuple[Part, ...] = ()
    served_from: int = 0
    parked: int = 0
    mended: int = 0
    chosen_us: int = 0

    @property
    def beside(self) -> bool:
        """Whether it is built beside the version that is read."""
        return self.chosen_us == BESIDE

    @property
    def readable(self) -> bool:
        """Whether it was made to be read, or chosen since: neither beside another nor dropped."""
        return self.chosen_us >= 0

    @property
    def served(self) -> bool:
        """Whether it may be read: filled as far as the log went when it was begun, and not beside
        another version."""
        return self.position >= self.served_from and self.readable

    def stands_at(self, position: int) -> bool:
        """Whether exactly the events up to ``position`` are applied, in all partitions."""
        return self.position == position and all(part.position == position for part in self.parts)

    def unmoved(self) -> Checkpoint:
        """The same projection's before its first event."""
        return msgspec.structs.replace(self, position=0, time_us=0, parts=())

    def mending(self, parked: int) -> Checkpoint:
        """What ``mend`` makes of this checkpoint."""
        return msgspec.structs.replace(self, parked=self.parked + parked, mended=self.mended + 1)

    def after(self, known: Checkpoint) -> Checkpoint:
        """With what stays as it is ``known`` when a checkpoint moves."""
        return msgspec.structs.replace(
            self,
            time_us=max(self.time_us, known.time_us),
            served_from=known.served_from,
            parked=known.parked,
            mended=known.mended,
            chosen_us=known.chosen_us,
        )

    def parted(self, partitions: int) -> tuple[Part, ...] | None:
        """Its parts if there are ``partitions`` of them, or can be; else None.

        A checkpoint in parts of another number can be parted anew where they all stand together.
        """
        if len(self.parts) == partitions:
            return self.parts
        return (Part(self.position),) * partitions if self.stands_at(self.position) else None

    def moved(
        self, checkpoint: Checkpoint, partitions: int, moves: Mapping[int, Move]
    ) -> Checkpoint:
        """What ``advance_parts`` makes of this checkpoint. Raises CheckpointLost."""
        parts = list(self.parted(partitions) or ())
        for partition, move in moves.items():
            if not parts or parts[partition].position != move.expected:
                raise CheckpointLost(f"{self.projection}, partition {partition}", move.expected)
            parts[partition] = move.part
        least = min(part.position for part in parts)
        moved = msgspec.structs.replace(checkpoint, position=least, parts=tuple(parts))
        return moved.after(self)


class Condition(msgspec.Struct, frozen=True):
    """A limit on one column. ``any_of``: equal to one of ``values`` (TEXTS: containing one)."""

    column: str
    test: Literal["any_of", "at_least", "at_most", "below"]
    values: tuple[Scalar, ...]


class Select(msgspec.Struct, frozen=True):
    """A list to be read. Sorted by ``sort`` (column, descending?) and then by key, the same way.

    Either ``offset`` or ``after`` (the last row's sort value and key) says where to begin.
    ``text`` is what a person typed; rows must contain all its words, the last one as a prefix.
    ``sort`` None: by relevance when there is a text, else by key.
    """

    where: tuple[Condition, ...] = ()
    text: str = ""
    sort: tuple[str, bool] | None = None
    offset: int = 0
    after: tuple[Scalar, str] | None = None
    limit: int = 20
    total: bool = True
    facets: tuple[str, ...] = ()


class FacetCount(msgspec.Struct, frozen=True):
    """How many of the rows selected have this value. A facet ignores the limit on itself."""

    value: Scalar
    count: int


class Selected(msgspec.Struct, frozen=True):
    """``documents`` as stored. ``last`` is what ``after`` wants for the next page, None at the end.

    ``highlights`` has for each document the texts in which words were found, HTML-escaped with
    hits in ``<mark>``.
    """

    documents: Sequence[bytes]
    total: int | None
    facets: Mapping[str, Sequence[FacetCount]]
    last: tuple[Scalar, str] | None
    highlights: Sequence[Mapping[str, str]] = ()


class Sums(msgspec.Struct, frozen=True):
    """A report to be read: measures added up per value of ``by`` (None: all rows together).

    Sorted by the first measure descending where ``largest_first``, else by the value.
    """

    by: str | None
    measures: tuple[str, ...]
    where: tuple[Condition, ...] = ()
    largest_first: bool = False
    limit: int | None = None


class Summed(msgspec.Struct, frozen=True):
    """One line of a report; ``sums`` in the order of the measures, exact."""

    value: Scalar
    sums: tuple[Decimal | int, ...]


class ReadTransaction(Protocol):
    """One transaction of the read store."""

    @property
    def connection(self) -> Any:
        """The driver's own connection, for projections that write as they like."""

    async def checkpoint(self, projection: str) -> Checkpoint | None:
        """The checkpoint as this transaction sees it."""

    async def documents(self, table: str, keys: Sequence[str]) -> Mapping[str, bytes]:
        """The documents that exist among ``keys``."""

    async def matching(
        self, table: str, column: str, values: Sequence[Scalar]
    ) -> Mapping[str, bytes]:
        """Documents by key whose filterable ``column`` has one of ``values``."""

    async def write(self, table: str, rows: Sequence[Row], gone: Sequence[str]) -> None:
        """Insert or replace ``rows`` and delete the keys in ``gone``."""

    async def claim(self, checkpoint: Checkpoint) -> None:
        """Write the first checkpoint of a projection. Raises CheckpointLost if there is one."""

    async def advance(self, checkpoint: Checkpoint, expected: int) -> Checkpoint:
        """Move a checkpoint (0: none yet), which has no parts afterwards; answers what is stored.

        Raises CheckpointLost if it does not stand at ``expected`` in all partitions.
        """

    async def advance_parts(
        self, checkpoint: Checkpoint, partitions: int, moves: Mapping[int, Move]
    ) -> Checkpoint:
        """Move some of ``partitions`` partitions (0: none yet); answers what is stored then.

        ``checkpoint`` gives time, epoch and fingerprint; if its position and parts are those that
        are stored, adapters need not look first. Raises CheckpointLost where a partition is not at
        the position expected or the number of partitions is another.
        """

    async def hold(self, projection: str) -> Checkpoint | None:
        """The checkpoint, which nobody else moves before this transaction has ended."""

    async def mend(self, projection: str, parked: int) -> None:
        """Rows change without events, and ``parked`` sequences more wait beside them (or less).

        Only in a transaction that has moved or holds the checkpoint.
        """

    async def choose(self, projection: str, chosen_us: int) -> None:
        """Readers are to use this version from now on, or not: see ``Checkpoint.chosen_us``.

        Only in a transaction that has moved or holds the checkpoint.
        """


class ReadStore(Protocol):
    """The port. Every method raises StoreUnavailable when the store does not answer."""

    @property
    def lends_transactions(self) -> bool:
        """Whether what is written through a transaction's ``connection`` is part of it."""

    @property
    def one_writer(self) -> bool:
        """Whether a transaction that writes keeps everybody else from writing until it ends."""

    async def open(self, tables: Sequence[Table]) -> None:
        """Connect; create missing tables and indexes. May be called again with more tables.

        Raises ShapeChanged if a table exists with other columns.
        """

    async def close(self) -> None:
        """Release everything; safe to call twice."""

    def transaction(self, *, ahead: bool = False) -> AbstractAsyncContextManager[ReadTransaction]:
        """Begin; commits at the end of the block, rolls back if it raises.

        ``ahead``: ``advance`` comes first, and adapters may look ahead of keeping others from
        moving the checkpoint. That somebody has is then told by CheckpointLost at the end of the
        block, and what was read before that is of no worth.
        """

    def within(self, transaction: LogTransaction) -> ReadTransaction:
        """Join the log's transaction. Raises TypeError where the two are not one database."""

    async def clear(self, table: str, projection: str) -> None:
        """Drop all rows of ``table`` and the projection's checkpoint, together."""

    async def drop(self, table: str) -> None:
        """Remove a table and the checkpoint of the same name, if they exist."""

    async def checkpoints(self) -> Mapping[str, Checkpoint]:
        """All checkpoints by name."""

    async def get(self, table: str, key: str) -> bytes | None:
        """One document. The hot path of reading: adapters may join concurrent calls."""

    async def select(self, table: str, select: Select) -> Selected:
        """A list."""

    async def sums(self, table: str, sums: Sums) -> Sequence[Summed]:
        """A report."""

    async def rows(self, table: str, after_key: str | None, limit: int) -> Sequence[Row]:
        """Rows above a key (None: from the first) in key order, for verification and moving."""

    async def row(self, table: str, key: str) -> Row | None:
        """One row, for verification. ``texts`` may come back empty."""

    async def wait_applied(self, timeout_seconds: float) -> None:
        """Return when some checkpoint may have moved since the last call, at the latest after the
        timeout.

        A move counts that came while nobody waited: the caller was reading then.
        """
