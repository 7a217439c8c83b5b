"""Projections keep others from writing to a SQLite file only while they write themselves."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from twofold.adapters.sqlite.database import SqliteDatabase, SqliteTransaction
from twofold.adapters.sqlite.read_store import SqliteReadStore
from twofold.errors import StoreUnavailable
from twofold.ports.read_store import BESIDE, Checkpoint
from twofold.testing.conformance.read_rows import TABLE, row

_NORMAL, _FULL = 1, 2


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    found = SqliteDatabase(tmp_path / "read.db")
    await found.open()
    yield found
    await found.close()


@pytest.fixture
async def store(database: SqliteDatabase) -> AsyncIterator[SqliteReadStore]:
    found = SqliteReadStore(database)
    await found.open([TABLE])
    yield found
    await found.close()


async def test_others_write_while_a_projection_folds(
    database: SqliteDatabase, store: SqliteReadStore
) -> None:
    another = sqlite3.connect(database.path, isolation_level=None, timeout=0)
    async with store.transaction(ahead=True) as transaction:
        await transaction.advance(Checkpoint(TABLE.name, 5, 1, "e"), 0)
        await transaction.documents(TABLE.name, ["a"])
        await transaction.write(TABLE.name, [row("a")], [])
        # In another process as in this one.
        another.execute("create table theirs as select 1 as n")
        async with asyncio.timeout(10), database.transaction() as ours:
            await ours.run(lambda c: c.execute("update theirs set n = 2"))
    assert another.execute("select n from theirs").fetchone() == (2,)
    assert await store.get(TABLE.name, "a") is not None
    another.close()


async def test_of_a_version_that_is_built_commits_are_not_waited_for(
    database: SqliteDatabase, store: SqliteReadStore
) -> None:
    """A failure of the power may take back what is built again from there on, and nothing else."""

    async def synchronous() -> int:
        found: int = await database.write(lambda c: c.execute("pragma synchronous").fetchone()[0])
        return found

    async with store.transaction() as transaction:
        await transaction.claim(Checkpoint(TABLE.name, 0, 0, "e", chosen_us=BESIDE))
    async with store.transaction(ahead=True) as transaction:
        await transaction.advance(Checkpoint(TABLE.name, 5, 1, "e"), 0)
    assert await synchronous() == _NORMAL
    async with store.transaction(ahead=True) as transaction:
        await transaction.advance(Checkpoint("read", 5, 1, "e"), 0)
    assert await synchronous() == _FULL
    async with store.transaction(ahead=True) as transaction:
        await transaction.advance(Checkpoint(TABLE.name, 6, 1, "e"), 5)
    async with store.transaction() as transaction:
        await transaction.hold(TABLE.name)
        await transaction.choose(TABLE.name, 7)
    assert await synchronous() == _FULL


async def test_deferred_work_that_fails_takes_everything_back(database: SqliteDatabase) -> None:
    await database.write(lambda c: c.execute("create table kept (n integer unique)"))

    def put(number: int) -> Callable[[sqlite3.Connection], object]:
        return lambda connection: connection.execute("insert into kept values (?)", (number,))

    async def twice(transaction: SqliteTransaction) -> None:
        transaction.defer(put(1))
        transaction.defer(put(1))

    with pytest.raises(sqlite3.IntegrityError):
        async with database.transaction() as transaction:
            await twice(transaction)
    with pytest.raises(StoreUnavailable):
        async with database.transaction() as transaction:
            await twice(transaction)
            with pytest.raises(sqlite3.IntegrityError):
                await transaction.run(put(2))
    async with database.transaction() as transaction:
        transaction.defer(put(3))
    found = await database.read(lambda c: c.execute("select n from kept").fetchall())
    assert found == [(3,)]
    with pytest.raises(StoreUnavailable):
        transaction.defer(put(4))


async def test_several_pieces_of_work_at_once_are_one_transaction(
    database: SqliteDatabase,
) -> None:
    await database.write(lambda c: c.execute("create table kept (n integer)"))
    async with asyncio.timeout(10):
        async with database.transaction() as transaction:
            await asyncio.gather(
                *(
                    transaction.run(lambda c, n=n: c.execute("insert into kept values (?)", (n,)))
                    for n in range(5)
                )
            )
        with pytest.raises(ZeroDivisionError):
            async with database.transaction() as transaction:
                await transaction.run(lambda c: c.execute("delete from kept"))
                raise ZeroDivisionError
    found = await database.read(lambda c: c.execute("select count(*) from kept").fetchone())
    assert found == (5,)


async def test_who_is_cancelled_while_waiting_for_another_leaves_no_trace(
    database: SqliteDatabase,
) -> None:
    await database.write(lambda c: c.execute("create table kept (n integer)"))

    async def put() -> None:
        async with database.transaction() as transaction:
            await transaction.run(lambda c: c.execute("insert into kept values (1)"))

    async with database.transaction() as first:
        await first.run(lambda c: c.execute("insert into kept values (0)"))
        waiting = [asyncio.create_task(put()) for _ in range(2)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.gather(waiting[0], return_exceptions=True)
    async with asyncio.timeout(10):
        await waiting[1]
    found = await database.read(lambda c: c.execute("select n from kept order by n").fetchall())
    assert found == [(0,), (1,)]
