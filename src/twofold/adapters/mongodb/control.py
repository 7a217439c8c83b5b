"""Control documents: one for each read model, changed by compare-and-set alone.

    {_id: name, rev, position, time_us, epoch, fingerprint, parts, served_from, parked, mended,
     chosen_us, journal, turn, next}

``rev`` counts what was committed. ``position`` and what belongs to it are the checkpoint as
applied, null where none is claimed. ``journal`` names what is being applied and the checkpoint to
come. ``turn`` is the worker at it and ``next`` one that waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from bson.objectid import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from twofold.adapters._parts import parts_of, parts_text
from twofold.adapters.mongodb.database import CONTROL, Document, MongoDatabase, translated
from twofold.ports.read_store import Checkpoint

_COUNTED = ("served_from", "parked", "mended", "chosen_us")
_CHECKPOINT = ("position", "time_us", "epoch", "fingerprint", "parts", *_COUNTED)
_WITHOUT_DATA = {"journal.data": False}


class Named(msgspec.Struct, frozen=True):
    """A journal as its control document names it, and the checkpoint that holds once it is applied.

    ``data``: a small journal is kept here instead of in ``pieces`` of its own. ``clears``: all rows
    go.
    """

    id: ObjectId
    coming: Checkpoint | None
    rows: int = 0
    pieces: int = 0
    data: bytes = b""
    clears: bool = False


class Control(msgspec.Struct, frozen=True):
    """A control document as it was read; ``rev`` 0: there is none yet."""

    name: str
    rev: int = 0
    checkpoint: Checkpoint | None = None
    journal: Named | None = None
    turn: ObjectId | None = None
    next: ObjectId | None = None


class Controls:
    """The control documents of one database. Every method raises StoreUnavailable."""

    def __init__(self, database: MongoDatabase) -> None:
        self._database = database

    async def read(self, name: str) -> Control:
        """One of them, with a small journal's data."""
        with translated():
            found = await self._database.collection(CONTROL).find_one({"_id": name})
        return _control(found) if found else Control(name)

    async def glance(self, name: str) -> Control:
        """One of them without its journal's data, for those who only wait."""
        with translated():
            found = await self._database.collection(CONTROL).find_one({"_id": name}, _WITHOUT_DATA)
        return _control(found) if found else Control(name)

    async def all(self) -> Sequence[Control]:
        """All of them, without journals' data."""
        with translated():
            cursor = self._database.collection(CONTROL).find({}, _WITHOUT_DATA)
            return [_control(found) for found in await cursor.to_list()]

    async def idle_rev(self, name: str) -> str | None:
        """The revision if nothing is being applied, else None."""
        with translated():
            found = await self._database.collection(CONTROL).find_one(
                {"_id": name}, {"rev": True, "journal.id": True}
            )
        return str(found["rev"]) if found and not found.get("journal") else None

    async def seen(self) -> dict[str, Document]:
        """How far all have come, to be compared with what was seen before."""
        with translated():
            cursor = self._database.collection(CONTROL).find({}, {"position": True, "parts": True})
            return {found["_id"]: found for found in await cursor.to_list()}

    async def take(
        self, name: str, worker: ObjectId, instead_of: Control | None = None
    ) -> Control | None:
        """The control document if it is ``worker``'s turn now, or if nobody has moved since.

        ``instead_of``: the worker whose turn it was then has taken too long.
        """
        free = {"turn": None, "next": {"$in": [None, worker]}}
        known = {"rev": instead_of.rev, "turn": instead_of.turn} if instead_of else free
        with translated():
            found = await self._database.collection(CONTROL).find_one_and_update(
                {"_id": name, **known},
                {"$set": {"turn": worker, "next": None}},
                return_document=ReturnDocument.AFTER,
            )
        return _control(found) if found else None

    async def queue(self, name: str, worker: ObjectId) -> None:
        """Be the next, if nobody else is."""
        with translated():
            await self._database.collection(CONTROL).update_one(
                {"_id": name, "next": None}, {"$set": {"next": worker}}
            )

    async def leave(self, name: str, worker: ObjectId) -> None:
        """Whatever is ``worker``'s is free again."""
        with translated():
            for place in ("turn", "next"):
                await self._database.collection(CONTROL).update_one(
                    {"_id": name, place: worker}, {"$set": {place: None}}
                )

    async def move(self, control: Control, checkpoint: Checkpoint | None) -> bool:
        """Go on to ``checkpoint`` where no rows are to be written; False if somebody was first."""
        return await self._commit(control, {**_plain(checkpoint), "journal": None, "turn": None})

    async def begin(self, control: Control, journal: Named) -> bool:
        """Name ``journal``: from here on it will be applied. False if somebody was first."""
        return await self._commit(
            control, {**_plain(control.checkpoint), "journal": _named(journal)}
        )

    async def finish(self, name: str, journal: Named) -> None:
        """Everything in ``journal`` is applied; nothing happens if somebody has said so before."""
        done: Document = {**_plain(journal.coming), "journal": None, "turn": None}
        with translated():
            await self._database.collection(CONTROL).update_one(
                {"_id": name, "journal.id": journal.id}, {"$set": done}
            )

    async def _commit(self, control: Control, content: Document) -> bool:
        known = {"_id": control.name, "rev": control.rev}
        change = {"$set": {**content, "rev": control.rev + 1}}
        with translated():
            try:
                done = await self._database.collection(CONTROL).update_one(
                    known, change, upsert=control.rev == 0
                )
            except DuplicateKeyError:
                return False
        return bool(done.matched_count or done.upserted_id is not None)


def _control(found: Document) -> Control:
    name, journal = found["_id"], found["journal"]
    return Control(
        name,
        found["rev"],
        _checkpoint(name, found),
        journal
        and Named(
            journal["id"],
            _checkpoint(name, journal),
            journal["rows"],
            journal["pieces"],
            journal.get("data", b""),
            journal["clears"],
        ),
        found.get("turn"),
        found.get("next"),
    )


def _checkpoint(name: str, found: Document) -> Checkpoint | None:
    if found["position"] is None:
        return None
    position, time_us, epoch, fingerprint, parts = (found[field] for field in _CHECKPOINT[:5])
    # Control documents of former versions have no such fields.
    counted = (found.get(field) or 0 for field in _COUNTED)
    return Checkpoint(name, position, time_us, epoch, fingerprint, parts_of(parts), *counted)


def _plain(checkpoint: Checkpoint | None) -> dict[str, Any]:
    if checkpoint is None:
        return dict.fromkeys(_CHECKPOINT)
    plain = {field: getattr(checkpoint, field) for field in _CHECKPOINT}
    return {**plain, "parts": parts_text(checkpoint.parts)}


def _named(journal: Named) -> Document:
    return {
        "id": journal.id,
        **_plain(journal.coming),
        "rows": journal.rows,
        "pieces": journal.pieces,
        "data": journal.data,
        "clears": journal.clears,
    }
