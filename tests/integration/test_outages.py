"""A database that is full or gone: a clear error, nothing lost, and work goes on by itself."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from tests.library import AuthorId, BookId, Lend, NameAuthor, Register, Return, app
from tests.simulation.oracle import actual, expected
from twofold import Caller, Command, RuntimeSettings, Sent, System
from twofold.adapters.postgres.database import PostgresDatabase
from twofold.adapters.postgres.log import PostgresLog
from twofold.adapters.postgres.read_store import PostgresReadStore
from twofold.adapters.sqlite.database import SqliteDatabase
from twofold.adapters.sqlite.log import SqliteLog
from twofold.adapters.sqlite.read_store import SqliteReadStore
from twofold.errors import StoreFull, StoreUnavailable
from twofold.ops.services import restart, temporary
from twofold.ops.services.processes import alive, until
from twofold.ops.services.service import Running
from twofold.runtime.clock import SeededChance, SystemClock

MODES = pytest.mark.parametrize("mode", ["inline", "async"])
HERBERT = NameAuthor(author_id=AuthorId("a-1"), name="Herbert")
CLIENTS, BOOKS, OUTAGES = 4, 15, 2


@asynccontextmanager
async def running(
    log: SqliteLog | PostgresLog, read_store: object, mode: str
) -> AsyncIterator[System]:
    system = System(
        app,
        log,
        read_store,  # type: ignore[arg-type]
        clock=SystemClock(),
        chance=SeededChance(),
        settings=RuntimeSettings(projections=mode, retry_limit_seconds=0.2),  # type: ignore[arg-type]
    )
    async with system:
        await system.send(HERBERT)
        yield system


def book(number: int, title: str = "Dune") -> Register:
    return Register(book_id=BookId(f"b-{number}"), title=title, author_id=AuthorId("a-1"))


async def settled(system: System) -> None:
    async with asyncio.timeout(30):
        await system.progress.refresh()
        await system.progress.reach(list(system.tables.values()), await system.log.head(), 25)
    assert await actual(system) == await expected(system)


async def until_answered(system: System, command: Command, key: str) -> bytes:
    while True:
        try:
            return (await system.send(command, Sent(caller=Caller("ann"), key=key))).answer
        except StoreUnavailable:
            await asyncio.sleep(0.01)


@MODES
async def test_a_full_disk_stops_sqlite_until_there_is_room(tmp_path: Path, mode: str) -> None:
    database = SqliteDatabase(tmp_path / "full.db")
    async with running(SqliteLog(database), SqliteReadStore(database), mode) as system:
        pages = await database.write(lambda c: c.execute("pragma page_count").fetchone()[0])
        await database.write(
            lambda c: c.execute(f"pragma max_page_count = {pages + 30}").fetchone()
        )
        written = 0
        with pytest.raises(StoreFull, match="free space and try again"):
            for written in range(1_000):
                await system.send(book(written, "x" * 2_000), Sent(key=str(written)))
        assert [e.type for e in await system.log.read(0, 9_999)].count("book.Registered") == written
        await database.write(lambda c: c.execute("pragma max_page_count = 1000000").fetchone())
        assert (await system.send(book(written), Sent(key=str(written)))).created
        await settled(system)


@MODES
async def test_a_full_disk_stops_postgres_until_there_is_room(postgres: str, mode: str) -> None:
    database = PostgresDatabase(postgres)
    async with running(PostgresLog(database), PostgresReadStore(database), mode) as system:
        connection = await asyncpg.connect(postgres)
        # The server's own error, where it would raise it: while rows are written.
        await connection.execute(
            "create function full_disk() returns trigger language plpgsql as "
            "$$ begin raise exception 'no space left on device' using errcode = '53100'; end $$"
        )
        for table in ("twofold.event", 'twofold_read."catalogue_1"'):
            await connection.execute(
                f"create trigger full_disk before insert on {table} "
                "for each statement execute function full_disk()"
            )
        with pytest.raises(StoreFull, match="no space left on device; free space"):
            await system.send(book(1), Sent(key="1"))
        assert await system.log.head() == 1
        await connection.execute("drop trigger full_disk on twofold.event")
        if mode == "async":
            await system.send(book(1), Sent(key="1"))
            async with asyncio.timeout(20):
                while "catalogue_1" not in system.progress.stopped:
                    await system.progress.next_move(0.1)
            assert "no space left" in system.progress.stopped["catalogue_1"]
        await connection.execute('drop trigger full_disk on twofold_read."catalogue_1"')
        await connection.close()
        await until_answered(system, book(2), "2")
        await settled(system)


@pytest.fixture
def server() -> Iterator[Running]:
    """A PostgreSQL of this test's own."""
    with temporary("postgres") as found:
        yield found


def kill(server: Running) -> None:
    os.kill(server.pid, signal.SIGKILL)
    assert until(lambda: not alive(server), 10.0)


@MODES
async def test_a_server_that_is_killed_under_load_loses_nothing(server: Running, mode: str) -> None:
    database = PostgresDatabase(server.address)
    async with running(PostgresLog(database), PostgresReadStore(database), mode) as system:
        step = asyncio.Event()

        async def client(number: int) -> None:
            for count in range(BOOKS):
                key = f"{number}-{count}"
                one = BookId(f"b-{number * 1_000 + count}")
                answers = [
                    await until_answered(system, book(number * 1_000 + count), key)
                    for _ in range(2)
                ]
                assert answers[0] == answers[1]
                await until_answered(system, Lend(book_id=one, reader="ann"), f"{key}-lent")
                await until_answered(system, Return(book_id=one), f"{key}-back")
                step.set()

        clients = [asyncio.create_task(client(number)) for number in range(CLIENTS)]
        found = server
        for _ in range(OUTAGES):
            step.clear()
            await step.wait()
            await asyncio.to_thread(kill, found)
            with pytest.raises(StoreUnavailable, match="PostgreSQL is not available"):
                await system.log.head()
            found = await asyncio.to_thread(restart, found)
        await asyncio.gather(*clients)
        assert await system.log.head() == 1 + 3 * CLIENTS * BOOKS
        await settled(system)
        assert not system.progress.stopped
