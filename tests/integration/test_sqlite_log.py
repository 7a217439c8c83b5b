"""What only a file can do to the log: fill up, be damaged, be of another version."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from twofold.adapters.sqlite.database import SqliteDatabase, translated
from twofold.adapters.sqlite.log import SqliteLog
from twofold.errors import StoreFull, StoreUnavailable
from twofold.ports.log import Append, Appended
from twofold.testing.conformance.log import append, event, written


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
def database(path: Path) -> SqliteDatabase:
    return SqliteDatabase(path)


@pytest.fixture
async def log(database: SqliteDatabase) -> AsyncIterator[SqliteLog]:
    found = SqliteLog(database)
    await found.open()
    yield found
    await found.close()


async def refused(path: Path) -> str:
    """Why the log at ``path`` can't be opened."""
    with pytest.raises(StoreUnavailable) as caught:
        await SqliteLog(SqliteDatabase(path)).open()
    assert not [t for t in threading.enumerate() if "sqlite-writer" in t.name]
    return str(caught.value)


async def test_a_caller_who_leaves_before_the_beginning_blocks_nobody(
    database: SqliteDatabase, log: SqliteLog
) -> None:
    gate = threading.Event()
    busy = asyncio.create_task(database.write(lambda _: gate.wait()))
    leaving = asyncio.create_task(written(log, append("a:1", 0)))
    for _ in range(5):
        await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await busy
    assert await log.head() == 0
    assert await written(log, append("b:1", 0)) == [Appended(1)]


async def test_a_commit_that_fails_leaves_nothing_and_blocks_nobody(
    database: SqliteDatabase, log: SqliteLog
) -> None:
    await database.write(lambda c: c.execute("pragma foreign_keys = on"))
    await database.write(lambda c: c.execute("create table parent (id integer primary key)"))
    await database.write(
        lambda c: c.execute(
            "create table child (x references parent (id) deferrable initially deferred)"
        )
    )
    with pytest.raises(sqlite3.IntegrityError):
        async with log.transaction() as transaction:
            await transaction.append([append("a:1", 0)])
            await transaction.connection.run(lambda c: c.execute("insert into child values (7)"))
    assert await log.head() == 0
    assert await written(log, append("b:1", 0)) == [Appended(1)]


async def test_a_full_disk_half_applies_nothing(database: SqliteDatabase, log: SqliteLog) -> None:
    await written(log, append("a:1", 0))
    await database.write(lambda c: c.execute("pragma max_page_count = 40").fetchone())
    big = Append("b:1", 0, (event("b:1", 1), event("b:1", 2, b"x" * 400_000)))
    with pytest.raises(StoreFull, match="free space and try again"):
        await written(log, append("c:1", 0, key="k"), big)
    assert [r.stream for r in await log.read(0, 10)] == ["a:1"]
    assert await log.records(["k"]) == {}
    await database.write(lambda c: c.execute("pragma max_page_count = 100000").fetchone())
    assert await written(log, big) == [Appended(3)]


async def test_a_transaction_that_rolled_back_by_itself_can_not_go_on(log: SqliteLog) -> None:
    with pytest.raises(StoreUnavailable, match="rolled back"):
        async with log.transaction() as transaction:
            await transaction.append([append("a:1", 0)])
            await transaction.connection.run(lambda c: c.execute("rollback"))
            await transaction.append([append("a:2", 0)])
    assert await log.head() == 0


async def test_what_is_left_of_an_ended_transaction_can_not_write(log: SqliteLog) -> None:
    async with log.transaction() as transaction:
        await transaction.append([append("a:1", 0)])
    with pytest.raises(StoreUnavailable, match="ended"):
        await transaction.append([append("a:1", 1)])
    assert await log.head() == 1


async def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    log = SqliteLog(SqliteDatabase(tmp_path / "not" / "there" / "log.db"))
    await log.open()
    assert await log.head() == 0
    await log.close()


async def test_a_file_that_is_no_database_is_named(path: Path) -> None:
    await asyncio.to_thread(path.write_bytes, b"year,month,total\n" * 1_000)
    assert f"{path}: file is not a database" in await refused(path)


async def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    await asyncio.to_thread((tmp_path / "taken").write_text, "")
    assert str(tmp_path / "taken") in await refused(tmp_path / "taken" / "log.db")


async def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    assert f"{tmp_path}: unable to open" in await refused(tmp_path)


async def test_a_read_only_file_is_not_available(path: Path, log: SqliteLog) -> None:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    with pytest.raises(StoreUnavailable, match="readonly"), translated(path):
        connection.execute("insert into twofold_number values ('n', 1)")
    connection.close()


async def test_a_mistake_in_a_statement_is_no_outage(
    database: SqliteDatabase, log: SqliteLog
) -> None:
    with pytest.raises(sqlite3.OperationalError, match="full_name"):
        await database.read(lambda c: c.execute("select full_name from twofold_event"))


async def test_readers_can_not_write(database: SqliteDatabase, log: SqliteLog) -> None:
    with pytest.raises(StoreUnavailable, match="readonly"):
        await database.read(lambda c: c.execute("delete from twofold_identity"))


async def test_a_database_of_newer_code_is_refused(path: Path, log: SqliteLog) -> None:
    await written(log, append("a:1", 0))
    await log.close()
    with sqlite3.connect(path) as connection:
        connection.execute("insert into twofold_migration values ('99_later.sql', 'x')")
    connection.close()
    assert "99_later.sql, which this version does not know; upgrade" in await refused(path)


async def test_a_migration_that_was_changed_afterwards_is_refused(
    path: Path, log: SqliteLog
) -> None:
    await log.close()
    with sqlite3.connect(path) as connection:
        connection.execute("update twofold_migration set checksum = 'x'")
    connection.close()
    assert "01_log.sql was applied with other content" in await refused(path)
