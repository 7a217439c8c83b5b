"""What every transport does when its broker or the way to it fails."""

from __future__ import annotations

import asyncio
import os
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import TypeAlias
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest

from tests.conftest import server_to_kill
from tests.killing import kill_server
from twofold.errors import BrokerUnavailable
from twofold.ops.services import restart
from twofold.ops.services.service import Running
from twofold.ports.transport import BEGINNING, Channel, Delivery, Reader, Transport
from twofold.testing.conformance.transport import fetched, ids, message
from twofold.testing.proxy import FaultProxy

Connect: TypeAlias = Callable[[str], Transport]
STARTS = {0: BEGINNING, 1: BEGINNING}
# Longer than any adapter may need to notice a broker that went silent.
PATIENCE_SECONDS = 25.0


def through(address: str, port: int) -> str:
    """The address of a broker by way of ``port``."""
    parts = urlsplit(address)
    credentials, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{credentials}{at}127.0.0.1:{port}"))


def fresh_channel() -> Channel:
    return Channel(f"faults-{uuid4().hex[:12]}", len(STARTS))


@asynccontextmanager
async def opened(transport: Transport, channel: Channel) -> AsyncIterator[Transport]:
    """Open until the end of the block."""
    try:
        await transport.open([channel])
        yield transport
    finally:
        await transport.close()


async def gone_on(reader: Reader, count: int) -> list[Delivery]:
    """``count`` messages, however often the broker is unavailable on the way."""
    found: list[Delivery] = []
    async with asyncio.timeout(90):
        while len({one.attributes["id"] for one in found}) < count:
            try:
                found.extend(await reader.fetch(1_000, 1.0))
            except BrokerUnavailable:
                await asyncio.sleep(0.05)
    return found


async def published(transport: Transport, channel: str, numbers: range) -> None:
    """One message for each number, however often the broker is unavailable on the way."""
    messages = [message(number % 2, str(number)) for number in numbers]
    async with asyncio.timeout(90):
        while True:
            try:
                return await transport.publish(channel, messages)
            except BrokerUnavailable:
                await asyncio.sleep(0.05)


def first_copies(found: list[Delivery], partition: int) -> list[int]:
    return list(dict.fromkeys(int(one) for one in ids(found, partition)))


class BrokerFaults:
    """Subclasses give ``service``, ``connect`` and ``address``."""

    service: str
    connect: Connect
    kills = 2

    async def durable(self, server: Running) -> None:
        """Wait, or do what is needed, until the broker keeps its promise through a kill."""

    @pytest.fixture
    def address(self) -> str:
        """Of a broker that is shared with other tests."""
        raise NotImplementedError

    @pytest.fixture
    def own_server(self) -> Iterator[Running]:
        """A broker that may be killed."""
        with server_to_kill(self.service) as running:
            yield running

    @pytest.fixture
    async def proxy(self, address: str) -> AsyncIterator[FaultProxy]:
        """In front of the broker."""
        parts = urlsplit(address)
        async with FaultProxy(parts.hostname or "127.0.0.1", parts.port or 0) as proxy:
            yield proxy

    async def test_what_was_acknowledged_survives_kills_in_order(self, own_server: Running) -> None:
        channel, batches, size = fresh_channel(), 60, 50
        turns = {20 * (n + 1): asyncio.Event() for n in range(self.kills)}

        async def publish(transport: Transport) -> None:
            for number in range(batches):
                await published(transport, channel.name, range(number * size, (number + 1) * size))
                if number in turns:
                    turns[number].set()

        async def kill(server: Running) -> None:
            for turn in turns.values():
                await turn.wait()
                await kill_server(server)
                server = await asyncio.to_thread(restart, server)
                await self.durable(server)

        async with opened(type(self).connect(own_server.address), channel) as transport:
            await self.durable(own_server)
            reader = await transport.reader(channel.name, STARTS)
            reading = asyncio.ensure_future(gone_on(reader, batches * size))
            await asyncio.gather(publish(transport), kill(own_server))
            found = await reading
            await reader.close()
            again = await transport.reader(channel.name, STARTS)
            replayed = await gone_on(again, batches * size)
            await again.close()
        for partition in STARTS:
            wanted = list(range(partition, batches * size, 2))
            assert first_copies(found, partition) == wanted
            assert first_copies(replayed, partition) == wanted

    async def test_a_broker_that_is_not_there_is_told_at_once(
        self, address: str, proxy: FaultProxy
    ) -> None:
        await proxy.refuse()
        transport = type(self).connect(through(address, proxy.port))
        async with asyncio.timeout(10):
            with pytest.raises(BrokerUnavailable, match=str(proxy.port)):
                await transport.open([fresh_channel()])
        await transport.close()

    async def test_a_silent_broker_is_noticed_and_work_goes_on_when_it_speaks(
        self, address: str, proxy: FaultProxy
    ) -> None:
        channel = fresh_channel()
        transport = type(self).connect(through(address, proxy.port))
        async with opened(transport, channel):
            await published(transport, channel.name, range(10))
            reader = await transport.reader(channel.name, STARTS)
            found = await gone_on(reader, 10)
            proxy.stall()
            async with asyncio.timeout(PATIENCE_SECONDS):
                outcomes = await asyncio.gather(
                    transport.publish(channel.name, [message(0, "10")]),
                    reader.fetch(10, 60.0),
                    return_exceptions=True,
                )
            assert [type(one) for one in outcomes] == [BrokerUnavailable, BrokerUnavailable]
            proxy.flow()
            await published(transport, channel.name, range(10, 20))
            found += await gone_on(reader, 10)
            await reader.close()
        assert [first_copies(found, n) for n in STARTS] == [[*range(0, 20, 2)], [*range(1, 20, 2)]]

    async def test_a_slow_way_makes_it_slow_and_nothing_else(
        self, address: str, proxy: FaultProxy
    ) -> None:
        channel = fresh_channel()
        transport = type(self).connect(through(address, proxy.port))
        async with opened(transport, channel):
            proxy.to_client.delay_seconds = 0.1
            await transport.publish(channel.name, [message(0, "late")])
            reader = await transport.reader(channel.name, STARTS)
            assert ids(await fetched(reader, 1), 0) == ["late"]
            assert (await transport.last(channel.name))[0].attributes["id"] == "late"
            await reader.close()

    async def test_cut_connections_lose_nothing(self, address: str, proxy: FaultProxy) -> None:
        channel = fresh_channel()
        transport = type(self).connect(through(address, proxy.port))
        async with opened(transport, channel):
            reader = await transport.reader(channel.name, STARTS)
            reading = asyncio.ensure_future(gone_on(reader, 400))
            for begin in range(0, 400, 40):
                if begin % 120 == 0:
                    proxy.cut()
                await published(transport, channel.name, range(begin, begin + 40))
            found = await reading
            await reader.close()
        for partition in STARTS:
            assert first_copies(found, partition) == list(range(partition, 400, 2))

    async def test_nothing_is_kept_while_the_broker_is_away(
        self, address: str, proxy: FaultProxy
    ) -> None:
        channel = fresh_channel()
        transport = type(self).connect(through(address, proxy.port))
        async with opened(transport, channel):
            await published(transport, channel.name, range(2))
            await proxy.refuse()
            proxy.cut()
            tracemalloc.start()
            begun = time.monotonic()
            try:
                for _ in range(50):
                    with pytest.raises(BrokerUnavailable):
                        await transport.publish(
                            channel.name, [message(0, "lost", os.urandom(200_000))]
                        )
                kept, _ = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert kept < 2_000_000
            assert time.monotonic() - begun < PATIENCE_SECONDS
            await proxy.admit()
            await published(transport, channel.name, range(2, 4))
