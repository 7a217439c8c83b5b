"""Several processes write to one SQLite file: each of them gets to, and who looks does not wait."""

from __future__ import annotations

import asyncio
import fcntl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.waiting import until
from twofold.adapters.sqlite.database import SqliteDatabase
from twofold.adapters.sqlite.log import SqliteLog
from twofold.errors import StoreUnavailable

# Another process that is in a transaction nearly always, and begins the next one at once.
_BUSY = """
import sqlite3, sys, time
from pathlib import Path
from twofold.adapters.sqlite.turns import Turns

path = Path(sys.argv[1])
connection = sqlite3.connect(path, isolation_level=None)
turns = Turns(path, 60_000)
while True:
    turns.begin(connection)
    connection.execute("update busy set times = times + 1")
    time.sleep(0.05)
    connection.execute("commit")
"""
_TRANSACTIONS = 20


@contextmanager
def busy(path: Path) -> Iterator[None]:
    """While another process writes without a pause."""
    process = subprocess.Popen([sys.executable, "-c", _BUSY, str(path)])
    try:
        yield
    finally:
        process.kill()
        process.wait()


async def times(database: SqliteDatabase) -> int:
    found: int = await database.read(lambda c: c.execute("select times from busy").fetchone()[0])
    return found


async def test_whoever_writes_without_a_pause_leaves_others_their_turn(tmp_path: Path) -> None:
    path = tmp_path / "shared.db"
    database = SqliteDatabase(path)
    await database.open()
    await database.write(lambda c: c.execute("create table busy as select 0 as times"))
    with busy(path):

        async def at_work() -> bool:
            return await times(database) > 0

        await until(at_work, 60)
        before = await times(database)
        for _ in range(_TRANSACTIONS):
            async with database.transaction() as transaction:
                await transaction.run(lambda c: c.execute("update busy set times = times"))
        # Nobody has to wait for more than the transaction at hand and one that had begun to wait.
        assert await times(database) - before <= 3 * _TRANSACTIONS
    await database.close()


async def test_nobody_waits_for_ever_for_one_that_stands_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twofold.adapters.sqlite.database._BUSY_MS", 100)
    path = tmp_path / "shared.db"
    first, second = SqliteDatabase(path), SqliteDatabase(path)
    for database in (first, second):
        await database.open()
    async with first.transaction() as still:
        await still.run(lambda c: c.execute("create table busy as select 0 as times"))
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="locked"):
                async with second.transaction() as waiting:
                    await waiting.run(lambda c: None)
    with path.with_name("shared.db-turn").open("ab") as file:
        # It stands still while it waits for its turn.
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(StoreUnavailable):
            async with second.transaction() as waiting:
                await waiting.run(lambda c: None)
    async with second.transaction() as transaction:
        await transaction.run(lambda c: c.execute("update busy set times = 1"))
    assert await times(first) == 1
    for database in (first, second):
        await database.close()


async def test_a_log_is_opened_while_others_write(tmp_path: Path) -> None:
    first, second = (SqliteLog(SqliteDatabase(tmp_path / "log.db")) for _ in range(2))
    await first.open()
    async with first.transaction() as transaction:
        await transaction.append([])
        async with asyncio.timeout(5):
            await second.open()
        assert second.epoch == first.epoch
    await second.close()
    await first.close()
