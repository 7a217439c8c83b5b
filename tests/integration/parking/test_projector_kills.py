"""A projector that is killed at any step parks what can't be applied when it is started again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.dying import Doom, at_every_step, changing
from tests.integration.parking.conftest import World
from tests.integration.parking.sums import (
    POISON,
    SETTINGS,
    added,
    breaking,
    listed,
    numbers,
    parks,
    proven,
)
from tests.ledgers import app
from tests.poison import settled, waiting
from twofold import System
from twofold.runtime.parking.desk import ParkedDesk

pytestmark = pytest.mark.parametrize("world", ["sqlite", "postgres", "mongodb"], indirect=True)


@pytest.fixture
async def desk(world: World) -> AsyncIterator[System]:
    """A process with code that is mended, at which operators look and act."""
    async with world.process(app, "api", **SETTINGS) as system:
        yield system


async def test_a_projector_that_dies_anywhere_parks_when_it_is_started_again(
    world: World, desk: System
) -> None:
    async def attempt(doom: Doom) -> bool:
        ledger, other = f"l{doom.number}", f"m{doom.number}"
        await added(desk, ledger, 1, POISON, 2)
        await added(desk, other, 1)
        killed = await world.killed(doom, parks, app, "projector", code=breaking, **SETTINGS)
        async with world.process(app, "projector", code=breaking, **SETTINGS) as again:
            await settled(again)
        (one,) = await listed(desk)
        assert (one.sequence, one.event, one.attempts) == (f"document:{ledger}", "ledger.Added", 2)
        assert await waiting(desk, "sum") == 2
        assert await numbers(desk, ledger) == await numbers(desk, other) == [1]
        await proven(desk, parked=1)
        await ParkedDesk(desk).release("sum", one.sequence, actor="olga")
        assert await numbers(desk, ledger) == [1, POISON, 2]
        return killed

    await at_every_step(attempt, least=20, counted=changing)
    await proven(desk)
