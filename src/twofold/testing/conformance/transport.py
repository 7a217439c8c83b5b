"""Conformance of a transport.

class TestMyTransport(TransportConformance):
    @pytest.fixture
    def connect(self): return lambda: MyTransport(address_of_a_broker)
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias
from uuid import uuid4

import pytest

from twofold.errors import BrokerUnsuitable, MessageTooLarge
from twofold.ports.transport import (
    BEGINNING,
    END,
    Channel,
    Delivery,
    Message,
    Reader,
    Transport,
)

ConnectTransport: TypeAlias = Callable[[], Transport]
PARTITIONS = 3
_SECONDS = 20.0


def message(partition: int, text: str, data: bytes | None = None) -> Message:
    """A CloudEvent of a test."""
    attributes = {
        "specversion": "1.0",
        "id": text,
        "source": "urn:twofold:test",
        "type": "test.Said",
        "subject": f"test:{partition}",
        "datacontenttype": "application/json",
    }
    said = b'{"said":1}' if data is None else data
    return Message(partition, f"test:{partition}", attributes, said)


async def fetched(reader: Reader, count: int) -> list[Delivery]:
    """``count`` messages, or as many as come."""
    found: list[Delivery] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_SECONDS):
            while len(found) < count:
                found.extend(await reader.fetch(1_000, 1.0))
    return found


def ids(deliveries: Sequence[Delivery], partition: int) -> list[str]:
    """The ids of one partition's messages, as they came."""
    return [one.attributes["id"] for one in deliveries if one.partition == partition]


class TransportConformance:
    """The rules of ``twofold.ports.transport``."""

    @pytest.fixture
    def connect(self) -> ConnectTransport:
        """Makes transports at one broker."""
        raise NotImplementedError("an adapter's test gives its transports here")

    @pytest.fixture
    def channel(self) -> Channel:
        """A channel that nobody has used."""
        return Channel(f"test-{uuid4().hex[:12]}", PARTITIONS)

    @asynccontextmanager
    async def opened(
        self, connect: ConnectTransport, *channels: Channel
    ) -> AsyncIterator[Transport]:
        """A transport, closed at the end."""
        transport = connect()
        try:
            await transport.open(channels)
            yield transport
        finally:
            await transport.close()

    async def test_messages_come_as_they_were_published(
        self, connect: ConnectTransport, channel: Channel
    ) -> None:
        async with self.opened(connect, channel) as transport:
            sent = [
                message(0, "plain"),
                message(1, "ünïcödé ✓", '{"name":"Zoë"}'.encode()),
                message(2, "empty", b"\x00\xff binary \n"),
                message(2, "large", b"x" * 100_000),
            ]
            await transport.publish(channel.name, sent)
            reader = await transport.reader(channel.name, dict.fromkeys(range(3), BEGINNING))
            found = {one.attributes["id"]: one for one in await fetched(reader, 4)}
            await reader.close()
        for one in sent:
            came = found[one.attributes["id"]]
            assert (came.partition, came.key, came.data) == (one.partition, one.key, one.data)
            assert dict(came.attributes) == dict(one.attributes)

    async def test_order_within_a_partition_is_that_of_publishing(
        self, connect: ConnectTransport, channel: Channel
    ) -> None:
        async with self.opened(connect, channel) as transport:
            for begin in range(0, 600, 200):
                batch = [message(n % PARTITIONS, str(n)) for n in range(begin, begin + 200)]
                await transport.publish(channel.name, batch)
            starts = dict.fromkeys(range(PARTITIONS), BEGINNING)
            first = await transport.reader(channel.name, starts)
            second = await transport.reader(channel.name, starts)
            for reader in (first, second):
                found = await fetched(reader, 600)
                await reader.close()
                for partition in range(PARTITIONS):
                    wanted = [str(n) for n in range(600) if n % PARTITIONS == partition]
                    assert ids(found, partition) == wanted

    async def test_a_fetch_gives_no_more_than_it_was_asked_for(
        self, connect: ConnectTransport, channel: Channel
    ) -> None:
        async with self.opened(connect, channel) as transport:
            await transport.publish(channel.name, [message(0, str(n)) for n in range(50)])
            reader = await transport.reader(channel.name, {0: BEGINNING})
            found: list[Delivery] = []
            while len(found) < 50:
                some = await reader.fetch(7, 5.0)
                assert 0 < len(some) <= 7
                found.extend(some)
            await reader.close()
            assert ids(found, 0) == [str(n) for n in range(50)]

    async def test_nothing_new_is_told_in_time(
        self, connect: ConnectTransport, channel: Channel
    ) -> None:
        async with self.opened(connect, channel) as transport:
            reader = await transport.reader(channel.name, {0: BEGINNING})
            async with asyncio.timeout(5):
                assert not await reader.fetch(10, 0.2)
            await reader.close()

    async def test_a_reader_goes_on_after_an_offset(
        self, connect: ConnectTransport, channel: Channel
    ) -> None:
        async with self.opened(connect, channel) as transport:
            await transport.publish(channel.name, [message(1, str(n)) for n in range(10)])
            reader = await transport.reader(channel.name, {1: BEGINNING})
            offset = (await fetched(reader, 10))[5].offset
            await reader.close()
        async with self.opened(connect, channel) as transport:
            reader = await transport.reader(channel.name, {1: offset})
            found = ids(await fetched(reader, 4), 1)
            await reader.close()
            assert found[-4:] == ["6", "7", "8", "9"]

    async def test_a_reader_at_the_end_sees_what_comes_after_it(
        self, connect: ConnectTransport, channel: Channel
    ) -> None:
        async with self.opened(connect, channel) as transport:
            await transport.publish(channel.name, [message(0, "before")])
            reader = await transport.reader(channel.name, {0: END, 1: END})
            await transport.publish(channel.name, [message(0, "after"), message(1, "too")])
            found = await fetched(reader, 2)
            await reader.close()
            assert sorted(one.attributes["id"] for one in found) == ["after", "too"]

    async def test_a_waiting_reader_is_woken(
        self, connect: ConnectTransport, channel: Channel
    ) -> None:
        async with (
            self.opened(connect, channel) as ours,
            self.opened(connect, channel) as theirs,
        ):
            reader = await ours.reader(channel.name, dict.fromkeys(range(PARTITIONS), BEGINNING))
            waiting = asyncio.ensure_future(reader.fetch(10, _SECONDS))
            await theirs.publish(channel.name, [message(2, "wake")])
            assert ids(await waiting, 2) == ["wake"]
            await reader.close()

    async def test_partitions_move_and_others_go_on_undisturbed(
        self, connect: ConnectTransport, channel: Channel
    ) -> None:
        async with self.opened(connect, channel) as transport:
            first = [message(n, f"a{n}") for n in range(PARTITIONS)]
            await transport.publish(channel.name, first)
            reader = await transport.reader(channel.name, {0: BEGINNING, 1: BEGINNING})
            assert {one.partition for one in await fetched(reader, 2)} == {0, 1}
            await reader.move({1: BEGINNING, 2: BEGINNING})
            await transport.publish(channel.name, [message(n, f"b{n}") for n in range(PARTITIONS)])
            found = await fetched(reader, 3)
            assert not await reader.fetch(10, 0.3)
            await reader.close()
            assert ids(found, 0) == []
            assert ids(found, 1) == ["b1"]
            assert ids(found, 2) == ["a2", "b2"]

    async def test_the_last_message_of_each_partition_is_known(
        self, connect: ConnectTransport, channel: Channel
    ) -> None:
        async with self.opened(connect, channel) as transport:
            assert dict(await transport.last(channel.name)) == {}
            await transport.publish(
                channel.name, [message(0, "x"), message(0, "y"), message(2, "z")]
            )
            last = await transport.last(channel.name)
            assert {n: one.attributes["id"] for n, one in last.items()} == {0: "y", 2: "z"}
            assert last[0].data == b'{"said":1}'
            await transport.publish(channel.name, [message(0, "without data", b"")])
            assert (await transport.last(channel.name))[0].attributes["id"] == "without data"

    async def test_several_publish_at_once_and_nothing_is_lost(
        self, connect: ConnectTransport, channel: Channel
    ) -> None:
        async with (
            self.opened(connect, channel) as ours,
            self.opened(connect, channel) as theirs,
        ):

            async def some(transport: Transport, name: str) -> None:
                for n in range(20):
                    await transport.publish(channel.name, [message(0, f"{name}{n:02}")])

            await asyncio.gather(some(ours, "a"), some(theirs, "b"), some(ours, "c"))
            reader = await ours.reader(channel.name, {0: BEGINNING})
            found = ids(await fetched(reader, 60), 0)
            await reader.close()
            for name in "abc":
                mine = [one for one in found if one.startswith(name)]
                assert mine == [f"{name}{n:02}" for n in range(20)]

    async def test_a_queue_keeps_what_is_not_forgotten(
        self, connect: ConnectTransport, channel: Channel
    ) -> None:
        queue = Channel(channel.name, PARTITIONS, "queue")
        async with self.opened(connect, queue) as transport:
            await transport.publish(queue.name, [message(0, str(n)) for n in range(100)])
            reader = await transport.reader(queue.name, {0: BEGINNING})
            offset = (await fetched(reader, 100))[59].offset
            await reader.close()
            await transport.forget(queue.name, 0, offset)
            again = await transport.reader(queue.name, {0: offset})
            found = ids(await fetched(again, 40), 0)
            await again.close()
            assert found[-40:] == [str(n) for n in range(60, 100)]

    async def test_a_channel_with_too_few_partitions_is_refused(
        self, connect: ConnectTransport, channel: Channel
    ) -> None:
        async with self.opened(connect, channel) as transport:
            with pytest.raises(BrokerUnsuitable, match="partitions"):
                await transport.open([Channel(channel.name, PARTITIONS + 1)])

    async def test_a_message_above_the_limit_is_refused_with_the_limit(
        self, connect: ConnectTransport, channel: Channel
    ) -> None:
        async with self.opened(connect, channel) as transport:
            with pytest.raises(MessageTooLarge) as caught:
                large = b"x" * (transport.limit_bytes + 1)
                await transport.publish(channel.name, [message(0, "large", large)])
            assert caught.value.limit_bytes == transport.limit_bytes
            await transport.publish(channel.name, [message(0, "fits")])
            assert (await transport.last(channel.name))[0].attributes["id"] == "fits"

    async def test_opening_again_and_closing_twice_are_no_mistakes(
        self, connect: ConnectTransport, channel: Channel
    ) -> None:
        transport = connect()
        await transport.open([])
        await transport.open([channel])
        await transport.publish(channel.name, [message(0, "kept")])
        await transport.open([channel])
        assert (await transport.last(channel.name))[0].attributes["id"] == "kept"
        await transport.close()
        await transport.close()
