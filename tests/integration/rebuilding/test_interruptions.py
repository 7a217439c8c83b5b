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
from tests.waiting import until
from twofold import RuntimeSettings, System
from twofold.assembly.assemble import shadow_store
from twofold.errors import RebuildRunning, StoreUnavailable, VersionsChanged
from twofold.ops.commands.versions import rebuild_line
from twofold.runtime.clock import SeededChance, SystemClock
from twofold.runtime.rebuilding.desk import VersionsDesk
from twofold.runtime.rebuilding.notes import Note
from twofold.runtime.rebuilding.rebuild import Rebuilt
from twofold.runtime.rebuilding.views import VersionsView
from twofold.testing import Fault, FaultPlan, FaultyReadStore

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


async def test_everybody_sees_how_far_it_is(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    system = await library_with(start, 3)
    other = VersionsDesk(await start("async", library.app, LOOKING))
    seen: list[VersionsView] = []

    async def look() -> None:
        seen.extend(await other.all("catalogue"))

    monkeypatch.setattr(system, "shadow_store", before_comparing(look))
    await VersionsDesk(system).rebuild("catalogue", actor="olga")
    (now,) = seen
    assert now.rebuild is not None
    assert now.building
    assert (now.rebuild.running, now.rebuild.phase, now.rebuild.by) == (True, "verifying", "olga")
    assert now.rebuild.applied == now.rebuild.head >= 4
    assert rebuild_line(now).startswith("catalogue: version 2 is verifying, 100 % (")
    (now,) = await other.all("catalogue")
    assert now.rebuild is not None
    assert (now.building, now.rebuild.running, now.rebuild.phase) == (False, False, "switched")
    assert rebuild_line(now) == ""


async def test_one_that_runs_in_a_process_is_interrupted_with_it(
    start: Start, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = await library_with(start, 3)
    server = await start("async", library.app, frozenset({"api"}), **BRISK)
    comparing = asyncio.Event()

    async def stand_still() -> None:
        comparing.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(server, "shadow_store", before_comparing(stand_still))
    await VersionsDesk(server).start("catalogue", actor="olga")
    await asyncio.wait_for(comparing.wait(), 20)
    with pytest.raises(RebuildRunning):
        await VersionsDesk(system).start("catalogue", actor="otto")
    await server.stop()

    desk = VersionsDesk(system)
    (now,) = await desk.all("catalogue")
    assert "it was interrupted, go on with: twofold rebuild APP catalogue" in rebuild_line(now)
    await desk.start("catalogue", actor="otto")
    await until(lambda: system.tables["catalogue"] == "catalogue_2")


@pytest.mark.parametrize("seed", range(3))
async def test_it_gets_through_on_a_bad_day(start: Start, stores: Stores, seed: int) -> None:
    system = await library_with(start, 40)
    log, store = stores()
    clock = SystemClock()
    plan = FaultPlan(clock, seed=seed)
    bad = System(
        library.app,
        log,
        FaultyReadStore(store, plan),
        clock=clock,
        chance=SeededChance(seed),
        settings=RuntimeSettings(projections="async", **BRISK),
        roles=LOOKING,
        shadows=shadow_store,
    )
    async with bad:
        plan.order("read.commit", Fault.NONE, Fault.LOSES_ANSWER, Fault.FAILS, Fault.FAILS)
        plan.order("read.begin", Fault.NONE, Fault.NONE, Fault.FAILS)
        plan.order("read.checkpoints", *[Fault.NONE] * (3 + seed), Fault.FAILS)
        async with asyncio.timeout(60):
            while True:
                try:
                    rebuilt = await VersionsDesk(bad).rebuild("catalogue", actor="olga")
                except StoreUnavailable:
                    continue
                break
    assert len(plan.happened) >= 4
    assert rebuilt.switched
    await until(lambda: system.tables["catalogue"] == "catalogue_2")
    await checked(system, 40)
