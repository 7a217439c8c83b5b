"""Operators let go what a projection has parked; killed at any step, it is done once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from tests.dying import Doom, at_every_step
from tests.integration.parking.acting import EVERYTHING, OLGA, act, outcomes, waits
from tests.integration.parking.conftest import World
from tests.integration.parking.sums import (
    POISON,
    SETTINGS,
    added,
    breaking,
    listed,
    numbers,
    proven,
)
from tests.ledgers import app
from tests.poison import settled, waiting
from twofold import System
from twofold.errors import NotFound, ParkedChanged
from twofold.runtime.parking.releasing import Discarding
from twofold.runtime.parking.views import ReleaseView

pytestmark = pytest.mark.parametrize("world", ["sqlite", "postgres", "mongodb"], indirect=True)

MANY = [f"l{number}" for number in range(50)]
# Nothing is looked at while an operator acts but what the action looks at.
ALONE = SETTINGS | {"poll_seconds": 60.0}


@pytest.fixture
async def desk(world: World) -> AsyncIterator[System]:
    """A process with code that is mended, at which operators look and act."""
    async with world.process(app, "api", **SETTINGS) as system:
        yield system


@pytest.mark.parametrize(
    "discarding", [None, OLGA, EVERYTHING], ids=["release", "discard", "discard everything"]
)
async def test_what_an_operator_does_is_done_once_or_said_again(
    world: World, desk: System, discarding: Discarding | None
) -> None:
    """While a projector goes on with the broken code, operators act with the mended one."""
    acted = set[str]()
    left = [1, POISON, 2] if discarding is None else [1] if discarding.everything else [1, 2]

    async def attempt(doom: Doom) -> bool:
        ledger = f"l{doom.number}"
        acted.add(ledger)
        killed = await done_or_said_again(world, desk, f"document:{ledger}", doom, discarding)
        assert await numbers(desk, ledger) == left
        return killed

    async with world.process(app, "projector", code=breaking, **SETTINGS):
        await asyncio.gather(*(added(desk, ledger, 1, POISON, 2) for ledger in MANY))
        await settled(desk)
        assert len(await listed(desk)) == len(MANY)
        await at_every_step(attempt, least=20)
        await asyncio.gather(*(added(desk, ledger, 3) for ledger in acted))
        await settled(desk)
    for ledger in acted:
        assert await numbers(desk, ledger) == [*left, 3]
    assert len(await listed(desk)) == len(MANY) - len(acted)
    assert await waiting(desk, "sum") == 2 * (len(MANY) - len(acted))
    await marked(desk, acted, discarding)
    await proven(desk, len(MANY) - len(acted), 0 if discarding is None else len(acted))


async def done_or_said_again(
    world: World, desk: System, sequence: str, doom: Doom, discarding: Discarding | None
) -> bool:
    """Whether a process is killed that acts. What it did is on record; said again, it is done, or
    there is nothing left to be done."""

    async def work(system: System) -> ReleaseView:
        return await act(system, "sum", sequence, discarding)

    killed = await world.killed(doom, work, app, **ALONE)
    known = await outcomes(desk, sequence)
    if await waits(desk, "sum", sequence):
        assert killed
        assert known in ([], ["unknown"])
        try:
            assert (await work(desk)).again is None
        except (ParkedChanged, NotFound):
            # A commit that was under way has been finished by whoever came next, at any moment.
            assert not await waits(desk, "sum", sequence)
    else:
        assert known in ([["unknown"], ["done"]] if killed else [["done"]])
        with pytest.raises(NotFound):
            await work(desk)
    return killed


async def marked(desk: System, ledgers: set[str], discarding: Discarding | None) -> None:
    """Each event that was left out has one mark, which says who did it and why."""
    marks = await listed(desk, "discarded")
    each = 0 if discarding is None else 2 if discarding.everything else 1
    expected = {f"document:{ledger}": each for ledger in ledgers if each}
    assert Counter(one.sequence for one in marks) == expected
    assert {(one.actor, one.reason) for one in marks} <= {("olga", "entered twice")}
