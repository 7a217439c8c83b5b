"""The training company's catalogue, filled for reading."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import UTC
from itertools import islice
from typing import Any

from benchmarks.catalogue import CatalogueOffer, offers, programs
from training.main import app as application
from training.modules.offers.contracts import (
    BookingId,
    OfferPublished,
    ParticipantId,
    PlaceConfirmed,
    Places,
)
from training.modules.programs.contracts import AuthorId, Level, ProgramId, ProgramReleased
from training.modules.reviews.contracts import ReviewerId
from training.modules.reviews.domain import DescribeReviewer
from twofold import SYSTEM, Caller, Event, Recorded, Sent, System
from twofold.assembly.assemble import assemble
from twofold.assembly.settings import read_settings
from twofold.http.asgi import http_app
from twofold.runtime.folding import fold_strictly

_BATCH = 5_000
_PROJECTION = "training_offer"
_STAFF = Caller("staff", roles=SYSTEM.roles | {"admin"})


def system(address: str, roles: frozenset[str] = frozenset({"api"})) -> System:
    """The training company on the database at ``address``."""
    given = {"TWOFOLD_LOG": address, "TWOFOLD_PROJECTIONS": "inline"}
    return assemble(application, read_settings("training", given), roles=roles)


async def filled(address: str, count: int) -> None:
    """The read model of ``count`` offers, folded from their events as always.

    The log has one event of something else: only reading is measured here, and with it the read
    model has a position.
    """
    async with system(address) as running:
        folding, table = running.wired.foldings[_PROJECTION], running.tables[_PROJECTION]
        known = _events(running, count)
        while batch := list(islice(known, _BATCH)):
            async with running.read_store.transaction() as transaction:
                await fold_strictly(folding, table, transaction, batch)
        described = DescribeReviewer(reviewer_id=ReviewerId("reviewer"), name="Rita")
        await running.send(described, Sent(caller=_STAFF))


def _events(running: System, count: int) -> Iterator[tuple[Recorded, Event]]:
    for program in programs():
        released = ProgramReleased(
            author=AuthorId("author"),
            title=program.title,
            description=program.description,
            categories=program.categories,
            level=Level(program.level),
            trainer=program.trainer,
            duration_in_days=program.days,
        )
        yield _recorded(running, f"program:{program.program_id}", released), released
    for offer in offers(count):
        yield from _offer(running, offer)


def _offer(running: System, offer: CatalogueOffer) -> Iterable[tuple[Recorded, Event]]:
    published = OfferPublished(
        program_id=ProgramId(offer.program.program_id),
        trainer=offer.trainer,
        price=offer.price,
        currency="EUR",
        minimum_participants=1,
        maximum_participants=offer.maximum,
        start_date=offer.begins.date(),
        end_date=offer.ends.date(),
        start_time=f"{offer.begins:%H:%M}",
        end_time=f"{offer.ends:%H:%M}",
        booking_deadline=offer.begins.replace(tzinfo=UTC),
    )
    stream = f"offer:{offer.offer_id}"
    yield _recorded(running, stream, published), published
    if not offer.taken:
        return
    booked = PlaceConfirmed(
        program_id=published.program_id,
        booking_id=BookingId("booking"),
        participant=ParticipantId("participant"),
        places=Places(confirmed=offer.taken),
        price=offer.price,
        currency="EUR",
    )
    yield _recorded(running, stream, booked, 2), booked


def _recorded(running: System, stream: str, event: Event, version: int = 1) -> Recorded:
    kind = running.wired.events.by_class[type(event)]
    return Recorded(
        position=0,
        id="",
        stream=stream,
        version=version,
        type=kind.name,
        schema_version=1,
        time_us=0,
        correlation_id="",
        causation_id="",
        actor="",
        trace="",
        data=b"",
    )


def __getattr__(name: str) -> Any:
    """``app`` for uvicorn, made when asked for; the database comes from BENCHMARK_DATABASE."""
    if name == "app":
        return http_app(system(os.environ["BENCHMARK_DATABASE"]))
    raise AttributeError(name)
