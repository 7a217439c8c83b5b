"""A rebuild, a switch or a rollback that ends anywhere is gone on with, and nobody is lied to."""

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
    before_comparing,
    lent,
    library_with,
    register,
    shown,
    titles,
)
from twofold import RuntimeSettings, System
from twofold.assembly.assemble import shadow_store
from twofold.errors import RebuildRunning, VersionsChanged
from twofold.runtime.clock import SeededChance, SystemClock
from twofold.runtime.rebuilding.desk import VersionsDesk
from twofold.runtime.rebuilding.notes import Note
from twofold.runtime.rebuilding.rebuild import Rebuilt

pytestmark = pytest.mark.parametrize(
    "stores", ["memory", "sqlite", "postgres", "mongodb"], indirect=True
)


class Killed(BaseException):
    """The process is gone: nobody catches this, and nothing is tidied up."""


class Counting:
    """A read store and leases that die at the n-th call that changes something.

    ``late``: the change was made, and whoever wanted it never hears of it.
    """

    def __init__(self, at: int, *, late: bool) -> None:
        self.left = at
        self.late = late
        self.dead = False

    def meet(self, *, done: bool) -> None:
        if self.dead:
            raise Killed
        if done != self.late:
            return
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
            self._counting.meet(done=False)
        self._counting.meet(done=True)

    async def drop(self, table: str) -> None:
        self._counting.meet(done=False)
        await self._store.drop(table)
        self._counting.meet(done=True)


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


async def checked(system: System, books: int) -> None:
    """What is read is complete, and takes up what comes."""
    table = system.tables["catalogue"]
    assert await titles(system, table) == {f"b-{n}": f"b-{n}" for n in range(books)}


@pytest.mark.parametrize("late", [False, True], ids=["undone", "done"])
async def test_a_rebuild_that_is_killed_anywhere_is_gone_on_with(
    start: Start, stores: Stores, late: bool
) -> None:
    system = await library_with(start, 5)
    books = 5
    for step in range(50):
        before = system.tables["catalogue"]
        killed = await dying(
            stores,
            Counting(step, late=late),
            lambda dead: VersionsDesk(dead).rebuild("catalogue", actor="olga"),
        )
        await checked(system, books)
        if not killed:
            break
        await register(system, f"b-{books}")
        books += 1
        await gone_on(system, lambda desk: desk.rebuild("catalogue", actor="otto"))
        assert system.tables["catalogue"] != before
        await shown(system)
        await checked(system, books)
    assert 2 <= step < 50


@pytest.mark.parametrize("late", [False, True], ids=["undone", "done"])
async def test_a_rollback_that_is_killed_anywhere_is_gone_on_with(
    start: Start, stores: Stores, late: bool
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
            Counting(step, late=late),
            lambda dead, seen=now.read: VersionsDesk(dead).rollback(
                "catalogue", actor="olga", seen=seen
            ),
        )
        if not killed:
            break
        try:
            await gone_on(
                system, lambda desk, seen=now.read: desk.rollback("catalogue", actor="o", seen=seen)
            )
        except VersionsChanged:
            # It had been switched when it was killed.
            assert late
        (now,) = await VersionsDesk(system).all("catalogue")
        assert now.read == target
        await shown(system)
        await checked(system, books)
    assert 1 <= step < 50


async def test_a_second_operator_is_refused_and_told_how_far_it_is(start: Start) -> None:
    system = await library_with(start, 3)
    first = VersionsDesk(system)
    second = VersionsDesk(await start("async", library.app, LOOKING))
    trying: list[asyncio.Task[Rebuilt]] = []

    def report(note: Note) -> None:
        if not trying:
            trying.append(asyncio.create_task(second.rebuild("catalogue", actor="otto")))

    await first.rebuild("catalogue", actor="olga", report=report)
    with pytest.raises(RebuildRunning, match="by olga: version 2"):
        await trying[0]
    (now,) = await first.all("catalogue")
    assert [(one.number, one.state) for one in now.versions] == [(2, "read"), (1, "former")]


async def test_a_rebuild_is_cancelled_wherever_it_runs(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = await library_with(start, 3)
    desk = VersionsDesk(system)
    other = VersionsDesk(await start("async", library.app, LOOKING))
    with pytest.raises(VersionsChanged, match="no version"):
        await other.cancel("catalogue", actor="otto")

    async def cancel() -> None:
        assert await other.cancel("catalogue", actor="otto") == 2

    with monkeypatch.context() as patch:
        patch.setattr(system, "shadow_store", before_comparing(cancel))
        with pytest.raises(VersionsChanged, match="version 2 was dropped"):
            await desk.rebuild("catalogue", actor="olga")
    (now,) = await desk.all("catalogue")
    assert [(one.number, one.state) for one in now.versions] == [(1, "read")]
    assert now.rebuild is not None
    assert (now.rebuild.phase, now.rebuild.running) == ("cancelled", False)
    assert (await desk.rebuild("catalogue", actor="olga")).version == 3
