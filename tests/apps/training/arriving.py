"""Events that arrive in some order, some of them more than once, and what comes out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from tests.apps.training.offers_past import (
    ANN,
    DRAFTED,
    NEW_DATES,
    PUBLISHED,
    confirmed,
    held,
    joined,
)
from tests.apps.training.test_proposals import RELEASED as PROGRAM_RELEASED
from training.main import app
from training.modules.offers.contracts import (
    OfferClosed,
    OfferPriceChanged,
    OfferRescheduled,
    ParticipantId,
    PlaceReleased,
    Places,
    Released,
)
from training.modules.programs.contracts import ProgramId, ProgramUpdated, ProgramWithdrawn
from twofold import Event, Projection, Recorded
from twofold.adapters.memory.read_store import MemoryReadStore
from twofold.messages.recorded import microseconds
from twofold.runtime.folding import fold_strictly
from twofold.testing.virtual_time import START
from twofold.wiring.wired import wire

Arrived = tuple[Recorded, Event]
WIRED = wire(app)
PROGRAM = ProgramId("p-1")
_CONTENT = {name: PROGRAM_RELEASED[name] for name in ProgramUpdated.__struct_fields__[:-1]}


def arrivals(stream: str, *events: Event) -> list[Arrived]:
    """The events of one stream."""
    found = []
    for version, event in enumerate(events, 1):
        kind = WIRED.events.by_class[type(event)]
        recorded = Recorded(
            position=0,
            id=f"{stream}/{version}",
            stream=stream,
            version=version,
            type=kind.name,
            schema_version=1,
            time_us=microseconds(START + timedelta(minutes=version)),
            correlation_id="",
            causation_id="",
            actor="",
            trace="",
            data=b"",
        )
        found.append((recorded, event))
    return found


async def stored(
    projection: Projection[Any], arrived: Sequence[Arrived], *, batch: int = 1
) -> dict[str, bytes]:
    """All documents as stored by key once the events have arrived, in batches of a size."""
    folding = WIRED.foldings[projection.name]
    store, table = MemoryReadStore(), folding.model.table(1)
    await store.open([table])
    for first in range(0, len(arrived), batch):
        async with store.transaction() as transaction:
            piece = arrived[first : first + batch]
            await fold_strictly(folding, table.name, transaction, piece)
    return {row.key: row.document for row in await store.rows(table.name, None, 1_000)}


async def documents(projection: Projection[Any], arrived: Sequence[Arrived]) -> dict[str, Any]:
    """All documents by key once the events have arrived."""
    decode = WIRED.foldings[projection.name].model.decode
    return {key: decode(raw) for key, raw in (await stored(projection, arrived)).items()}


def merged(*streams: Sequence[Arrived]) -> Iterable[list[Arrived]]:
    """Every order in which the streams can arrive, each in its own order."""
    streams = tuple(one for one in streams if one)
    if not streams:
        yield []
    for index, stream in enumerate(streams):
        rest = (*streams[:index], stream[1:], *streams[index + 1 :])
        for order in merged(*rest):
            yield [stream[0], *order]


UPDATED = ProgramUpdated(revision=2, **{**_CONTENT, "title": "Safer lifting"})
PROGRAM_STREAM = arrivals(
    "program:p-1", PROGRAM_RELEASED, UPDATED, ProgramWithdrawn(reason="outdated")
)
CHEAPER = OfferPriceChanged(program_id=PROGRAM, price=DRAFTED.price - 50, currency="EUR")
MOVED = OfferRescheduled(
    program_id=PROGRAM, booking_deadline=PUBLISHED.booking_deadline, **NEW_DATES
)
FREED = PlaceReleased(
    program_id=PROGRAM,
    booking_id=ANN,
    participant=ParticipantId(ANN),
    why=Released.CANCELLED,
    refund=DRAFTED.price,
    currency="EUR",
    places=Places(),
)
ONE, TWO = Places(confirmed=1), Places(confirmed=1, held=1)
OFFER_STREAM = arrivals("offer:o-1", DRAFTED, PUBLISHED, CHEAPER, MOVED)
BOOKED_STREAM = arrivals(
    "offer:o-1",
    DRAFTED,
    PUBLISHED,
    held(ANN, places=Places(held=1)),
    confirmed(ANN)[1].but(places=ONE),
    held("ben", places=TWO),
    joined("cat").but(places=TWO.but(waiting=1)),
    CHEAPER,
    MOVED,
    FREED.but(places=Places(held=1, waiting=1)),
    OfferClosed(program_id=PROGRAM, places=Places(held=1)),
)
OTHER_STREAM = arrivals("offer:o-2", DRAFTED, PUBLISHED)
