"""A rebuild or a rollback that is killed at any change it makes is gone on with, on every store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests import library
from tests.dying import Doom, Dying, at_every_step
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
from twofold.runtime.ending import end
from twofold.runtime.rebuilding.desk import VersionsDesk

pytestmark = pytest.mark.parametrize(
    "stores", ["memory", "sqlite", "postgres", "mongodb"], indirect=True
)


def change(step: str) -> bool:
    """Whether what it leaves is another store than before."""
    return step in ("read.transaction.commit", "read.drop")


async def killed(doom: Doom, stores: Stores, work: Callable[[System], Any]) -> bool:
    """Whether a process that does ``work`` has been killed."""
    log, store = stores()
    system = System(
        library.app,
        log,
        Dying(store, doom, "read"),
        clock=SystemClock(),
        chance=SeededChance(7),
        settings=RuntimeSettings(projections="async", **BRISK),
        roles=LOOKING,
        shadows=shadow_store,
    )
    async with system:
        working, gone = asyncio.ensure_future(work(system)), asyncio.ensure_future(doom.gone.wait())
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not doom.dead:
            await working
        await end([working, gone])
    return doom.dead


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

    async def attempt(doom: Doom) -> bool:
        nonlocal books
        before = system.tables["catalogue"]
        was_killed = await killed(
            doom,
            stores,
            lambda dead: VersionsDesk(dead).rebuild("catalogue", actor="olga", verify=False),
        )
        await checked(system, books)
        if was_killed:
            await register(system, f"b-{books}")
            books += 1
            await gone_on(system, lambda desk: desk.rebuild("catalogue", actor="o", verify=False))
            assert system.tables["catalogue"] != before
            await shown(system)
            await checked(system, books)
        return was_killed

    await at_every_step(attempt, least=2, counted=change)


async def test_a_rollback_that_is_killed_anywhere_is_gone_on_with(
    start: Start, stores: Stores
) -> None:
    system = await library_with(start, 4)
    books = 4
    await VersionsDesk(system).rebuild("catalogue", actor="olga")

    async def attempt(doom: Doom) -> bool:
        nonlocal books
        (now,) = await VersionsDesk(system).all("catalogue")
        seen, target = now.read, now.back_to
        await register(system, f"b-{books}")
        await lent(system, "b-0", "ada")
        books += 1
        await shown(system)
        was_killed = await killed(
            doom,
            stores,
            lambda dead: VersionsDesk(dead).rollback("catalogue", actor="olga", seen=seen),
        )
        if was_killed:
            await gone_on(system, lambda desk: desk.rollback("catalogue", actor="o", seen=seen))
            (now,) = await VersionsDesk(system).all("catalogue")
            assert now.read == target
            await shown(system)
            await checked(system, books)
        return was_killed

    await at_every_step(attempt, least=1, counted=change)
