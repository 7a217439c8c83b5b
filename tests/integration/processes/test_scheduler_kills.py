"""Schedulers killed at any instant: every hold ends once, no command is lost, none has two effects.

Kills fall between reading and stepping, between a step and sending what it says, and between a
command and taking note of it: at each of these points somebody else goes on.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.bookings import app
from tests.integration.processes.watching import steps, until
from tests.killing import Process, environment_with, running
from twofold import System
from twofold.assembly.assemble import assemble
from twofold.assembly.settings import read_settings

KILLS = int(os.environ.get("TWOFOLD_TEST_KILLS", "4"))
BOOKINGS = 60
ROLES = ("api", "scheduler", "scheduler")


@pytest.fixture(params=["sqlite", "postgres"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Settings for all processes."""
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path / 'bookings.db'}"
    else:
        address = request.getfixturevalue("postgres")
    return environment_with(log=address, test_hold_seconds="1")


@pytest.fixture
async def processes(environment: dict[str, str], tmp_path: Path) -> AsyncIterator[list[Process]]:
    """An api and two schedulers."""
    async with running("tests.bookings:app", ROLES, environment, tmp_path) as found:
        yield found


@pytest.fixture
async def looking(environment: dict[str, str]) -> AsyncIterator[System]:
    """A system that only looks."""
    settings = read_settings("bookings", {"TWOFOLD_LOG": environment["TWOFOLD_LOG"]})
    async with assemble(app, settings, roles=frozenset()) as system:
        yield system


async def types(system: System, stream: str) -> list[str]:
    recorded = await system.log.read_stream(stream, 0, 1_000)
    return [one.type.partition(".")[2] for one in recorded]


async def test_every_hold_ends_once(processes: list[Process], looking: System) -> None:
    api, *schedulers = processes
    chance = random.Random(1)
    async with httpx.AsyncClient(base_url=api.address, timeout=20) as client:
        for offer, places in (("wide", BOOKINGS), ("narrow", 5)):
            await client.post("/offers", json={"offerId": offer, "places": places})
        for number in range(BOOKINGS):
            if number % (BOOKINGS // KILLS) == BOOKINGS // KILLS // 2:
                victim = chance.choice(schedulers)
                victim.kill()
                await victim.start()
            offer = "narrow" if number % 3 == 0 else "wide"
            asked = {"bookingId": str(number), "offerId": offer}
            assert (await client.post("/bookings", json=asked)).status_code == 201
            if number % 3 == 1:
                await client.post(f"/bookings/{number}/confirm")
        for victim in schedulers:
            victim.kill()
            await victim.start()

    async def nothing_left() -> bool:
        agenda, names = looking.log.agenda, ["holding"]
        answered = [await types(looking, f"booking:{n}") for n in range(BOOKINGS)]
        due = (await agenda.next_timer(names), await agenda.next_queue(names))
        return due == (None, None) and all(len(one) == 2 for one in answered)

    await until(looking, nothing_left, 60)
    held = Counter(await types(looking, "offer:wide"))
    assert held["PlaceHeld"] == 2 * BOOKINGS // 3
    for number in range(BOOKINGS):
        await check_booking(looking, number)
    narrow = Counter(await types(looking, "offer:narrow"))
    assert narrow["PlaceHeld"] == narrow["PlaceReleased"] >= 5


async def check_booking(system: System, number: int) -> None:
    """Each of its commands was sent and decided once."""
    history = await steps(system, str(number), "holding")
    causes = [(one.cause["kind"], one.cause["name"]) for one in history]
    assert len(set(causes)) == len(causes)
    sent = [command for one in history for command in one.commands]
    assert max(Counter(one.operation for one in sent).values()) == 1
    records = await system.log.records([one.command_id for one in sent])
    assert records.keys() == {one.command_id for one in sent}
    outcome = (await types(system, f"booking:{number}"))[-1]
    assert outcome == ("Confirmed" if number % 3 == 1 else "Declined")
