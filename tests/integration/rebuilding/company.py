"""What tests of rebuilds have in common: a library that works, and damage to what it shows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from tests import library
from tests.integration.conftest import Start
from tests.library import AuthorId, BookId, Lend, NameAuthor, Register, Return
from tests.waiting import until
from twofold import System
from twofold.assembly.assemble import shadow_store
from twofold.ports.read_store import ReadStore, Row, Select
from twofold.runtime.rebuilding.desk import VersionsDesk
from twofold.runtime.sending import Done

LOOKING = frozenset[str]()
BRISK: dict[str, Any] = {"poll_seconds": 0.05, "lease_seconds": 0.4, "retry_seconds": 0.01}


async def library_with(start: Start, books: int, mode: str = "async", **settings: Any) -> System:
    """A library with books, all of them shown."""
    system: System = await start(mode, library.app, **BRISK | settings)
    await system.send(NameAuthor(author_id=AuthorId("a-1"), name="Herbert"))
    for number in range(books):
        await register(system, f"b-{number}")
    await shown(system)
    return system


async def register(system: System, book: str) -> Done:
    return await system.send(
        Register(book_id=BookId(book), title=book, author_id=AuthorId("a-1"), subjects=("x",))
    )


async def lent(system: System, book: str, reader: str) -> Done:
    await system.send(Lend(book_id=BookId(book), reader=reader))
    return await system.send(Return(book_id=BookId(book)))


async def shown(system: System) -> None:
    """Everything is applied to what is read."""
    head = await system.log.head()
    await system.progress.follow(lambda: list(system.tables.values()), head, 20)


async def titles(system: System, table: str) -> dict[str, str]:
    rows = await system.read_store.rows(table, None, 1_000)
    return {row.key: msgspec.json.decode(row.document)["title"] for row in rows}


async def checked(system: System, books: int) -> None:
    """What is read is complete."""
    table = system.tables["catalogue"]
    assert await titles(system, table) == {f"b-{n}": f"b-{n}" for n in range(books)}


async def damage(system: System, table: str, key: str) -> None:
    """A row changes behind everybody's back."""
    row = await system.read_store.row(table, key)
    assert row is not None
    document = msgspec.json.decode(row.document) | {"title": "DAMAGED"}
    bad = Row(key, msgspec.json.encode(document), row.position, row.values, row.texts)
    shape = next(a for a in system.appliers if a.table == table).tables[0]
    texts = tuple("" for _ in shape.texts)
    async with system.read_store.transaction() as transaction:
        await transaction.hold(table)
        await transaction.write(table, [msgspec.structs.replace(bad, texts=texts)], [])
        await transaction.mend(table, 0)


async def reads(system: System, projection: str, version: int) -> None:
    """Wait until a process reads a version."""
    await until(lambda: system.tables[projection] == f"{projection}_{version}")


async def states(system: System, projection: str) -> dict[int, str]:
    (found,) = await VersionsDesk(system).all(projection)
    return {one.number: one.state for one in found.versions}


async def total(system: System, table: str) -> int:
    found = await system.read_store.select(table, Select(limit=1))
    assert found.total is not None
    return found.total


def before_comparing(work: Callable[[], Awaitable[None]]) -> Callable[[], Any]:
    """In place of a system's ``shadow_store``: ``work`` is done when a version has been filled."""

    @asynccontextmanager
    async def shadow() -> AsyncIterator[ReadStore]:
        await work()
        async with shadow_store() as store:
            yield store

    return shadow
