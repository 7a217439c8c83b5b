"""Decisions per second when everybody wants the last place of one offer."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import timedelta
from decimal import Decimal

import msgspec

from benchmarks.workload import on_fast_loop, percentile
from training.main import app as application
from training.modules.offers.booking import BookPlace
from training.modules.offers.contracts import OfferId
from training.modules.offers.lifecycle import DraftOffer, PublishOffer
from training.modules.programs.contracts import AuthorId, Level, ProgramId
from training.modules.programs.program import ImportProgram
from twofold import SYSTEM, Caller, Sent, System
from twofold.assembly.assemble import assemble
from twofold.assembly.settings import read_settings

PEOPLE, OFFERS = 1_000, 4
_STAFF = Caller("staff", roles=SYSTEM.roles | {"admin"})
_DAYS = 60


def race(address: str) -> tuple[float, list[float]]:
    """Decisions/s over some offers with one place each, and the milliseconds of each, sorted.

    Read models follow in the same process, but after the command, as on a busy day.
    """

    async def run() -> tuple[float, list[float]]:
        settings = read_settings(
            "training", {"TWOFOLD_LOG": address, "TWOFOLD_PROJECTIONS": "async"}
        )
        async with assemble(application, settings) as system:
            offers = [await _offer(system, number) for number in range(OFFERS)]
            times: list[float] = []
            begun = time.perf_counter()
            for offer_id in offers:
                times += await _rush(system, offer_id)
            return PEOPLE * OFFERS / (time.perf_counter() - begun), sorted(times)

    return on_fast_loop(run)


async def _rush(system: System, offer_id: OfferId) -> list[float]:
    """A thousand people at once. Raises AssertionError if there is not exactly one winner."""
    statuses: Counter[str] = Counter()

    async def book(number: int) -> float:
        caller = Caller(f"p-{number}", roles=frozenset({"participant"}))
        begun = time.perf_counter()
        done = await system.send(BookPlace(offer_id=offer_id), Sent(caller=caller))
        statuses[msgspec.json.decode(done.answer)["status"]] += 1
        return (time.perf_counter() - begun) * 1e3

    times = await asyncio.gather(*(book(number) for number in range(PEOPLE)))
    assert statuses == {"held": 1, "waiting": PEOPLE - 1}, statuses
    return times


async def _offer(system: System, number: int) -> OfferId:
    program_id = ProgramId(f"program-{number}")
    program = ImportProgram(
        program_id=program_id,
        author=AuthorId("author"),
        title="Wanted",
        level=Level.BEGINNER,
        duration_in_days=1,
    )
    await system.send(program, Sent(caller=_STAFF))
    day = (system.clock.now() + timedelta(days=_DAYS)).date()
    draft = DraftOffer(
        program_id=program_id,
        price=Decimal(100),
        currency="EUR",
        minimum_participants=1,
        maximum_participants=1,
        start_date=day,
        end_date=day,
        start_time="09:00",
        end_time="17:00",
    )
    offer_id = OfferId((await system.send(draft, Sent(caller=_STAFF))).identity)
    await system.send(PublishOffer(offer_id=offer_id), Sent(caller=_STAFF))
    return offer_id


def details(times: list[float]) -> dict[str, object]:
    """What the figure rests on."""
    return {
        "people": PEOPLE,
        "offers": OFFERS,
        "p50_ms": percentile(times, 0.5),
        "p95_ms": percentile(times, 0.95),
    }
