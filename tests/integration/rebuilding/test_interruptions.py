"""Rebuilds that are cancelled, interrupted, disturbed, or begun by two at once."""

from __future__ import annotations

import asyncio

import pytest

from tests import library
from tests.integration.conftest import Start, Stores
from tests.integration.rebuilding.company import (
    BRISK,
    LOOKING,
    before_comparing,
    checked,
    library_with,
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
    # A number that was given out before anything could be stored is not given out again.
    await until(lambda: system.tables["catalogue"] == f"catalogue_{rebuilt.version}")
    await checked(system, 40)
