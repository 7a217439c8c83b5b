"""Stores that processes share, some of which are killed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.dying import Doom, Dying
from twofold import Application, RuntimeSettings, System
from twofold.adapters.mongodb.database import MongoDatabase
from twofold.adapters.mongodb.journals import Pace
from twofold.adapters.mongodb.read_store import MongoReadStore
from twofold.adapters.postgres.database import PostgresDatabase
from twofold.adapters.postgres.log import PostgresLog
from twofold.adapters.postgres.read_store import PostgresReadStore
from twofold.adapters.sqlite.database import SqliteDatabase
from twofold.adapters.sqlite.log import SqliteLog
from twofold.adapters.sqlite.read_store import SqliteReadStore
from twofold.runtime.clock import SeededChance, SystemClock
from twofold.runtime.ending import end

Work: TypeAlias = Callable[[System], Awaitable[Any]]
Code: TypeAlias = Callable[[System], Any]
NOBODY = frozenset[str]()
_PACE = Pace(patience_seconds=0.02)


def as_it_is(system: System) -> Any:
    """The code as it is written."""
    return nullcontext()


class CutOff(MongoDatabase):
    """The database of a process that may be killed: then it is not even told that its turn ends."""

    def __init__(self, url: str, doom: Doom) -> None:
        super().__init__(url)
        self._doom = doom

    @property
    def connection(self) -> Any:
        """Raises CancelledError."""
        if self._doom.dead:
            raise asyncio.CancelledError
        return super().connection


class World:
    """One fresh log and read store, and processes at work there."""

    def __init__(self, kind: str, folder: Path, address: str) -> None:
        self._kind = kind
        self._folder = folder
        self._address = address
        self._numbers = iter(range(10_000))

    def stores(self, doom: Doom | None = None) -> tuple[Any, Any]:
        """As a process opens them."""
        if self._kind == "postgres":
            postgres = PostgresDatabase(self._address)
            return PostgresLog(postgres), PostgresReadStore(postgres)
        sqlite = SqliteDatabase(self._folder / "system.db", synchronous="OFF")
        if self._kind == "sqlite":
            return SqliteLog(sqlite), SqliteReadStore(sqlite)
        if doom is None:
            return SqliteLog(sqlite), MongoReadStore(MongoDatabase(self._address), pace=_PACE)
        database = CutOff(self._address, doom)
        return SqliteLog(sqlite), MongoReadStore(database, pace=_PACE, reached=doom.meet)

    @asynccontextmanager
    async def process(
        self, app: Application, *roles: str, code: Code = as_it_is, **settings: Any
    ) -> AsyncIterator[System]:
        """One that lives as long as the block."""
        system = self._system(app, *self.stores(), frozenset(roles), settings)
        with code(system):
            async with system:
                yield system

    async def killed(
        self,
        doom: Doom,
        work: Work,
        app: Application,
        *roles: str,
        code: Code = as_it_is,
        **settings: Any,
    ) -> bool:
        """Whether a process has been killed that was started to do ``work``, and to stop then.

        It has an event loop and a thread of its own, so that nothing of it is left.
        """
        life = partial(self._life, doom, work, app, frozenset(roles), code, settings)
        return await asyncio.to_thread(lambda: asyncio.run(life()))

    async def _life(
        self,
        doom: Doom,
        work: Work,
        app: Application,
        roles: frozenset[str],
        code: Code,
        settings: dict[str, Any],
    ) -> bool:
        log, store = self.stores(doom)
        system = self._system(
            app, Dying(log, doom, "log"), Dying(store, doom, "read"), roles, settings
        )
        with code(system):
            tasks = {
                asyncio.create_task(_lived(system, work, doom)),
                asyncio.create_task(doom.gone.wait()),
            }
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not doom.dead:
            await asyncio.gather(*done)
        me = asyncio.current_task()
        await end(task for task in asyncio.all_tasks() if task is not me)
        await store.close()
        await log.close()
        return doom.dead

    def _system(
        self,
        app: Application,
        log: Any,
        store: Any,
        roles: frozenset[str],
        settings: dict[str, Any],
    ) -> System:
        return System(
            app,
            log,
            store,
            clock=SystemClock(),
            chance=SeededChance(next(self._numbers)),
            settings=RuntimeSettings(projections="async", **settings),
            roles=roles,
        )


async def _lived(system: System, work: Work, doom: Doom) -> None:
    await system.start()
    await work(system)
    await doom.meet("its work is done")
    await system.stop()


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """On the stores that a test names."""
    kind = request.param
    address = "" if kind == "sqlite" else request.getfixturevalue(kind)
    return World(kind, tmp_path, address)
