"""Systems on every backend."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.proposals import app
from twofold import Application, RuntimeSettings, System
from twofold.adapters.memory.log import MemoryLog, MemoryStorage
from twofold.adapters.memory.read_store import MemoryReadStore, MemoryTables
from twofold.adapters.mongodb.database import MongoDatabase
from twofold.adapters.mongodb.read_store import MongoReadStore
from twofold.adapters.postgres.database import PostgresDatabase
from twofold.adapters.postgres.log import PostgresLog
from twofold.adapters.postgres.read_store import PostgresReadStore
from twofold.adapters.sqlite.database import SqliteDatabase
from twofold.adapters.sqlite.log import SqliteLog
from twofold.adapters.sqlite.read_store import SqliteReadStore
from twofold.assembly.assemble import shadow_store
from twofold.runtime.clock import SeededChance, SystemClock

Stores: TypeAlias = Callable[[], tuple[Any, Any]]
Start: TypeAlias = Callable[..., Any]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Stores:
    """Makes logs and read stores that share one fresh database, as processes would.

    Asked for "mongodb", which knows no inline projections, the log is in SQLite.
    """
    if request.param == "memory":
        storage, tables = MemoryStorage(), MemoryTables()
        return lambda: (MemoryLog(storage), MemoryReadStore(tables))
    if request.param == "sqlite":

        def sqlite() -> tuple[Any, Any]:
            database = SqliteDatabase(tmp_path / "system.db")
            return SqliteLog(database), SqliteReadStore(database)

        return sqlite
    address = request.getfixturevalue(request.param)
    if request.param == "mongodb":

        def mongodb() -> tuple[Any, Any]:
            log = SqliteLog(SqliteDatabase(tmp_path / "log.db"))
            return log, MongoReadStore(MongoDatabase(address))

        return mongodb

    def postgres() -> tuple[Any, Any]:
        database = PostgresDatabase(address)
        return PostgresLog(database), PostgresReadStore(database)

    return postgres


@pytest.fixture
async def start(stores: Stores) -> AsyncIterator[Start]:
    """Starts systems on the stores; they are stopped at the end."""
    async with AsyncExitStack() as stack:

        async def started(
            projections: Any = "inline",
            application: Application = app,
            roles: frozenset[str] = frozenset({"api", "projector"}),
            transport: Any = None,
            **settings: Any,
        ) -> System:
            log, read_store = stores()
            system = System(
                application,
                log,
                read_store,
                clock=SystemClock(),
                chance=SeededChance(),
                settings=RuntimeSettings(projections=projections, **settings),
                roles=roles,
                transport=transport,
                shadows=shadow_store,
            )
            return await stack.enter_async_context(system)

        yield started
