"""Schemas that do not fit the code are refused, and migrations are all or nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from tests.integration.conftest import Stores
from twofold.adapters.migrations import Migration
from twofold.adapters.postgres import migrating as postgres_log
from twofold.adapters.sqlite import log as sqlite_log
from twofold.errors import StoreUnavailable
from twofold.testing.conformance.parked_lanes import of_lane

Run = Callable[[str], Awaitable[None]]


# A log in memory has no schema.
pytestmark = pytest.mark.parametrize("stores", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def run(stores: Stores, request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Runs a statement behind the log's back; ``{migration}`` is the table of migrations."""

    async def run(sql: str) -> None:
        if "sqlite" in request.node.callspec.id:
            with sqlite3.connect(tmp_path / "system.db") as connection:
                connection.execute(sql.format(migration="twofold_migration"))
            connection.close()
            return
        driver = await asyncpg.connect(request.getfixturevalue("postgres"))
        await driver.execute(sql.format(migration="twofold.migration"))
        await driver.close()

    return run


async def opened(stores: Stores) -> Any:
    log, _ = stores()
    await log.open()
    await log.close()
    return log


async def test_a_database_of_newer_code_is_refused(stores: Stores, run: Run) -> None:
    await opened(stores)
    await run("insert into {migration} values ('99_later.sql', 'x')")
    with pytest.raises(StoreUnavailable, match=r"99_later.sql, which this version does not know"):
        await opened(stores)
    await run("delete from {migration} where name = '99_later.sql'")
    await opened(stores)


async def test_a_migration_edited_afterwards_is_refused(stores: Stores, run: Run) -> None:
    await opened(stores)
    await run("update {migration} set checksum = 'x' where name = '01_log.sql'")
    with pytest.raises(StoreUnavailable, match=r"01_log.sql was applied with other content"):
        await opened(stores)


async def test_a_migration_that_fails_half_way_leaves_nothing(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await opened(stores)
    good = {module: module.migrations for module in (sqlite_log, postgres_log)}
    broken = Migration("98_broken.sql", "create table half (a int);\ncreate table half (b int)")
    for module, known in good.items():
        monkeypatch.setattr(module, "migrations", lambda p, known=known: [*known(p), broken])
    with pytest.raises(StoreUnavailable, match=r"98_broken.sql failed: .*half.*nothing of it was"):
        await opened(stores)
    mended = Migration("98_broken.sql", "create table half (a int)")
    for module, known in good.items():
        monkeypatch.setattr(module, "migrations", lambda p, known=known: [*known(p), mended])
    after = await opened(stores)
    assert (after.epoch, after.secret) == (before.epoch, before.secret)


async def test_commands_accepted_before_lanes_had_a_column_wait_in_their_lanes(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    known = {module: module.migrations for module in (sqlite_log, postgres_log)}
    for module, all_of in known.items():
        monkeypatch.setattr(
            module,
            "migrations",
            lambda p, all_of=all_of: [one for one in all_of(p) if "parked_lane" not in one.name],
        )
    await opened(stores)
    content = msgspec.json.encode(of_lane("ledger:ß 日", "a"))
    if "sqlite" in request.node.callspec.id:
        with sqlite3.connect(tmp_path / "system.db") as connection:
            sql = "insert into twofold_accepted_command values (1, 'a', 0, 1, ?)"
            connection.execute(sql, (content,))
        connection.close()
    else:
        driver = await asyncpg.connect(request.getfixturevalue("postgres"))
        columns = "command_id, part, accepted_us, content"
        sql = f"insert into twofold.accepted_command ({columns}) values ('a', 0, 1, $1)"
        await driver.execute(sql, content)
        await driver.close()
    monkeypatch.undo()
    log, _ = stores()
    await log.open()
    assert await log.parked_lanes.held(["ledger:ß 日", "other"]) == {"ledger:ß 日"}
    await log.close()
