"""What waits in process managers: killed at any step, a process parks it and lets it go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests import chores
from tests.chores import app
from tests.dying import Doom, at_every_step, changing, looking
from tests.integration.parking.acting import EVERYTHING, OLGA, act, outcomes, waits
from tests.integration.parking.conftest import World
from tests.integration.processes.watching import ask, noted, steps, told, until
from twofold import System
from twofold.errors import NotFound, ParkedChanged
from twofold.runtime.parking.desk import ParkedDesk
from twofold.runtime.parking.releasing import Discarding
from twofold.runtime.parking.views import ReleaseView

pytestmark = pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True)

CHORES = "process:chores"
MANY = [f"k{number}" for number in range(40)]
# Nothing is tried again by itself while a test lasts, and nothing is looked at without a reason.
SETTINGS: dict[str, Any] = {
    "retry_seconds": 3_000.0,
    "retry_limit_seconds": 3_000.0,
    "dispatch_grace_seconds": 0.02,
    "timer_poll_seconds": 0.02,
    "poll_seconds": 0.05,
}
ALONE = SETTINGS | {"poll_seconds": 60.0}


@pytest.fixture(autouse=True)
def repaired() -> Iterator[None]:
    """Nothing is broken before and after a test."""
    chores.broken.clear()
    yield
    chores.broken.clear()


@pytest.fixture
async def desk(world: World) -> AsyncIterator[System]:
    """A process at which commands come in and operators act."""
    async with world.process(app, "api", **SETTINGS) as system:
        yield system


async def waiting(system: System, sequence: str, number: int) -> None:
    """Until so much waits in it."""

    async def fact() -> bool:
        return (await ParkedDesk(system).show(CHORES, sequence)).waiting == number

    with looking():
        await until(system, fact)


async def history(system: System, key: str) -> list[str]:
    return [step.outcome for step in await steps(system, key)]


async def board(system: System, key: str) -> dict[str, int]:
    """What an instance has had written, and how often."""
    return {text: n for text, n in (await told(system)).items() if text.endswith(key)}


async def test_a_scheduler_that_dies_anywhere_parks_when_it_is_started_again(
    world: World, desk: System
) -> None:
    async def attempt(doom: Doom) -> bool:
        key = f"k{doom.number}"
        sequence = f"instance:{key}"
        chores.broken.add("poison")
        await ask(desk, key, f"tell:one {key}", "poison", f"tell:two {key}")
        killed = await world.killed(
            doom, lambda system: waiting(system, sequence, 2), app, "scheduler", **SETTINGS
        )
        async with world.process(app, "scheduler", **SETTINGS) as again:
            await waiting(again, sequence, 2)
            (one,) = (await ParkedDesk(desk).page(CHORES)).items
            assert (one.sequence, one.attempts) == (sequence, 1)
            assert await history(desk, key) == ["taken", "failed", "waits"]
            chores.broken.clear()
            await ParkedDesk(desk).release(CHORES, sequence, actor="olga")
            await noted(desk, key, f"tell:one {key}", "poison", f"tell:two {key}")
            await written(desk, key, "one", "two")
        return killed

    await at_every_step(attempt, least=5, counted=changing)


async def written(system: System, key: str, *texts: str) -> None:
    """Until it has had these written, each once."""

    async def fact() -> bool:
        return len(await board(system, key)) == len(texts)

    await until(system, fact)
    assert await board(system, key) == {f"{text} {key}": 1 for text in texts}


@pytest.mark.parametrize(
    "discarding", [None, OLGA, EVERYTHING], ids=["release", "discard", "discard everything"]
)
async def test_what_an_operator_does_about_an_instance_is_done_once_or_said_again(
    world: World, desk: System, discarding: Discarding | None
) -> None:
    acted = set[str]()

    async def attempt(doom: Doom) -> bool:
        acted.add(f"k{doom.number}")
        return await done_or_said_again(world, desk, f"instance:k{doom.number}", doom, discarding)

    chores.broken.add("poison")
    async with world.process(app, "scheduler", **SETTINGS):
        for key in MANY:
            await ask(desk, key, f"tell:one {key}", "poison", f"tell:two {key}")
        for key in MANY:
            await waiting(desk, f"instance:{key}", 2)
    chores.broken.clear()
    await at_every_step(attempt, least=10)
    every = discarding is not None and discarding.everything
    async with world.process(app, "scheduler", **SETTINGS):
        for key in acted:
            await ask(desk, key, f"tell:three {key}")
            left = [f"tell:one {key}"] if every else [f"tell:one {key}", f"tell:two {key}"]
            left[1:1] = ["poison"] if discarding is None else []
            await noted(desk, key, *left, f"tell:three {key}")
            await written(desk, key, *(["one", "three"] if every else ["one", "two", "three"]))
            assert not await waits(desk, CHORES, f"instance:{key}")
            found = await steps(desk, key)
            assert [one.outcome for one in found].count("taken") == len(left) + 1
            marks = [one.error for one in found if one.outcome == "discarded"]
            assert len(marks) == (discarding is not None)
            assert all(mark.startswith("olga: entered twice") for mark in marks)


@pytest.mark.parametrize(
    "discarding", [None, OLGA, EVERYTHING], ids=["release", "discard", "discard everything"]
)
async def test_what_an_operator_does_about_sent_commands_is_done_once_or_said_again(
    world: World, desk: System, discarding: Discarding | None
) -> None:
    acted = set[str]()

    async def attempt(doom: Doom) -> bool:
        acted.add(f"k{doom.number}")
        return await done_or_said_again(world, desk, f"sending:k{doom.number}", doom, discarding)

    chores.broken.update(f"one {key}" for key in MANY)
    async with world.process(app, "scheduler", **SETTINGS):
        for key in MANY:
            await ask(desk, key, *(f"tell:{text} {key}" for text in ("one", "two", "three")))
        for key in MANY:
            await waiting(desk, f"sending:{key}", 3)
    chores.broken.clear()
    await at_every_step(attempt, least=10)
    left = ["one", "two", "three"]
    if discarding is not None:
        left = [] if discarding.everything else left[1:]
    async with world.process(app, "scheduler", **SETTINGS):
        for key in acted:
            await ask(desk, key, f"tell:four {key}")
            await written(desk, key, *left, "four")
            assert not await waits(desk, CHORES, f"sending:{key}")


async def done_or_said_again(
    world: World, desk: System, sequence: str, doom: Doom, discarding: Discarding | None
) -> bool:
    """Whether a process is killed that acts. What it did is on record; said again, it is done, or
    there is nothing left to be done."""

    async def work(system: System) -> ReleaseView:
        return await act(system, CHORES, sequence, discarding)

    killed = await world.killed(doom, work, app, **ALONE)
    known = await outcomes(desk, sequence)
    if await waits(desk, CHORES, sequence):
        assert killed
        assert known in ([], ["unknown"])
        if "discarded" in await history(desk, sequence.partition(":")[2]):
            # It is done, and what waits behind it is not to be left out instead.
            with pytest.raises(ParkedChanged):
                await work(desk)
        else:
            assert (await work(desk)).again is None
    else:
        assert known in ([["unknown"], ["done"]] if killed else [["done"]])
        with pytest.raises(NotFound):
            await work(desk)
    return killed
