"""Accepted commands that can't be decided: killed at any step, a process parks and frees lanes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests import ledgers
from tests.dying import Doom, at_every_step, changing, looking
from tests.integration.parking.acting import EVERYTHING, OLGA, act, outcomes, waits
from tests.integration.parking.conftest import World
from tests.integration.test_parked_commands import send, statuses
from tests.ledgers import Added, app
from tests.waiting import until
from twofold import System
from twofold.runtime.parking.desk import ParkedDesk
from twofold.runtime.parking.releasing import Discarding
from twofold.runtime.parking.views import ReleaseView

pytestmark = pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True)

POISON = 1000
MANY = [f"l{number}" for number in range(40)]
PATIENCE_SECONDS = 60
SETTINGS: dict[str, Any] = {
    "commands": "async",
    "command_partitions": 2,
    "command_attempts": 1,
    "lease_seconds": 0.2,
    "retry_seconds": 0.01,
    "retry_limit_seconds": 0.02,
    "poll_seconds": 0.05,
    "wait_seconds": 0.0,
    "parked_limit_per_cause": 1_000,
}
ALONE = SETTINGS | {"poll_seconds": 60.0}


@pytest.fixture(autouse=True)
def broken() -> Iterator[None]:
    """Each test begins and ends with the broken code."""
    before = set(ledgers.BREAKING)
    yield
    ledgers.BREAKING |= before


@pytest.fixture
async def desk(world: World) -> AsyncIterator[System]:
    """A process at which commands are accepted and operators act."""
    async with world.process(app, "api", **SETTINGS) as system:
        yield system


async def numbers(system: System, ledger: str) -> list[int]:
    """What was decided, in its order."""
    events = await system.log.read_stream(f"ledger:{ledger}", 0, 100)
    decoded = [system.wired.events.decode(one) for one in events]
    return [one.number for one in decoded if isinstance(one, Added)]


async def parked(system: System, ledger: str, waiting: int) -> None:
    """Until its lane stands still, with so many commands."""
    lanes, lane = system.log.parked_lanes, f"ledger:{ledger}"

    async def stands() -> bool:
        known = await lanes.find(lane)
        still = known is not None and known.state == "parked"
        return still and await lanes.waiting(lane) == waiting

    with looking():
        await until(stands, PATIENCE_SECONDS)


async def ended(system: System, ids: list[str]) -> None:
    """Until all have an outcome."""

    async def have() -> bool:
        return set(await statuses(system, ids)) <= {"succeeded", "failed"}

    with looking():
        await until(have, PATIENCE_SECONDS)


async def nothing_waits(system: System) -> None:
    """Anywhere."""
    depth = await system.log.inbox.depth()
    assert (depth.waiting, depth.parked) == (0, 0)


async def test_a_worker_that_dies_anywhere_parks_when_it_is_started_again(
    world: World, desk: System
) -> None:
    async def attempt(doom: Doom) -> bool:
        ledger = f"l{doom.number}"
        ids = await send(desk, ledger, 1, POISON, 2)
        killed = await world.killed(
            doom, lambda system: parked(system, ledger, 2), app, "commands", **SETTINGS
        )
        async with world.process(app, "commands", **SETTINGS) as again:
            await parked(again, ledger, 2)
            (one,) = (await ParkedDesk(desk).page("commands")).items
            assert (one.sequence, one.attempts) == (f"lane:ledger:{ledger}", 1)
            assert await statuses(desk, ids) == ["succeeded", "accepted", "accepted"]
            ledgers.BREAKING.clear()
            await ParkedDesk(desk).release("commands", one.sequence, actor="olga")
            await ended(desk, ids)
            ledgers.BREAKING.add(POISON)
        assert await numbers(desk, ledger) == [1, POISON, 2]
        await nothing_waits(desk)
        return killed

    await at_every_step(attempt, least=5, counted=changing)


async def test_a_worker_that_dies_anywhere_while_a_lane_is_released_frees_it_when_started_again(
    world: World, desk: System
) -> None:
    async def attempt(doom: Doom) -> bool:
        ledger = f"l{doom.number}"
        ids = await send(desk, ledger, POISON, 2)
        async with world.process(app, "commands", **SETTINGS) as worker:
            await parked(worker, ledger, 2)
        ledgers.BREAKING.clear()
        await ParkedDesk(desk).release("commands", f"lane:ledger:{ledger}", actor="olga")
        killed = await world.killed(
            doom, lambda system: ended(system, ids), app, "commands", **SETTINGS
        )
        ids += await send(desk, ledger, 3)
        async with world.process(app, "commands", **SETTINGS):
            await ended(desk, ids)
        ledgers.BREAKING.add(POISON)
        assert await numbers(desk, ledger) == [POISON, 2, 3]
        await nothing_waits(desk)
        return killed

    await at_every_step(attempt, least=5, counted=changing)


@pytest.mark.parametrize(
    "discarding", [None, OLGA, EVERYTHING], ids=["release", "discard", "discard everything"]
)
async def test_what_an_operator_does_about_a_lane_is_done_once_or_said_again(
    world: World, desk: System, discarding: Discarding | None
) -> None:
    acted = set[str]()

    async def attempt(doom: Doom) -> bool:
        ledger = f"l{doom.number}"
        sequence = f"lane:ledger:{ledger}"
        acted.add(ledger)

        async def work(system: System) -> ReleaseView:
            return await act(system, "commands", sequence, discarding)

        killed = await world.killed(doom, work, app, **ALONE)
        known = await outcomes(desk, sequence)
        if await stands(desk, sequence):
            assert killed
            assert known in ([], ["unknown"])
            await work(desk)
        else:
            assert known in ([["unknown"], ["done"]] if killed else [["done"]])
        return killed

    async with world.process(app, "commands", **SETTINGS) as worker:
        ids = {ledger: await send(desk, ledger, 1, POISON, 2, 3) for ledger in MANY}
        for ledger in MANY:
            await parked(worker, ledger, 3)
    ledgers.BREAKING.clear()
    await at_every_step(attempt, least=10)
    out = 0 if discarding is None else 3 if discarding.everything else 1
    left = ["succeeded"] * (3 - out)
    async with world.process(app, "commands", **SETTINGS):
        for ledger in acted:
            ids[ledger] += await send(desk, ledger, 4)
            await ended(desk, ids[ledger])
            known = await statuses(desk, ids[ledger])
            assert known == ["succeeded", *["failed"] * out, *left, "succeeded"]
            assert await numbers(desk, ledger) == [1, *[POISON, 2, 3][out:], 4]
            assert not await waits(desk, "commands", f"lane:ledger:{ledger}")
    assert (await ParkedDesk(desk).page("commands")).total == len(MANY) - len(acted)


async def stands(system: System, sequence: str) -> bool:
    """Whether it waits for an operator still."""
    page = await ParkedDesk(system).page("commands", "parked")
    return sequence in [one.sequence for one in page.items]
