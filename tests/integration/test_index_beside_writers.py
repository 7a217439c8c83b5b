"""Indexes of PostgreSQL are built beside those who write, whoever is killed meanwhile."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from tests.waiting import until
from twofold.adapters.migrations import migrations
from twofold.adapters.postgres import migrating
from twofold.adapters.postgres.database import PostgresDatabase
from twofold.adapters.postgres.log import PostgresLog
from twofold.errors import StoreUnavailable
from twofold.ports.log import Appended
from twofold.testing.conformance.log import append

INDEX, FILE = "twofold.command_failed", "13_failed.sql"
RECORDS = 2_000
_OPEN = """
import asyncio, sys
from twofold.adapters.postgres.database import PostgresDatabase
from twofold.adapters.postgres.log import PostgresLog
asyncio.run(PostgresLog(PostgresDatabase(sys.argv[1])).open())
"""


def log_at(address: str) -> PostgresLog:
    return PostgresLog(PostgresDatabase(address))


@pytest.fixture
async def behind(postgres: str) -> AsyncIterator[Any]:
    """A connection to the database, behind everybody's back."""
    connection = await asyncpg.connect(postgres)
    yield connection
    await connection.close()


@pytest.fixture
async def former(
    postgres: str, monkeypatch: pytest.MonkeyPatch, behind: Any
) -> AsyncIterator[PostgresLog]:
    """A process of a version that did not know the index; it has commands recorded, and goes on."""
    with monkeypatch.context() as patched:
        known = [one for one in migrations("twofold.adapters.postgres") if one.name < FILE]
        patched.setattr(migrating, "migrations", lambda _: known)
        log = log_at(postgres)
        await log.open()
    await behind.execute(
        "insert into twofold.command (command_id, operation, digest, status, answer, position, "
        "time_us) select 'c' || n, 'o', 'd', case n % 10 when 0 then 'failed' else 'ok' end, '', "
        f"0, n from generate_series(1, {RECORDS}) n"
    )
    yield log
    await log.close()


@asynccontextmanager
async def snapshot_held(address: str) -> AsyncIterator[None]:
    """Somebody reads all the while; an index that is built waits for them before it is valid."""
    connection = await asyncpg.connect(address)
    async with connection.transaction(isolation="repeatable_read"):
        await connection.fetchval("select count(*) from twofold.command")
        yield
    await connection.close()


async def valid(behind: Any) -> bool | None:
    sql = "select indisvalid from pg_index where indexrelid = to_regclass($1)"
    found: bool | None = await behind.fetchval(sql, INDEX)
    return found


async def half_way(behind: Any) -> None:
    async def begun() -> bool:
        return await valid(behind) is False

    await until(begun)


async def check_whole(behind: Any, address: str) -> None:
    noted = await behind.fetchval("select count(*) from twofold.migration where name = $1", FILE)
    assert (await valid(behind), noted) == (True, 1)
    log = log_at(address)
    await log.open()
    assert (await log.count_failed(), len(await log.failed(0, 5))) == (RECORDS / 10, 5)
    await log.close()


async def write(log: PostgresLog, number: int) -> None:
    """With a record, which the index could be of."""
    async with asyncio.timeout(5), log.transaction() as transaction:
        (outcome,) = await transaction.append([append(f"thing:{number}", 0, key=f"k{number}")])
    assert isinstance(outcome, Appended)


async def test_former_processes_write_while_an_index_is_built(
    postgres: str, former: PostgresLog, behind: Any
) -> None:
    log = log_at(postgres)
    async with snapshot_held(postgres):
        opening = asyncio.create_task(log.open())
        await half_way(behind)
        for number in range(20):
            await write(former, number)
        assert (opening.done(), await valid(behind)) == (False, False)
    await opening
    await write(former, 20)
    await log.close()
    await check_whole(behind, postgres)


async def test_a_new_database_waits_for_nobody(postgres: str, behind: Any) -> None:
    async with behind.transaction(isolation="repeatable_read"):
        await behind.fetchval("select count(*) from pg_class")
        async with asyncio.timeout(10):
            await check_opens(postgres)
    assert await valid(behind)


async def test_processes_that_start_at_once_build_it_once(
    postgres: str, former: PostgresLog, behind: Any
) -> None:
    logs = [log_at(postgres) for _ in range(4)]
    async with snapshot_held(postgres):
        opening = [asyncio.create_task(log.open()) for log in logs]
        await half_way(behind)
        building = await behind.fetchval("select to_regclass($1)::oid", INDEX)
        await write(former, 0)
    await asyncio.gather(*opening)
    assert await behind.fetchval("select to_regclass($1)::oid", INDEX) == building
    for log in logs:
        await log.close()
    await check_whole(behind, postgres)


async def test_what_a_killed_server_process_left_of_an_index_is_built_anew(
    postgres: str, former: PostgresLog, behind: Any
) -> None:
    log = log_at(postgres)
    async with snapshot_held(postgres):
        opening = asyncio.create_task(log.open())
        await half_way(behind)
        await behind.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = "
            "current_database() and query like '%create index concurrently%' and pid <> "
            "pg_backend_pid()"
        )
        with pytest.raises(StoreUnavailable, match=FILE):
            await opening
        await write(former, 0)
    assert await valid(behind) is False
    await check_whole_after_a_start(postgres, behind)


async def test_a_killed_client_leaves_its_turn_to_the_next(
    postgres: str, former: PostgresLog, behind: Any
) -> None:
    log = log_at(postgres)
    async with snapshot_held(postgres):
        process = subprocess.Popen([sys.executable, "-c", _OPEN, postgres])  # noqa: ASYNC220
        try:
            await half_way(behind)
        finally:
            process.kill()
            process.wait()
        opening = asyncio.create_task(log.open())
        await write(former, 0)
        assert not opening.done()
    await opening
    await log.close()
    await check_whole(behind, postgres)


async def test_an_index_that_was_built_and_not_noted_is_noted(
    postgres: str, former: PostgresLog, behind: Any
) -> None:
    await behind.execute(next(m.sql for m in migrations("twofold.adapters.postgres") if m.index))
    built = await behind.fetchval("select to_regclass($1)::oid", INDEX)
    await check_whole_after_a_start(postgres, behind)
    assert await behind.fetchval("select to_regclass($1)::oid", INDEX) == built


async def check_whole_after_a_start(address: str, behind: Any) -> None:
    await check_opens(address)
    await check_whole(behind, address)


async def check_opens(address: str) -> None:
    log = log_at(address)
    await log.open()
    await log.close()


def test_an_index_is_the_same_however_it_is_built() -> None:
    (beside,) = [one for one in migrations("twofold.adapters.postgres") if one.index]
    within = type(beside)(beside.name, beside.within_transaction)
    assert (beside.index, beside.indexed, within.index) == (INDEX, "twofold.command", "")
    assert beside.checksum == within.checksum
    assert beside.sql.count(";") == 1
