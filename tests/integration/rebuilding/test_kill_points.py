"""A rebuild or a rollback that is killed at any change it makes is gone on with, on every store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests import library
from tests.integration.conftest import Start, Stores
from tests.integration.rebuilding.company import (
    BRISK,
    LOOKING,
    checked,
    lent,
    library_with,
    register,
    shown,
)
from twofold import RuntimeSettings, System
from twofold.assembly.assemble import shadow_store
from twofold.errors import RebuildRunning
from twofold.runtime.clock import SeededChance, SystemClock
from twofold.runtime.rebuilding.desk import VersionsDesk

pytestmark = pytest.mark.parametrize(
    "stores", ["memory", "sqlite", "postgres", "mongodb"], indirect=True
)


class Killed(BaseException):
    """The process is gone: nobody catches this, and nothing is tidied up."""


class Counting:
    """A process that is killed before the n-th change that it makes to the read store.

    What the store has then is what it has if it is killed after the one before: so each change is
    tried undone, and done.
    """

    def __init__(self, at: int) -> None:
        self.left = at
        self.dead = False

    def meet(self) -> None:
        """Before each change."""
        self.left -= 1
        if self.left < 0:
            self.dead = True
            raise Killed


class DyingStore:
    """A read store whose process is killed."""

    def __init__(self, store: Any, counting: Counting) -> None:
        self._store = store
        self._counting = counting

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async with self._store.transaction() as transaction:
            yield transaction
            self._counting.meet()

    async def drop(self, table: str) -> None:
        self._counting.meet()
        await self._store.drop(table)


async def dying(stores: Stores, counting: Counting, work: Callable[[System], Any]) -> bool:
    """Do ``work`` in a process that is killed; whether it was."""
    log, store = stores()
    system = System(
        library.app,
        log,
        DyingStore(store, counting),
        clock=SystemClock(),
        chance=SeededChance(7),
        settings=RuntimeSettings(projections="async", **BRISK),
        roles=LOOKING,
        shadows=shadow_store,
    )
    async with system:
        try:
            await work(system)
        except BaseException as exc:
            if counting.dead:
                return True
            raise exc
    return False


async def gone_on(system: System, work: Callable[[VersionsDesk], Any]) -> Any:
    """The same again, as soon as the lease of the killed process is over."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await work(VersionsDesk(system))
            except RebuildRunning:
                await asyncio.sleep(0.05)


async def test_a_rebuild_that_is_killed_anywhere_is_gone_on_with(
    start: Start, stores: Stores
) -> None:
    system = await library_with(start, 5)
    books = 5
    for step in range(50):
        before = system.tables["catalogue"]
        killed = await dying(
            stores,
            Counting(step),
            lambda dead: VersionsDesk(dead).rebuild("catalogue", actor="olga", verify=False),
        )
        await checked(system, books)
        if not killed:
            break
        await register(system, f"b-{books}")
        books += 1
        await gone_on(system, lambda desk: desk.rebuild("catalogue", actor="o", verify=False))
        assert system.tables["catalogue"] != before
        await shown(system)
        await checked(system, books)
    assert 2 <= step < 50


async def test_a_rollback_that_is_killed_anywhere_is_gone_on_with(
    start: Start, stores: Stores
) -> None:
    system = await library_with(start, 4)
    books = 4
    await VersionsDesk(system).rebuild("catalogue", actor="olga")
    for step in range(50):
        (now,) = await VersionsDesk(system).all("catalogue")
        target = now.back_to
        await register(system, f"b-{books}")
        await lent(system, "b-0", "ada")
        books += 1
        await shown(system)
        killed = await dying(
            stores,
            Counting(step),
            lambda dead, seen=now.read: VersionsDesk(dead).rollback(
                "catalogue", actor="olga", seen=seen
            ),
        )
        if not killed:
            break
        await gone_on(
            system, lambda desk, seen=now.read: desk.rollback("catalogue", actor="o", seen=seen)
        )
        (now,) = await VersionsDesk(system).all("catalogue")
        assert now.read == target
        await shown(system)
        await checked(system, books)
    assert 1 <= step < 50
