"""The look at a channel that goes on beside the publishing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from twofold.adapters.memory.transport import MemoryTransport
from twofold.errors import ForeignLog
from twofold.ports.transport import Channel, Delivery
from twofold.runtime.partitions.channel_check import ChannelCheck
from twofold.runtime.partitions.wire import Wire
from twofold.testing.virtual_time import VirtualClock, run_virtual

CHANNEL = Channel("shop.events", 2)
WIRE = Wire("shop", "ours", CHANNEL.partitions)
DUE_SECONDS = 3.0


class SlowToTell(MemoryTransport):
    """Tells its newest messages when ``told`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.told = asyncio.Event()

    async def last(self, channel: str) -> Mapping[int, Delivery]:
        await self.told.wait()
        return await super().last(channel)


async def checked_once() -> tuple[SlowToTell, ChannelCheck, VirtualClock]:
    """A check that is due again."""
    transport, clock = SlowToTell(), VirtualClock()
    check = ChannelCheck(transport, CHANNEL, WIRE, clock, event_bytes=1_000)
    transport.told.set()
    assert not await check.now((0, 0))
    transport.told.clear()
    await clock.sleep(DUE_SECONDS)
    return transport, check, clock


def test_nobody_waits_for_a_broker_that_is_slow_to_tell() -> None:
    async def scenario() -> None:
        transport, check, clock = await checked_once()
        await transport.publish(CHANNEL.name, [WIRE.watermark(0, 5, 0)])
        for _ in range(3):
            assert not await check.beside((5, 7))
            await clock.sleep(1)
        transport.told.set()
        await clock.sleep(1)
        assert list(await check.beside((9, 9))) == [1]
        await check.end()

    run_virtual(scenario)


def test_a_message_published_meanwhile_is_not_missed_by_it() -> None:
    async def scenario() -> None:
        transport, check, clock = await checked_once()
        transport.told.set()
        assert not await check.beside((0, 0))
        await clock.sleep(1)
        assert not await check.beside((5, 5))
        await check.end()

    run_virtual(scenario)


def test_another_log_in_the_channel_is_told_by_the_next_look() -> None:
    async def scenario() -> None:
        transport, check, clock = await checked_once()
        theirs = Wire("shop", "theirs", CHANNEL.partitions)
        await transport.publish(CHANNEL.name, [theirs.watermark(1, 5, 0)])
        transport.told.set()
        assert not await check.beside((0, 0))
        await clock.sleep(1)
        with pytest.raises(ForeignLog):
            await check.beside((0, 0))
        await check.end()

    run_virtual(scenario)


def test_what_goes_on_at_the_end_is_left() -> None:
    async def scenario() -> None:
        _, check, _ = await checked_once()
        await check.beside((0, 0))
        await check.end()
        assert len(asyncio.all_tasks()) == 1

    run_virtual(scenario)
