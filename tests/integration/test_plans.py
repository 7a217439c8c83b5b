"""Every hot statement finds its rows by an index, on empty and on large tables.

Statements are caught as the adapters send them, with their values, and explained. There are no
statistics: tables grow faster than they are analysed.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import pytest

from twofold.adapters.postgres import agenda as postgres_agenda
from twofold.adapters.postgres import database as postgres_database
from twofold.adapters.postgres import inbox as postgres_inbox
from twofold.adapters.postgres import statistics
from twofold.adapters.postgres.database import PostgresDatabase
from twofold.adapters.postgres.log import PostgresLog
from twofold.adapters.postgres.read_store import PostgresReadStore
from twofold.adapters.sqlite import agenda as sqlite_agenda
from twofold.adapters.sqlite.database import SqliteDatabase
from twofold.adapters.sqlite.log import SqliteLog
from twofold.adapters.sqlite.read_store import SqliteReadStore
from twofold.ports.log import Append, Log, Snapshot
from twofold.ports.read_store import Checkpoint, ReadStore, Select, Sums
from twofold.testing.conformance.log import append, event
from twofold.testing.conformance.read_store import TABLE, any_of, row

STREAMS, VERSIONS = 2_000, 10
ROWS, KINDS = 20_000, 1_000
_DATA = re.compile(r"\s*(select|insert|update|delete)\b", re.I)
Statement: TypeAlias = tuple[str, Sequence[Any]]


async def use_log(log: Log, stream: str, version: int) -> None:
    """Everything that commands and projectors ask of a log."""
    snapshot = Snapshot(version + 1, 0, "fold", b"{}")
    kept = Append(stream, version, (event(stream, version + 1),), None, snapshot)
    async with log.transaction() as transaction:
        await transaction.append([kept, append("thing:new", 0, key="a-new-key")])
    head = await log.head()
    await log.read(max(0, head - 100), 50)
    await log.read(max(0, head - 100), 50, frozenset({"thing.Happened", "thing.Other"}))
    await log.read_stream(stream, 3, 5)
    await log.load({stream: "fold", "thing:7": "fold", "thing:8": "other"})
    await log.records(["a-new-key", "key-7", "none"])


async def use_store(store: ReadStore) -> None:
    """Everything that projections and queries ask of a read store, for some of its rows."""
    async with store.transaction() as transaction:
        await transaction.advance(Checkpoint(TABLE.name, 1, 1, "e"), 0)
        await transaction.checkpoint(TABLE.name)
        await transaction.documents(TABLE.name, ["r-00007", "r-00008", "none"])
        await transaction.matching(TABLE.name, "kind", ["k-7", "k-8"])
        await transaction.write(TABLE.name, [row("r-00007", kind="k-7")], ["r-00009"])
    await store.get(TABLE.name, "r-00007")
    await store.row(TABLE.name, "r-00007")
    await store.rows(TABLE.name, "r-00007", 10)
    some = any_of("kind", "k-7")
    await store.select(TABLE.name, Select(where=some, sort=("name", False), facets=("active",)))
    await store.select(TABLE.name, Select(where=any_of("tags", "t-7"), limit=5))
    await store.select(TABLE.name, Select(text="needle", total=True))
    await store.select(TABLE.name, Select(sort=("units", True), limit=5, total=False))
    await store.sums(TABLE.name, Sums("kind", ("price", "units"), some))


async def fill(log: Log, store: ReadStore) -> None:
    """Make the tables large."""
    for first in range(0, STREAMS, 500):
        batch = [
            append(f"thing:{n}", 0, VERSIONS, key=f"key-{n}") for n in range(first, first + 500)
        ]
        async with log.transaction() as transaction:
            await transaction.append(batch)
    for first in range(0, ROWS, 5_000):
        rows = [
            row(f"r-{n:05}", kind=f"k-{n % KINDS}", units=n, tags=(f"t-{n % KINDS}",), title=f"{n}")
            for n in range(first, first + 5_000)
        ]
        async with store.transaction() as transaction:
            await transaction.write(TABLE.name, rows, [])
    async with store.transaction() as transaction:
        await transaction.write(TABLE.name, [row("r-x", title="a needle")], [])


class Traced(SqliteDatabase):
    """Remembers its statements."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, synchronous="OFF")
        self.seen: list[str] = []

    def _connect(self, *, reading: bool = False) -> sqlite3.Connection:
        connection = super()._connect(reading=reading)
        connection.set_trace_callback(self.seen.append)
        return connection


PAGE = Select(where=any_of("kind", "k-7"), sort=("name", True), total=False)


def sqlite_plans(path: Path, statements: Sequence[str]) -> str:
    """The steps of all plans."""
    connection = sqlite3.connect(path)
    found = [
        step
        for sql in statements
        if _DATA.match(sql)
        for *_, step in connection.execute(f"explain query plan {sql}")
    ]
    connection.close()
    return "\n".join(found)


def sqlite_scans(path: Path, statements: Sequence[str]) -> list[str]:
    """Steps of plans that read a whole table, each with its statement."""
    connection = sqlite3.connect(path)
    found = []
    for sql in dict.fromkeys(one for one in statements if _DATA.match(one)):
        for *_, step in connection.execute(f"explain query plan {sql}"):
            if re.match(r"SCAN (twofold_|read_|many_)\w+(?! USING)\b(?! USING)", step):
                found.append(f"{step}: {sql}")
    connection.close()
    return found


@pytest.mark.parametrize("large", [False, True], ids=["empty", "large"])
async def test_sqlite_finds_rows_by_index(tmp_path: Path, large: bool) -> None:
    path = tmp_path / "plans.db"
    database = Traced(path)
    log, store = SqliteLog(database), SqliteReadStore(database)
    await log.open()
    await store.open([TABLE])
    try:
        if large:
            await fill(log, store)
        database.seen.clear()
        await use_log(log, "thing:5", VERSIONS if large else 0)
        await use_store(store)
        assert len(database.seen) > 20
        assert sqlite_scans(path, database.seen) == []
    finally:
        await store.close()
        await log.close()


async def test_sqlite_takes_pages_of_a_facets_value_in_the_order_of_an_index(
    tmp_path: Path,
) -> None:
    database = Traced(tmp_path / "plans.db")
    store = SqliteReadStore(database)
    await store.open([TABLE])
    database.seen.clear()
    await store.select(TABLE.name, PAGE)
    assert f"INDEX read_{TABLE.name}_kind-name (c_kind=?)" in sqlite_plans(
        tmp_path / "plans.db", database.seen
    )
    await store.close()


def test_a_scan_on_sqlite_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "scan.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table twofold_event (position integer primary key, stream text)")
    connection.close()
    statement = "select * from twofold_event where stream = 'a'"
    assert sqlite_scans(path, [statement]) == [f"SCAN twofold_event: {statement}"]


class Caught:
    """Statements of PostgreSQL connections, apart for those whose plans are pinned."""

    def __init__(self) -> None:
        self.pinned: list[Statement] = []
        self.planned: list[Statement] = []
        self.jit: set[str] = set()

    def around(self, initialise: Callable[[Any], Awaitable[None]]) -> Any:
        """``initialise`` for connections that are listened to."""

        async def listening(connection: Any) -> None:
            await initialise(connection)
            self.jit.add(await connection.fetchval("show jit"))
            free = await connection.fetchval("show enable_seqscan") == "on"
            kept = self.planned if free else self.pinned
            connection.add_query_logger(lambda seen: kept.append((seen.query, seen.args or ())))

        return listening


async def plan(address: str, sql: str, values: Sequence[Any]) -> str:
    """The plan of one statement, without settings."""
    connection = await asyncpg.connect(address)
    lines = await connection.fetch(f"explain (costs off) {sql}", *values)
    await connection.close()
    return "\n".join(line[0] for line in lines)


async def postgres_scans(
    address: str, statements: Sequence[Statement], *settings: str
) -> list[str]:
    """Plans that read a whole table, each with its statement."""
    connection = await asyncpg.connect(address)
    await postgres_database._initialise(connection)
    for setting in ("jit = off", *settings):
        await connection.execute(f"set {setting}")
    found = []
    transaction = connection.transaction()
    await transaction.start()
    for sql, values in statements:
        if sql.startswith("set local"):
            await connection.execute(sql)
        elif sql.startswith(("COMMIT", "ROLLBACK")):
            await transaction.rollback()
            transaction = connection.transaction()
            await transaction.start()
        elif _DATA.match(sql) and ";" not in sql:
            lines = await connection.fetch(f"explain (costs off) {sql}", *values)
            plan = "\n".join(line[0] for line in lines)
            if re.search(r"Seq Scan on (event|command|snapshot|thing_1)", plan):
                found.append(f"{sql}\n{plan}")
    await transaction.rollback()
    await connection.close()
    return found


async def test_postgres_finds_rows_by_index(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    caught = Caught()
    monkeypatch.setattr(statistics, "_FIRST_ROWS", 1_000_000)
    listening = caught.around(postgres_database._initialise)
    database = PostgresDatabase(postgres, connections=2)
    log, store = PostgresLog(database), PostgresReadStore(database)
    with monkeypatch.context() as patched:
        patched.setattr(postgres_database, "_initialise", listening)
        await log.open()
    pins = [f"{name} = {value}" for name, value in postgres_database._PINNED.items()]
    try:
        await store.open([TABLE])
        connection = await asyncpg.connect(postgres)
        for table in ("twofold.event", "twofold.command", f"twofold_read.{TABLE.name}"):
            await connection.execute(f"alter table {table} set (autovacuum_enabled = false)")
        caught.pinned.clear()
        await use_log(log, "thing:5", 0)
        await store.get(TABLE.name, "r-00007")
        assert len(caught.pinned) > 8
        assert await postgres_scans(postgres, caught.pinned, *pins) == []
        await connection.execute("truncate twofold.event, twofold.command, twofold.snapshot")
        await connection.close()
        await log.close()
        await log.open()
        await fill(log, store)
        caught.pinned.clear()
        caught.planned.clear()
        await use_log(log, "thing:5", VERSIONS)
        await use_store(store)
        await store.select(TABLE.name, PAGE)
        sql, values = caught.planned[-1]
        assert f"{TABLE.name}_kind-name" in await plan(postgres, sql, values)
        assert caught.jit == {"off"}
        assert len(caught.planned) > 8
        assert await postgres_scans(postgres, caught.pinned, *pins) == []
        assert await postgres_scans(postgres, caught.planned) == []
    finally:
        await store.close()
        await log.close()


async def test_stuck_instances_are_counted_by_an_index_of_their_own(
    postgres: str, tmp_path: Path
) -> None:
    path = tmp_path / "agenda.db"
    sqlite, log = SqliteLog(SqliteDatabase(path)), PostgresLog(PostgresDatabase(postgres))
    await sqlite.open()
    await log.open()
    connection = await asyncpg.connect(postgres)
    try:
        with sqlite3.connect(path) as file:
            (plan,) = file.execute(f"explain query plan {sqlite_agenda._STUCK}").fetchall()
        file.close()
        assert "USING COVERING INDEX twofold_timer_stuck" in plan[-1]
        await connection.execute(
            "insert into twofold.timer "
            "select 'p:' || n, 't', 'p', n from generate_series(1, 20000) as n"
        )
        for name, value in postgres_database._PINNED.items():
            await connection.execute(f"set {name} = {value}")
        lines = await connection.fetch(f"explain (costs off) {postgres_agenda._STUCK}")
        assert "timer_stuck" in "\n".join(line[0] for line in lines)
    finally:
        await connection.close()
        await log.close()
        await sqlite.close()


async def test_commands_are_read_in_their_order_past_lanes_that_are_looked_up_once(
    postgres: str,
) -> None:
    log = PostgresLog(PostgresDatabase(postgres))
    await log.open()
    connection = await asyncpg.connect(postgres)
    try:
        await connection.execute(
            "insert into twofold.accepted_command (command_id, part, accepted_us, lane, content) "
            "select n::text, n % 16, n, 'l:' || n % 500, '' from generate_series(1, 20000) as n"
        )
        for name, value in postgres_database._PINNED.items():
            await connection.execute(f"set {name} = {value}")
        sql = f"explain (costs off) {postgres_inbox._WAITING}"
        lines = await connection.fetch(sql, list(range(16)), ["x"], 1_000)
        plan = "\n".join(line[0] for line in lines)
        assert "using accepted_command_pkey" in plan
        assert "hashed SubPlan" in plan
        assert "Sort" not in plan
    finally:
        await connection.close()
        await log.close()


async def test_postgres_analyses_a_read_model_that_has_grown(postgres: str) -> None:
    store = PostgresReadStore(PostgresDatabase(postgres))
    await store.open([TABLE])
    connection = await asyncpg.connect(postgres)
    await connection.execute(
        f"alter table twofold_read.{TABLE.name} set (autovacuum_enabled = false)"
    )
    rows = [row(f"r-{n:05}", kind=f"k-{n % 5}") for n in range(statistics._FIRST_ROWS)]
    known = f"select reltuples from pg_class where relname = '{TABLE.name}'"
    async with store.transaction() as transaction:
        await transaction.write(TABLE.name, rows[:-1], [])
    assert await connection.fetchval(known) == -1
    async with store.transaction() as transaction:
        await transaction.write(TABLE.name, rows[-1:], [])
    assert await connection.fetchval(known) == len(rows)
    await connection.close()
    await store.close()
