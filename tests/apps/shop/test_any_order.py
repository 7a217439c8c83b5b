"""Orders, products and invoices become known in any order across their streams."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

import pytest
import pytest_asyncio

from shop.main import app
from shop.sample import sample as make_sample
from twofold import Event, Recorded, RuntimeSettings, System
from twofold.adapters.memory.log import MemoryLog
from twofold.adapters.memory.read_store import MemoryReadStore
from twofold.runtime.clock import SeededChance, SystemClock
from twofold.runtime.folding import fold_strictly
from twofold.wiring.wired import wire

Arrived = tuple[Recorded, Event]
WIRED = wire(app)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sample() -> list[Arrived]:
    """All events of the sample data, as the log has them."""
    settings = RuntimeSettings(projections="inline", own_rows=False)
    system = System(
        app,
        MemoryLog(),
        MemoryReadStore(),
        clock=SystemClock(),
        chance=SeededChance(),
        settings=settings,
        roles=frozenset({"api"}),
    )
    async with system:
        await make_sample(system)
        recorded = await system.log.read(0, 1_000_000)
    return [(one, WIRED.events.decode(one)) for one in recorded if one.type in WIRED.events.by_name]


async def documents(projection: str, arrived: Sequence[Arrived]) -> dict[str, bytes]:
    """All documents as stored, once the events have arrived."""
    folding = WIRED.foldings[projection]
    store, table = MemoryReadStore(), folding.model.table(1)
    await store.open([table])
    for first in range(0, len(arrived), 500):
        async with store.transaction() as transaction:
            piece = arrived[first : first + 500]
            await fold_strictly(folding, table.name, transaction, piece)
    return {row.key: row.document for row in await store.rows(table.name, None, 1_000_000)}


def shuffled(arrived: Sequence[Arrived], seed: int) -> list[Arrived]:
    """Another order of the streams; each keeps its own."""
    streams: dict[str, list[Arrived]] = defaultdict(list)
    for one in arrived:
        streams[one[0].stream].append(one)
    order = [one[0].stream for one in arrived]
    random.Random(seed).shuffle(order)
    waiting = {stream: iter(events) for stream, events in streams.items()}
    return [next(waiting[stream]) for stream in order]


@pytest.mark.parametrize("projection", WIRED.foldings)
async def test_every_order_of_the_streams_comes_out_the_same(
    sample: list[Arrived], projection: str
) -> None:
    expected = await documents(projection, sample)
    assert expected
    for seed in range(3):
        assert await documents(projection, shuffled(sample, seed)) == expected
