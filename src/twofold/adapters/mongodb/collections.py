"""The collections of read models and their indexes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import msgspec
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from twofold.adapters._columns import indexed
from twofold.adapters.mongodb.database import JOURNAL, MODEL, MongoDatabase, translated
from twofold.adapters.mongodb.rows import path
from twofold.errors import ShapeChanged
from twofold.ports.read_store import ColumnKind, Table, owner_of

# Longer than any worker can be paused and still have a write under way.
_GONE_SECONDS = 24 * 3600
# An index has at most 32 fields; two are ours.
_COLUMNS = 30


async def prepare(database: MongoDatabase, tables: Sequence[Table]) -> None:
    """Create what is missing; several processes may do so at once. Raises ShapeChanged."""
    with translated():
        await database.collection(JOURNAL).create_index([("name", 1), ("rev", 1)])
        for table in tables:
            await _prepare(database, table)


async def drop(database: MongoDatabase, table: str) -> None:
    """Remove a read model's collection, and what belongs to it."""
    for name in (table, *await belongings(database, table)):
        with translated():
            await database.rows(name).drop()
            await database.collection(MODEL).delete_one({"_id": name})


async def belongings(database: MongoDatabase, table: str) -> list[str]:
    """The tables that belong to ``table``."""
    with translated():
        models = await database.collection(MODEL).find({}, {"_id": True}).to_list()
    names = [model["_id"] for model in models]
    return [name for name in names if name != table and owner_of(name) == table]


async def _prepare(database: MongoDatabase, table: Table) -> None:
    models = database.collection(MODEL)
    shape = msgspec.json.encode(table).decode()
    known = await models.find_one({"_id": table.name})
    if known is None:
        # First the indexes: what is declared has them, whoever is killed in between.
        await database.rows(table.name).create_indexes(_indexes(table))
        with suppress(DuplicateKeyError):
            await models.insert_one({"_id": table.name, "shape": shape})
        known = await models.find_one({"_id": table.name})
    if known is not None and known["shape"] != shape:
        raise ShapeChanged(table.name)


def _indexes(table: Table) -> list[IndexModel]:
    """All lists ask for living rows, so each index begins with that."""
    several = [c.name for c in table.columns if c.kind is ColumnKind.TEXTS]
    found = {name: [c.name for c in columns[:_COLUMNS]] for name, columns in indexed(table).items()}
    found |= {name: [name] for name in several}
    models = [
        IndexModel([("row.live", 1), *((path(c), 1) for c in columns), ("_id", 1)], name=name)
        for name, columns in found.items()
    ]
    if table.texts:
        models.append(IndexModel([("row.live", 1), ("row.t.w", 1)], name="(words)"))
    models.append(IndexModel("row.gone", name="(gone)", expireAfterSeconds=_GONE_SECONDS))
    return models
