"""What sessions of PostgreSQL keep from one transaction to the next: nothing of anybody's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from twofold.adapters.postgres import database as postgres_database
from twofold.adapters.postgres.database import PostgresDatabase
from twofold.adapters.postgres.log import PostgresLog
from twofold.adapters.postgres.read_store import PostgresReadStore
from twofold.errors import StoreUnavailable
from twofold.ports.read_store import Checkpoint
from twofold.testing.conformance.read_store import TABLE, row


@pytest.fixture
async def database(postgres: str) -> AsyncIterator[PostgresDatabase]:
    found = PostgresDatabase(postgres, connections=1)
    await found.open()
    yield found
    await found.close()


@pytest.fixture
async def store(database: PostgresDatabase) -> AsyncIterator[PostgresReadStore]:
    found = PostgresReadStore(database)
    await found.open([TABLE])
    yield found
    await found.close()


async def test_settings_of_a_handwritten_projection_end_with_its_transaction(
    database: PostgresDatabase, store: PostgresReadStore
) -> None:
    async with store.transaction() as transaction:
        await transaction.connection.execute("set search_path = elsewhere")
        await transaction.connection.execute("select pg_advisory_lock(1)")
    async with database.planned() as connection:
        assert await connection.fetchval("show search_path") != "elsewhere"
        assert await connection.fetchval("select count(*) from pg_locks where objid = 1") == 0


async def test_settings_of_a_teams_own_rows_end_with_the_logs_transaction(
    database: PostgresDatabase,
) -> None:
    log = PostgresLog(database)
    await log.open()
    async with log.transaction() as transaction:
        await transaction.connection.execute("set search_path = elsewhere")
    async with database.pinned() as connection:
        assert await connection.fetchval("show search_path") != "elsewhere"
    await log.close()


async def test_who_stands_still_within_a_transaction_does_not_hold_up_others(
    postgres: str, store: PostgresReadStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_database, "_STANDSTILL_MS", 300)
    zombie = PostgresReadStore(PostgresDatabase(postgres, connections=1))
    await zombie.open([TABLE])
    first = Checkpoint("zombie", 0, 0, "epoch")
    with pytest.raises(StoreUnavailable):
        async with zombie.transaction() as standing:
            await standing.claim(first)
            async with asyncio.timeout(10), store.transaction() as transaction:
                await transaction.claim(first)
            await standing.checkpoint("zombie")
    assert "zombie" in await store.checkpoints()
    await zombie.close()


async def test_who_starts_waits_for_no_projector_and_holds_up_no_reader(
    postgres: str, store: PostgresReadStore
) -> None:
    starting = PostgresReadStore(PostgresDatabase(postgres))
    async with store.transaction() as transaction:
        await transaction.claim(Checkpoint("at-work", 0, 0, "epoch"))
        async with asyncio.timeout(10):
            await starting.open([TABLE])
            assert "at-work" not in await starting.checkpoints()
    await starting.close()


async def test_our_own_statements_need_no_clearing_up(
    database: PostgresDatabase, store: PostgresReadStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    answer = postgres_database.Session.get_reset_query

    def get_reset_query(session: postgres_database.Session) -> str:
        asked.append(answer(session))
        return asked[-1]

    monkeypatch.setattr(postgres_database.Session, "get_reset_query", get_reset_query)
    async with store.transaction() as transaction:
        await transaction.advance(Checkpoint(TABLE.name, 1, 1, "e"), 0)
        await transaction.write(TABLE.name, [row("r-1")], [])
    await store.get(TABLE.name, "r-1")
    assert asked == ["", ""]


async def test_commits_of_the_log_wait_for_the_disk_and_those_of_read_models_do_not(
    database: PostgresDatabase,
) -> None:
    async with database.pinned() as connection:
        assert await connection.fetchval("show synchronous_commit") == "on"
    async with database.planned() as connection:
        assert await connection.fetchval("show synchronous_commit") == "off"
