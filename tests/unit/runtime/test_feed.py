"""What was published together is applied together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from tests.proposals import app
from twofold.adapters.memory.log import MemoryLog
from twofold.adapters.memory.transport import MemoryTransport
from twofold.ports.read_store import Part
from twofold.ports.transport import Channel
from twofold.runtime.clock import SeededChance
from twofold.runtime.partitions.feed import Feed
from twofold.runtime.partitions.membership import Membership
from twofold.runtime.partitions.wire import Wire
from twofold.runtime.portions import Limit
from twofold.testing.virtual_time import VirtualClock, run_virtual
from twofold.wiring.wired import wire

CHANNEL = Channel("shop.events", 2)
WIRE = Wire("shop", "ours", CHANNEL.partitions)
BEGINNING = {0: Part(0), 1: Part(0)}
MOMENT_SECONDS = 0.001
SOON_SECONDS = 0.1


@asynccontextmanager
async def reading(transport: MemoryTransport) -> AsyncIterator[Feed]:
    """A feed at work that holds both partitions."""

    async def standing() -> Mapping[int, Part]:
        return {}

    async def rejected(_: object) -> None:
        raise AssertionError("nothing is strange here")

    clock = VirtualClock()
    membership = Membership(MemoryLog().leases, "readers", 2, 10.0, clock, SeededChance())
    await membership.renew()
    types, limit = wire(app).events, Limit(1_000, 1_000_000)
    feed = Feed(transport, CHANNEL, WIRE, types, membership, clock, limit, standing, rejected)
    work = asyncio.create_task(feed.run())
    await asyncio.sleep(MOMENT_SECONDS)
    yield feed
    feed.stop()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


def test_the_rest_of_what_was_published_is_waited_for() -> None:
    async def scenario() -> None:
        transport = MemoryTransport()
        async with reading(transport) as feed:
            await transport.publish(CHANNEL.name, [WIRE.watermark(0, 5, 0)])
            await asyncio.sleep(MOMENT_SECONDS)
            waiting = asyncio.create_task(feed.together(BEGINNING))
            await asyncio.sleep(MOMENT_SECONDS)
            assert not waiting.done()
            await transport.publish(CHANNEL.name, [WIRE.watermark(1, 5, 0)])
            await asyncio.sleep(MOMENT_SECONDS)
            assert waiting.done()
            assert [one.known for one in feed.arrivals.values()] == [5, 5]

    run_virtual(scenario)


def test_a_partition_that_is_silent_holds_up_the_others_for_a_moment_only() -> None:
    async def scenario() -> None:
        transport = MemoryTransport()
        async with reading(transport) as feed:
            await transport.publish(CHANNEL.name, [WIRE.watermark(0, 5, 0)])
            await asyncio.sleep(MOMENT_SECONDS)
            async with asyncio.timeout(SOON_SECONDS):
                await feed.together(BEGINNING)

    run_virtual(scenario)


def test_nothing_is_waited_for_where_nothing_came() -> None:
    async def scenario() -> None:
        transport = MemoryTransport()
        async with reading(transport) as feed:
            await transport.publish(CHANNEL.name, [WIRE.watermark(0, 5, 0)])
            await asyncio.sleep(MOMENT_SECONDS)
            async with asyncio.timeout(0):
                await feed.together({0: Part(5), 1: Part(0)})

    run_virtual(scenario)
