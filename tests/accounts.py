"""Bank accounts in a table that was there before: what the tests of own rows run."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NewType

import asyncpg

from twofold import (
    Application,
    Command,
    Event,
    Key,
    Module,
    Projection,
    ReadModel,
    Recorded,
    Refused,
    Rows,
    StateStored,
    Value,
    anyone,
    get,
    post,
)

AccountId = NewType("AccountId", str)
TABLE = (
    "create table account (account_id text primary key, owner text not null, "
    "balance numeric not null check (balance < 1000))"
)
POISON = Decimal(13)


class Open(Command):
    account_id: AccountId
    owner: str


class Deposit(Command):
    account_id: AccountId
    amount: Decimal


class Withdraw(Command):
    account_id: AccountId
    amount: Decimal


class Opened(Event):
    owner: str


class Moved(Event):
    amount: Decimal


class Account(Value):
    owner: str
    balance: Decimal = Decimal(0)


class TooMuch(Refused):
    """There is not that much."""


class PostgresAccounts:
    """Plain statements on asyncpg's connection."""

    async def load(self, connection: Any, identities: Sequence[str]) -> Mapping[str, Account]:
        sql = (
            "select account_id, owner, balance from account where account_id = any($1) "
            "order by account_id for update"
        )
        rows = await connection.fetch(sql, list(identities))
        return {row[0]: Account(owner=row[1], balance=row[2]) for row in rows}

    async def save(self, connection: Any, states: Mapping[str, Account]) -> None:
        sql = (
            "insert into account values ($1, $2, $3) on conflict (account_id) "
            "do update set owner = excluded.owner, balance = excluded.balance"
        )
        rows = [(key, state.owner, state.balance) for key, state in states.items()]
        try:
            await connection.executemany(sql, rows)
        except asyncpg.CheckViolationError as exc:
            raise Refused("An account holds less than 1000") from exc


class SqliteAccounts:
    """Plain statements, run in the thread that writes."""

    async def load(self, connection: Any, identities: Sequence[str]) -> Mapping[str, Account]:
        marks = ", ".join("?" * len(identities))
        sql = f"select account_id, owner, balance from account where account_id in ({marks})"
        rows = await connection.run(lambda c: c.execute(sql, identities).fetchall())
        return {row[0]: Account(owner=row[1], balance=Decimal(row[2])) for row in rows}

    async def save(self, connection: Any, states: Mapping[str, Account]) -> None:
        rows = [(key, state.owner, str(state.balance)) for key, state in states.items()]
        sql = "insert or replace into account values (?, ?, ?)"
        try:
            await connection.run(lambda c: c.executemany(sql, rows))
        except sqlite3.IntegrityError as exc:
            raise Refused("An account holds less than 1000") from exc


class AccountPage(ReadModel):
    account_id: Key[AccountId]
    moved: Decimal = Decimal(0)


def bank(rows: Rows[Account] | None) -> Application:
    """The application, its accounts kept in ``rows``."""
    account = StateStored(Account, AccountId, rows=rows)
    pages = Projection(AccountPage)

    @account.decides
    def begin(state: None, command: Open) -> tuple[Account, Opened]:
        return Account(owner=command.owner), Opened(owner=command.owner)

    @account.decides
    def deposit(state: Account, command: Deposit) -> tuple[Account, Moved]:
        return state.but(balance=state.balance + command.amount), Moved(amount=command.amount)

    @account.decides
    def withdraw(state: Account, command: Withdraw) -> tuple[Account, Moved]:
        if command.amount > state.balance:
            raise TooMuch(f"There are {state.balance}")
        return state.but(balance=state.balance - command.amount), Moved(amount=-command.amount)

    @pages.on
    def shown(page: AccountPage | None, event: Opened | Moved, meta: Recorded) -> AccountPage:
        page = page or AccountPage(account_id=AccountId(meta.stream_id))
        amount = event.amount if isinstance(event, Moved) else Decimal(0)
        if amount == POISON:
            raise ValueError("this amount can't be shown")
        return page.but(moved=page.moved + amount)

    routes = (
        post("/accounts", Open, may=anyone),
        post("/accounts/{accountId}/deposit", Deposit, may=anyone),
        post("/accounts/{accountId}/withdraw", Withdraw, may=anyone),
        get("/accounts", pages.page, may=anyone),
    )
    return Application("bank", Module("bank", account, pages, *routes))
