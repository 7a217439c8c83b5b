"""Journals: what a transaction writes, kept until all of it is applied.

A commit has four steps, and whoever comes after a crash finishes them:

1. the journal is written, under an id that nobody else uses;
2. the control document names it, by compare-and-set: of two workers the second loses here;
3. its rows are applied, each by ``$max``, so nothing of a later batch is ever overwritten;
4. the control document tells the new checkpoint, and the journal goes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

import bson
import msgspec
from bson.codec_options import CodecOptions
from bson.objectid import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo import UpdateMany, UpdateOne
from pymongo.errors import BulkWriteError

from twofold.adapters.mongodb.collections import belongings
from twofold.adapters.mongodb.control import Control, Controls, Named
from twofold.adapters.mongodb.database import (
    DUPLICATE,
    JOURNAL,
    Document,
    MongoDatabase,
    rows_name,
    translated,
)
from twofold.adapters.mongodb.turns import Turns
from twofold.errors import InvalidInput, StoreUnavailable
from twofold.ports.read_store import Checkpoint

_LARGEST_ROW = 15 * 1024 * 1024
_TRIES = 5
_RAW: CodecOptions[RawBSONDocument] = CodecOptions(RawBSONDocument)
Reached: TypeAlias = Callable[[str], Awaitable[None]]


class Pace(msgspec.Struct, frozen=True):
    """Sizes, and how long a worker that shows no progress is waited for."""

    slice_rows: int = 1_000
    patience_seconds: float = 0.5
    inline_bytes: int = 256 * 1024
    piece_bytes: int = 8 * 1024 * 1024


async def unobserved(step: str) -> None:
    """Nobody watches the steps of a commit."""


Changes: TypeAlias = Mapping[str, Mapping[str, Document | None]]
"""By table and key: a row to be written, or one to go (None)."""


class Entry(NamedTuple):
    """A row to be written, or a key to go (None). ``table`` "": that of the journal's own name."""

    key: str
    row: RawBSONDocument | None
    table: str = ""


class Journals:
    """Writes, applies and finishes journals. Every method raises StoreUnavailable.

    ``reached`` is told each step of a commit, so that tests can stop or kill there.
    """

    def __init__(
        self, database: MongoDatabase, controls: Controls, pace: Pace, reached: Reached = unobserved
    ) -> None:
        self._database = database
        self._controls = controls
        self._pace = pace
        self._reached = reached
        self.turns = Turns(controls, pace.patience_seconds)

    async def commit(self, control: Control, coming: Checkpoint | None, changes: Changes) -> bool:
        """Make ``changes`` and go on to ``coming``. False, and nothing written, if another did.

        Raises InvalidInput for a row that is too large.
        """
        rev = control.rev + 1
        entries = [
            _entry(key, content, rev, "" if table == control.name else table)
            for table, rows in changes.items()
            for key, content in rows.items()
        ]
        journal = await self._write(control.name, rev, coming, entries)
        await self._reached("written")
        if not await self._controls.begin(control, journal):
            await self._forget(journal)
            return False
        await self._reached("named")
        await self._apply(control.name, rev, entries)
        await self._finish(control.name, rev, journal)
        return True

    async def clear(self, control: Control) -> bool:
        """All rows and the checkpoint go. False if another worker was first."""
        journal = Named(ObjectId(), None, clears=True)
        if not await self._controls.begin(control, journal):
            return False
        await self._reached("named")
        await self._bury_all(control.name, control.rev + 1)
        await self._finish(control.name, control.rev + 1, journal)
        return True

    async def settled(self, name: str, worker: ObjectId) -> Control:
        """The control document when it is ``worker``'s turn and nothing is being applied.

        What a crashed worker left behind is finished first.
        """
        control = await self.turns.take(name, worker)
        while control.journal is not None:
            await self._redo(control, control.journal)
            control = await self._controls.read(name)
        return control

    async def sweep(self, name: str, rev: int) -> None:
        """Remove journals for revisions up to ``rev``: they are applied, or can't be named now."""
        with translated():
            await self._database.collection(JOURNAL).delete_many(
                {"name": name, "rev": {"$lte": rev}}
            )

    async def _write(
        self, name: str, rev: int, coming: Checkpoint | None, entries: Sequence[Entry]
    ) -> Named:
        journal = Named(ObjectId(), coming, rows=len(entries))
        pieces = list(_pieces(entries, self._pace.piece_bytes))
        if len(pieces) == 1 and len(pieces[0]) <= self._pace.inline_bytes:
            return msgspec.structs.replace(journal, data=pieces[0])
        for number, data in enumerate(pieces):
            piece = {"_id": _piece_id(journal, number), "name": name, "rev": rev, "data": data}
            with translated():
                await self._database.collection(JOURNAL).insert_one(piece)
        return msgspec.structs.replace(journal, pieces=len(pieces))

    async def _forget(self, journal: Named) -> None:
        if journal.pieces:
            ids = [_piece_id(journal, number) for number in range(journal.pieces)]
            with translated():
                await self._database.collection(JOURNAL).delete_many({"_id": {"$in": ids}})

    async def _finish(self, name: str, rev: int, journal: Named) -> None:
        await self._reached("applied")
        await self._controls.finish(name, journal)
        await self._reached("finished")
        if journal.pieces:
            await self.sweep(name, rev)

    async def _redo(self, control: Control, journal: Named) -> None:
        if journal.clears:
            await self._bury_all(control.name, control.rev)
        elif journal.data:
            await self._apply(control.name, control.rev, _entries(journal.data))
        else:
            for number in range(journal.pieces):
                data = await self._piece(control.name, journal, number)
                if data is None:
                    return
                await self._apply(control.name, control.rev, _entries(data))
        await self._finish(control.name, control.rev, journal)

    async def _piece(self, name: str, journal: Named, number: int) -> bytes | None:
        """None if somebody else has finished the journal meanwhile."""
        with translated():
            found = await self._database.collection(JOURNAL).find_one(
                {"_id": _piece_id(journal, number)}
            )
        if found is not None:
            return bytes(found["data"])
        now = await self._controls.glance(name)
        if now.journal is not None and now.journal.id == journal.id:
            why = (
                f"it has lost a piece of {name}'s journal that it had confirmed; drop the "
                f"collection {rows_name(name)} and {name} in twofold_control to build it anew"
            )
            raise StoreUnavailable("MongoDB", why)
        return None

    async def _apply(self, name: str, rev: int, entries: Sequence[Entry]) -> None:
        gone = _gone(rev)
        for table in dict.fromkeys(entry.table for entry in entries):
            rest = (entry for entry in entries if entry.table == table)
            while piece := list(islice(rest, self._pace.slice_rows)):
                await self._bulk(table or name, [_operation(entry, gone) for entry in piece])
                await self._reached("applying")

    async def _bulk(self, name: str, operations: Sequence[UpdateOne]) -> None:
        """Two workers that insert the same key at once may both be told of a duplicate: again."""
        for attempt in range(1, _TRIES + 1):
            with translated():
                try:
                    await self._database.rows(name).bulk_write(operations, ordered=False)
                    return
                except BulkWriteError as exc:
                    codes = {error["code"] for error in exc.details.get("writeErrors", ())}
                    if codes != {DUPLICATE} or attempt == _TRIES:
                        raise

    async def _bury_all(self, name: str, rev: int) -> None:
        older = {"row.live": True, "row.b": {"$lt": rev}}
        for table in (name, *await belongings(self._database, name)):
            with translated():
                await self._database.rows(table).bulk_write(
                    [UpdateMany(older, {"$set": {"row": _gone(rev)}})]
                )


def _entry(key: str, content: Document | None, rev: int, table: str) -> Entry:
    if content is None:
        return Entry(key, None, table)
    raw = bson.encode({"b": rev, **content})
    if len(raw) > _LARGEST_ROW:
        raise InvalidInput(
            f"the document {key!r} has {len(raw):,} bytes, MongoDB takes up to {_LARGEST_ROW:,}"
        )
    return Entry(key, RawBSONDocument(raw), table)


def _gone(rev: int) -> Document:
    """What is left of a row: it keeps earlier batches out, until the TTL index removes it."""
    return {"b": rev, "live": False, "gone": datetime.now(UTC)}


def _operation(entry: Entry, gone: Document) -> UpdateOne:
    if entry.row is None:
        return UpdateOne({"_id": entry.key}, {"$max": {"row": gone}})
    return UpdateOne({"_id": entry.key}, {"$max": {"row": entry.row}}, upsert=True)


def _piece_id(journal: Named, number: int) -> dict[str, Any]:
    return {"journal": journal.id, "piece": number}


def _pieces(entries: Sequence[Entry], largest_bytes: int) -> Iterator[bytes]:
    """Encoded entries, cut where a piece would grow too large; a large row has one of its own."""
    piece: list[Document] = []
    size = 0
    for entry in entries:
        bytes_more = len(entry.key) * 4 + (len(entry.row.raw) if entry.row else 0) + 32
        if piece and size + bytes_more > largest_bytes:
            yield bson.encode({"entries": piece})
            piece, size = [], 0
        piece.append({"key": entry.key, "row": entry.row, "table": entry.table})
        size += bytes_more
    if piece:
        yield bson.encode({"entries": piece})


def _entries(data: bytes) -> Sequence[Entry]:
    # Journals of former versions name no table.
    return [
        Entry(one["key"], one["row"], one.get("table", ""))
        for one in bson.decode(data, _RAW)["entries"]
    ]
