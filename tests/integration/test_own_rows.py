"""State kept in a team's own table, changed in the transaction that records the events."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from tests import accounts
from tests.accounts import (
    POISON,
    TABLE,
    Account,
    AccountId,
    Deposit,
    Moved,
    Open,
    PostgresAccounts,
    SqliteAccounts,
    TooMuch,
    Withdraw,
    bank,
)
from twofold import Application, NotFound, Refused, RuntimeSettings, Sent, System
from twofold.adapters.postgres.database import PostgresDatabase
from twofold.adapters.postgres.log import PostgresLog
from twofold.adapters.postgres.read_store import PostgresReadStore
from twofold.adapters.postgres.sessions import SessionRecorder
from twofold.adapters.sqlite.database import SqliteDatabase
from twofold.adapters.sqlite.log import SqliteLog
from twofold.adapters.sqlite.read_store import SqliteReadStore
from twofold.errors import AlreadyExists, ConcurrencyConflict
from twofold.runtime.clock import SeededChance, SystemClock
from twofold.testing import site
from twofold.wiring.wired import wire

Start: TypeAlias = Callable[[], Awaitable[System]]
Sql: TypeAlias = Callable[[str], Awaitable[list[Any]]]
A = AccountId("a")


class Team:
    """The database as the team's other programs see it, and systems on it."""

    def __init__(self, app: Application, stores: Callable[[], Any], sql: Sql) -> None:
        self.app = app
        self.sql = sql
        self._stores = stores
        self._stack = AsyncExitStack()

    async def start(self, **settings: Any) -> System:
        """Another process."""
        log, read_store = self._stores()
        system = System(
            self.app,
            log,
            read_store,
            clock=SystemClock(),
            chance=SeededChance(),
            settings=RuntimeSettings(**settings),
        )
        return await self._stack.enter_async_context(system)

    async def balance(self, account: str = A) -> Decimal:
        """What the row says."""
        rows = await self.sql(f"select balance from account where account_id = '{account}'")
        return Decimal(rows[0][0])

    async def close(self) -> None:
        await self._stack.aclose()


def on_sqlite(folder: Path) -> Team:
    file = folder / "bank.db"

    async def sql(statement: str) -> list[Any]:
        with sqlite3.connect(file) as connection:
            rows = connection.execute(statement).fetchall()
        connection.close()
        return rows

    def stores() -> Any:
        database = SqliteDatabase(file)
        return SqliteLog(database), SqliteReadStore(database)

    return Team(bank(SqliteAccounts()), stores, sql)


def on_postgres(address: str) -> Team:
    async def sql(statement: str) -> list[Any]:
        connection = await asyncpg.connect(address)
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    def stores() -> Any:
        database = PostgresDatabase(address)
        return PostgresLog(database), PostgresReadStore(database)

    return Team(bank(PostgresAccounts()), stores, sql)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Team:
    """A fresh database, without the table."""
    if request.param == "sqlite":
        return on_sqlite(tmp_path)
    return on_postgres(request.getfixturevalue("postgres"))


@pytest.fixture
async def team(database: Team) -> AsyncIterator[Team]:
    await database.sql(TABLE)
    yield database
    await database.close()


async def opened(system: System, amount: int = 0) -> None:
    await system.send(Open(account_id=A, owner="ann"))
    if amount:
        await system.send(Deposit(account_id=A, amount=Decimal(amount)))


async def test_the_row_and_its_events_are_one_transaction(team: Team) -> None:
    system = await team.start()
    await opened(system, 5)
    assert await team.balance() == 5
    events = await system.log.read(0, 10)
    assert [(e.type, e.version) for e in events] == [("account.Opened", 1), ("account.Moved", 2)]
    with pytest.raises(AlreadyExists):
        await system.send(Open(account_id=A, owner="bob"))
    with pytest.raises(NotFound):
        await system.send(Deposit(account_id=AccountId("none"), amount=Decimal(1)))


async def test_a_refusal_changes_neither(team: Team) -> None:
    system = await team.start()
    await opened(system, 5)
    with pytest.raises(TooMuch):
        await system.send(Withdraw(account_id=A, amount=Decimal(6)))
    assert (await team.balance(), await system.log.head()) == (5, 2)


async def test_a_later_process_goes_on_from_the_row(team: Team) -> None:
    await opened(await team.start(), 5)
    second = await team.start()
    done = await second.send(Withdraw(account_id=A, amount=Decimal(5)))
    assert (done.position, await team.balance()) == (3, 0)


async def test_a_row_that_was_there_before_any_event_is_decided_on(team: Team) -> None:
    await team.sql("insert into account values ('a', 'old', 7)")
    system = await team.start()
    await system.send(Withdraw(account_id=A, amount=Decimal(3)))
    assert (await team.balance(), await system.log.head()) == (4, 1)


async def test_what_other_programs_changed_is_never_overwritten(team: Team) -> None:
    system = await team.start()
    await opened(system, 5)
    await team.sql("update account set balance = 50, owner = 'eve' where account_id = 'a'")
    await system.send(Deposit(account_id=A, amount=Decimal(1)))
    rows = await team.sql("select owner, balance from account")
    assert [(row[0], Decimal(row[1])) for row in rows] == [("eve", 51)]


async def test_nobody_is_refused_because_of_a_row_as_it_was(team: Team) -> None:
    system = await team.start()
    await opened(system, 5)
    await team.sql("update account set balance = 50 where account_id = 'a'")
    await system.send(Withdraw(account_id=A, amount=Decimal(20)))
    await team.sql("delete from account")
    with pytest.raises(NotFound):
        await system.send(Deposit(account_id=A, amount=Decimal(1)))


async def test_a_constraint_refuses_its_own_command_alone(team: Team) -> None:
    system = await team.start()
    await opened(system, 5)
    others = [AccountId(f"o{number}") for number in range(10)]
    outcomes = await asyncio.gather(
        *(system.send(Open(account_id=one, owner="ann")) for one in others),
        system.send(Deposit(account_id=A, amount=Decimal(995))),
        return_exceptions=True,
    )
    (refused,) = [one for one in outcomes if isinstance(one, BaseException)]
    assert isinstance(refused, Refused)
    assert await team.balance() == 5
    assert len(await team.sql("select 1 from account")) == 11
    assert await system.log.head() == 12


async def test_what_cannot_be_projected_is_decided_all_the_same_and_waits(team: Team) -> None:
    system = await team.start(projections="inline")
    await opened(system, 5)
    await system.send(Deposit(account_id=A, amount=POISON))
    await system.send(Deposit(account_id=A, amount=Decimal(1)))
    assert (await team.balance(), await system.log.head()) == (6 + POISON, 4)
    assert [c.parked for c in (await system.read_store.checkpoints()).values()] == [1]


async def test_racing_processes_never_take_what_is_not_there(team: Team) -> None:
    systems = [await team.start(decide_attempts=100) for _ in range(2)]
    await opened(systems[0], 20)

    async def withdraw(number: int) -> bool:
        try:
            await systems[number % 2].send(Withdraw(account_id=A, amount=Decimal(1)))
        except TooMuch:
            return False
        return True

    done = await asyncio.gather(*(withdraw(number) for number in range(40)))
    assert (sum(done), await team.balance()) == (20, 0)
    events = await systems[0].log.read(0, 100)
    assert [event.version for event in events] == list(range(1, 23))


async def test_the_same_key_in_two_processes_moves_money_once(team: Team) -> None:
    systems = [await team.start() for _ in range(2)]
    await opened(systems[0], 10)
    command = Withdraw(account_id=A, amount=Decimal(10))
    done = await asyncio.gather(
        *(system.send(command, Sent(key="k")) for system in systems for _ in range(20))
    )
    assert len({one.answer for one in done}) == 1
    assert (await team.balance(), await systems[0].log.head()) == (0, 3)


async def test_a_row_that_never_rests_ends_in_a_conflict(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = await team.start(decide_attempts=3)
    await opened(system, 5)
    looks = iter(range(100))

    async def restless(self: Any, connection: Any, identities: Any) -> dict[str, Account]:
        return {one: Account(owner="ann", balance=Decimal(next(looks))) for one in identities}

    monkeypatch.setattr(type(team.app.modules[0].parts[0].rows), "load", restless)
    with pytest.raises(ConcurrencyConflict):
        await system.send(Deposit(account_id=A, amount=Decimal(1)))
    assert await system.log.head() == 2


async def test_a_session_of_the_teams_and_commands_take_turns(postgres: str) -> None:
    team = on_postgres(postgres)
    await team.sql(TABLE)
    system = await team.start()
    await opened(system, 5)
    recorder = SessionRecorder(wire(team.app), SystemClock(), SeededChance())
    account = team.app.modules[0].parts[0]
    engine = create_async_engine(postgres.replace("postgresql://", "postgresql+asyncpg://"))
    async with AsyncSession(engine) as session, session.begin():
        await session.execute(text("update account set balance = balance + 3"))
        recorder.record(session, account, A, Moved(amount=Decimal(3)))
    await engine.dispose()
    await system.send(Withdraw(account_id=A, amount=Decimal(8)))
    assert await team.balance() == 0
    assert [e.version for e in await system.log.read(0, 10)] == [1, 2, 3, 4]
    await team.close()


def test_a_site_in_memory_needs_no_tables() -> None:
    with site(accounts.bank(PostgresAccounts())) as web:
        web.post("/accounts", {"accountId": "a", "owner": "ann"})
        assert web.post("/accounts/a/deposit", {"amount": "5"}).status == 200
        assert web.post("/accounts/a/withdraw", {"amount": "6"}).status == 409
