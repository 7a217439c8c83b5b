"""Process managers on every log: each step once, whoever takes it and however often it is tried."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from tests.bookings import Book, BookingId, Confirm, OfferId, Publish, app
from tests.integration.conftest import Start
from twofold import System

OFFER = OfferId("o")


async def until(system: System, fact: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it is so; what makes it so is recorded in the log."""
    async with asyncio.timeout(20):
        while True:
            head = await system.log.head()
            if await fact():
                return
            await system.log.wait(head, 0.2)


async def types_of(system: System, stream: str) -> list[str]:
    return [r.type.partition(".")[2] for r in await system.log.read_stream(stream, 0, 1_000)]


async def steps_of(system: System, booking: str) -> list[Any]:
    recorded = await system.log.read_stream(f"process-holding:{booking}", 0, 100)
    return [msgspec.json.decode(one.data)["cause"]["name"] for one in recorded]


async def test_a_process_answers_an_event_with_a_command(start: Start) -> None:
    system = await start(application=app, roles=frozenset({"api", "projector", "scheduler"}))
    await system.send(Publish(offer_id=OFFER, places=1))
    await system.send(Book(booking_id=BookingId("b"), offer_id=OFFER))

    async def held() -> bool:
        return await types_of(system, "offer:o") == ["Published", "PlaceHeld"]

    await until(system, held)

    async def seen() -> bool:
        return await steps_of(system, "b") == ["booking.Requested", "offer.PlaceHeld"]

    await until(system, seen)
    await system.send(Confirm(booking_id=BookingId("b")))

    async def ended() -> bool:
        return len(await steps_of(system, "b")) == 3

    await until(system, ended)
    assert await system.log.agenda.pending_timers("process-holding:b") == []
    assert await system.log.agenda.queued(["process-holding:b"]) == {}
