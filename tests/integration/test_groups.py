"""Totals and facets that are kept as rows are written say what counting the rows says."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import pytest

from tests.integration.conftest import Stores
from twofold.adapters._sql import statements
from twofold.adapters.postgres.database import PostgresDatabase
from twofold.adapters.postgres.read_store import PostgresReadStore
from twofold.adapters.sqlite.database import SqliteDatabase
from twofold.adapters.sqlite.read_store import SqliteReadStore
from twofold.ports.read_store import Condition, ReadStore, Row, Scalar, Select
from twofold.testing.conformance.read_store import TABLE, any_of, put, row

FACETS = ("kind", "active", "tags")
COLUMNS = {column.name: index for index, column in enumerate(TABLE.columns)}
LISTS: Sequence[tuple[Condition, ...]] = (
    (),
    any_of("kind", "a"),
    any_of("kind", "a", None),
    any_of("active", True),
    any_of("tags", "ß", "big"),
    any_of("tags", "red") + any_of("active", False),
    any_of("kind", "b") + any_of("tags", "red", "big") + any_of("active", True),
    any_of("kind", "a", "b") + any_of("kind", "b"),
    (*any_of("kind", "a"), Condition("units", "at_least", (2,))),
)


@pytest.fixture
async def store(stores: Stores) -> AsyncIterator[ReadStore]:
    _, found = stores()
    await found.open([TABLE])
    yield found
    await found.close()


def values_of(one: Row, column: str) -> Sequence[Scalar]:
    value: Any = one.values[COLUMNS[column]]
    return value if isinstance(value, tuple) else (value,)


def holds(one: Row, condition: Condition) -> bool:
    values = values_of(one, condition.column)
    if condition.test == "at_least":
        return any(value >= condition.values[0] for value in values)  # type: ignore[operator]
    return not set(values).isdisjoint(condition.values)


def counted(
    rows: Mapping[str, Row], where: Sequence[Condition]
) -> tuple[int, dict[str, Counter[Scalar]]]:
    """Total and facets, row by row."""
    facets: dict[str, Counter[Scalar]] = {}
    for name in FACETS:
        others = [condition for condition in where if condition.column != name]
        chosen = [one for one in rows.values() if all(holds(one, c) for c in others)]
        facets[name] = Counter(value for one in chosen for value in values_of(one, name))
    total = sum(all(holds(one, c) for c in where) for one in rows.values())
    return total, facets


async def answered(
    store: ReadStore, where: tuple[Condition, ...]
) -> tuple[int | None, dict[str, Counter[Scalar]]]:
    """The same, from the store."""
    found = await store.select(TABLE.name, Select(where=where, facets=FACETS, limit=1))
    for name in FACETS:
        counts = [one.count for one in found.facets[name]]
        assert counts == sorted(counts, reverse=True), "the most frequent come first"
    facets = {
        name: Counter({one.value: one.count for one in found.facets[name]}) for name in FACETS
    }
    return found.total, facets


def some_row(chance: Random) -> Row:
    return row(
        f"r-{chance.randrange(15)}",
        kind=chance.choice(("a", "b", None)),
        active=chance.random() < 0.5,
        tags=tuple(chance.sample(("red", "big", "ß"), chance.randrange(3))),
        units=chance.randrange(5),
    )


async def test_counts_follow_every_change_of_rows(store: ReadStore) -> None:
    chance, rows = Random(7), dict[str, Row]()
    for _ in range(6):
        written = {one.key: one for one in (some_row(chance) for _ in range(6))}
        gone = [key for key in sorted(rows) if key not in written and chance.random() < 0.2]
        await put(store, *written.values(), gone=gone)
        rows = {key: one for key, one in (rows | written).items() if key not in gone}
        for where in LISTS:
            assert await answered(store, where) == counted(rows, where)
    await store.clear(TABLE.name, TABLE.name)
    assert await answered(store, ()) == counted({}, ())
    await put(store, row("again", kind="a"))
    assert await answered(store, LISTS[1]) == counted({"again": row("again", kind="a")}, LISTS[1])


async def test_rows_that_are_rolled_back_are_not_counted(store: ReadStore) -> None:
    await put(store, row("a", kind="a"))
    with pytest.raises(ZeroDivisionError):
        async with store.transaction() as transaction:
            await transaction.write(TABLE.name, [row("a", kind="b"), row("b", kind="b")], [])
            _ = 1 / 0
    assert await answered(store, ()) == counted({"a": row("a", kind="a")}, ())


async def test_where_groups_are_many_rows_are_counted(
    store: ReadStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {one.key: one for one in (row(f"r-{n}", kind=f"k-{n}") for n in range(5))}
    await put(store, *rows.values())
    monkeypatch.setattr(statements, "LONGEST", 4)
    monkeypatch.setattr(statements, "groups", None)
    assert await answered(store, LISTS[3]) == counted(rows, LISTS[3])


async def test_a_table_of_sqlite_that_has_no_groups_yet_gets_them(tmp_path: Path) -> None:
    path = tmp_path / "read.db"
    store = SqliteReadStore(SqliteDatabase(path))
    await store.open([TABLE])
    await put(store, row("a", kind="a"))
    await store.close()
    with sqlite3.connect(path) as connection:
        for suffix in ("added", "gone", "changed"):
            connection.execute(f"drop trigger count_{TABLE.name}_{suffix}")
        connection.execute(f"drop table count_{TABLE.name}")
    connection.close()
    await store.open([TABLE])
    await put(store, row("b", kind="a"))
    assert (await answered(store, any_of("kind", "a")))[0] == 2
    await store.close()


async def test_dropped_tables_leave_no_groups(postgres: str) -> None:
    store = PostgresReadStore(PostgresDatabase(postgres))
    await store.open([TABLE])
    await store.drop(TABLE.name)
    await store.close()
    connection = await asyncpg.connect(postgres)
    for catalogue, column in (("pg_class", "relname"), ("pg_proc", "proname")):
        left = f"select count(*) from {catalogue} where {column} like '$count%'"
        assert await connection.fetchval(left) == 0
    await connection.close()
