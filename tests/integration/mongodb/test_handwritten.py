"""Projections written by hand, where the store has no transaction to lend."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from tests.library import AuthorId, NameAuthor, Named, author
from twofold import (
    Application,
    Handwritten,
    Module,
    Recorded,
    RuntimeSettings,
    System,
    anyone,
    internal,
)
from twofold.adapters.mongodb.database import MongoDatabase
from twofold.adapters.mongodb.read_store import MongoReadStore
from twofold.adapters.sqlite.database import SqliteDatabase
from twofold.adapters.sqlite.log import SqliteLog
from twofold.errors import WiringProblems
from twofold.runtime.clock import SeededChance, SystemClock


def ledger(idempotent: bool) -> Application:
    """Keeps the names that authors have had."""
    written = Handwritten("ledger", idempotent=idempotent)

    @written.on
    async def noted(database: Any, event: Named, meta: Recorded) -> None:
        line = {"author": meta.stream_id, "name": event.name}
        await database.ledger.replace_one({"_id": meta.position}, line, upsert=True)

    return Application("notes", Module("notes", author, written, internal(NameAuthor, may=anyone)))


@asynccontextmanager
async def running(application: Application, folder: Path, address: str) -> AsyncIterator[System]:
    async with System(
        application,
        SqliteLog(SqliteDatabase(folder / "log.db")),
        MongoReadStore(MongoDatabase(address)),
        clock=SystemClock(),
        chance=SeededChance(),
        settings=RuntimeSettings(projections="async"),
    ) as system:
        yield system


async def test_its_handlers_must_be_declared_idempotent(tmp_path: Path, mongodb: str) -> None:
    with pytest.raises(WiringProblems, match=r"test_handwritten.py:\d+: ledger writes by hand"):
        async with running(ledger(False), tmp_path, mongodb):
            raise AssertionError("it started")


async def test_they_write_with_the_drivers_database(tmp_path: Path, mongodb: str) -> None:
    async with running(ledger(True), tmp_path, mongodb) as system:
        for name in ("Frank", "Frank Herbert"):
            done = await system.send(NameAuthor(author_id=AuthorId("a-1"), name=name))
        async with asyncio.timeout(20):
            await system.progress.reach(list(system.tables.values()), done.position, 15)
    async with AsyncMongoClient[dict[str, Any]](mongodb) as client:
        lines = await client.get_default_database().ledger.find().sort("_id", 1).to_list()
    assert [line["name"] for line in lines] == ["Frank", "Frank Herbert"]
