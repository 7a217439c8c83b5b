"""A team's own SQLAlchemy transaction, with events recorded in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from tests.proposals import Accepted, Level, Submitted, app, proposal
from twofold.adapters.postgres.database import PostgresDatabase
from twofold.adapters.postgres.log import PostgresLog
from twofold.adapters.postgres.sessions import SessionRecorder
from twofold.errors import ConcurrencyConflict
from twofold.runtime.clock import SeededChance, SystemClock
from twofold.testing.conformance.log import append
from twofold.wiring.wired import wire

RECORDER = SessionRecorder(wire(app), SystemClock(), SeededChance())
SUBMITTED = Submitted(title="Machine safety", level=Level.BEGINNER, author="ann")


@pytest.fixture
async def log(postgres: str) -> AsyncIterator[PostgresLog]:
    found = PostgresLog(PostgresDatabase(postgres))
    await found.open()
    yield found
    await found.close()


@pytest.fixture
async def engine(postgres: str, log: PostgresLog) -> AsyncIterator[AsyncEngine]:
    made = create_async_engine(postgres.replace("postgresql://", "postgresql+asyncpg://"))
    async with made.begin() as connection:
        await connection.execute(text("create table team_row (id int primary key, note text)"))
    yield made
    await made.dispose()


async def rows(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(text("select count(*) from team_row"))).scalar_one())


async def test_rows_and_events_are_one_transaction(engine: AsyncEngine, log: PostgresLog) -> None:
    async with AsyncSession(engine) as session, session.begin():
        await session.execute(text("insert into team_row values (1, 'x')"))
        RECORDER.record(session, proposal, "p-1", SUBMITTED, actor="ann")
        RECORDER.record(session, proposal, "p-1", Accepted(), actor="rita")
        assert await log.head() == 0
    found = await log.read(0, 10)
    assert [(r.position, r.stream, r.version, r.type, r.actor) for r in found] == [
        (1, "proposal:p-1", 1, "proposal.Submitted", "ann"),
        (2, "proposal:p-1", 2, "proposal.Accepted", "rita"),
    ]
    assert await rows(engine) == 1


async def test_a_rollback_forgets_both(engine: AsyncEngine, log: PostgresLog) -> None:
    async with AsyncSession(engine) as session:
        await session.execute(text("insert into team_row values (1, 'x')"))
        RECORDER.record(session, proposal, "p-1", SUBMITTED)
        await session.rollback()
        RECORDER.record(session, proposal, "p-2", SUBMITTED)
        await session.commit()
    assert [r.stream for r in await log.read(0, 10)] == ["proposal:p-2"]
    assert await rows(engine) == 0


async def test_a_savepoint_that_is_rolled_back_takes_its_events_along(
    engine: AsyncEngine, log: PostgresLog
) -> None:
    async with AsyncSession(engine) as session, session.begin():
        RECORDER.record(session, proposal, "kept-1", SUBMITTED)
        inner = await session.begin_nested()
        RECORDER.record(session, proposal, "gone", SUBMITTED)
        await inner.rollback()
        async with session.begin_nested():
            RECORDER.record(session, proposal, "kept-2", SUBMITTED)
    streams = [r.stream for r in await log.read(0, 10)]
    assert streams == ["proposal:kept-1", "proposal:kept-2"]


async def test_a_stale_version_fails_the_commit(engine: AsyncEngine, log: PostgresLog) -> None:
    async with log.transaction() as transaction:
        await transaction.append([append("proposal:p-1", 0)])
    async with AsyncSession(engine) as session:
        await session.execute(text("insert into team_row values (1, 'x')"))
        RECORDER.record(session, proposal, "p-1", Accepted(), expected_version=0)
        with pytest.raises(ConcurrencyConflict):
            await session.commit()
        await session.rollback()
    assert (await log.head(), await rows(engine)) == (1, 0)


async def test_sessions_and_the_log_share_one_order(engine: AsyncEngine, log: PostgresLog) -> None:
    async def by_session(number: int) -> None:
        async with AsyncSession(engine) as session, session.begin():
            RECORDER.record(session, proposal, f"s-{number}", SUBMITTED)

    async def by_log(number: int) -> None:
        async with log.transaction() as transaction:
            await transaction.append([append(f"log:{number}", 0)])

    await asyncio.gather(*(work(n) for n in range(15) for work in (by_session, by_log)))
    assert [r.position for r in await log.read(0, 100)] == list(range(1, 31))
