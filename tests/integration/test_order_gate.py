"""Whoever reads the log in order misses nothing, whatever writers do; a naive reader does."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import asyncpg
import pytest

from twofold.adapters.postgres.database import PostgresDatabase
from twofold.adapters.postgres.log import PostgresLog
from twofold.errors import StoreUnavailable
from twofold.messages.recorded import Recorded
from twofold.ports.log import Appended, Conflict, Log
from twofold.testing.conformance.log import append

WRITERS, EACH = 16, 25


class Abandoned(Exception):
    """A transaction is given up."""


async def write(log: Log, writer: int) -> int:
    """Slow, fast and abandoned transactions on shared streams; how many events hold."""
    chance = random.Random(writer)
    held, versions = 0, dict.fromkeys(range(8), 0)
    while held < EACH:
        stream = chance.randrange(8)
        abandon = chance.random() < 0.1
        try:
            async with log.transaction() as transaction:
                (outcome,) = await transaction.append([append(f"s:{stream}", versions[stream])])
                await asyncio.sleep(chance.random() * 0.004)
                if abandon:
                    raise Abandoned
        except Abandoned:
            continue
        if isinstance(outcome, Appended):
            versions[stream] += 1
            held += 1
        else:
            assert isinstance(outcome, Conflict)
            versions[stream] = outcome.actual_version
    return held


async def follow(log: Log, done: asyncio.Event) -> list[Recorded]:
    """Read what comes, position by position, until the writers are done and nothing is left."""
    seen: list[Recorded] = []
    while True:
        finished = done.is_set()
        found = await log.read(seen[-1].position if seen else 0, 7)
        seen += found
        if not found and finished:
            return seen
        if not found:
            await log.wait(seen[-1].position if seen else 0, 0.2)


async def test_readers_lose_nothing_and_see_everything_in_order(postgres: str) -> None:
    logs = [PostgresLog(PostgresDatabase(postgres)) for _ in range(4)]
    for log in logs:
        await log.open()
    done = asyncio.Event()
    readers = [asyncio.create_task(follow(log, done)) for log in logs[:3]]
    held = await asyncio.gather(*(write(logs[n % 4], n) for n in range(WRITERS)))
    done.set()
    for seen in await asyncio.gather(*readers):
        assert [r.position for r in seen] == list(range(1, sum(held) + 1))
        for stream in {r.stream for r in seen}:
            versions = [r.version for r in seen if r.stream == stream]
            assert versions == list(range(1, len(versions) + 1))
    for log in logs:
        await log.close()


async def test_an_open_transaction_elsewhere_stalls_nobody(postgres: str) -> None:
    log = PostgresLog(PostgresDatabase(postgres))
    await log.open()
    other = await asyncpg.connect(postgres)
    transaction = other.transaction()
    await transaction.start()
    await other.execute("create temporary table held (x int)")
    async with asyncio.timeout(10), log.transaction() as writing:
        await writing.append([append("a:1", 0)])
    assert [r.position for r in await log.read(0, 10)] == [1]
    await transaction.rollback()
    await other.close()
    await log.close()


async def _naive_writer(pool: Any, number: int) -> None:
    chance = random.Random(number)
    for _ in range(EACH):
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("insert into naive (writer) values ($1)", number)
            await asyncio.sleep(chance.random() * 0.004)


async def _naive_reader(pool: Any, done: asyncio.Event) -> set[int]:
    seen: set[int] = set()
    last = 0
    while True:
        finished = done.is_set()
        rows = await pool.fetch("select id from naive where id > $1 order by id limit 7", last)
        seen |= {row["id"] for row in rows}
        last = rows[-1]["id"] if rows else last
        if not rows and finished:
            return seen
        await asyncio.sleep(0)


async def test_a_reader_of_a_sequence_loses_events(postgres: str) -> None:
    """The negative control: what the log would do if positions came from a sequence."""
    async with asyncpg.create_pool(postgres, min_size=WRITERS + 1, max_size=WRITERS + 1) as pool:
        # A busy machine may run them one after the other once; not again and again.
        for _ in range(10):
            await pool.execute("drop table if exists naive")
            await pool.execute("create table naive (id bigserial primary key, writer int)")
            done = asyncio.Event()
            reader = asyncio.create_task(_naive_reader(pool, done))
            await asyncio.gather(*(_naive_writer(pool, n) for n in range(WRITERS)))
            done.set()
            seen = await reader
            committed = {row["id"] for row in await pool.fetch("select id from naive")}
            if seen < committed:
                return
    raise AssertionError("the control lost nothing, so the test above proves nothing")


@pytest.mark.parametrize("rounds", [3])
async def test_a_database_that_goes_away_comes_back(postgres: str, rounds: int) -> None:
    log = PostgresLog(PostgresDatabase(postgres))
    await log.open()
    admin = await asyncpg.connect(postgres)
    for round_ in range(rounds):
        await admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )
        async with asyncio.timeout(20):
            while True:
                try:
                    async with log.transaction() as transaction:
                        outcome = (await transaction.append([append("a:1", round_)]))[0]
                    break
                except StoreUnavailable:
                    continue
        assert outcome == Appended(round_ + 1)
    await admin.close()
    await log.close()
