"""What is particular to RabbitMQ."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aio_pika
import pytest

from tests.integration.brokers.faults import STARTS, BrokerFaults, fresh_channel, opened
from twofold.adapters.rabbitmq.transport import RabbitTransport
from twofold.errors import BrokerUnavailable, BrokerUnsuitable, SettingsProblems
from twofold.ops.services.processes import until
from twofold.ops.services.service import Running
from twofold.ports.transport import BEGINNING, Channel
from twofold.testing.conformance.transport import fetched, ids, message

STREAM = {"x-queue-type": "stream"}


class TestRabbitFaults(BrokerFaults):
    service = "rabbitmq"
    connect = RabbitTransport
    kills = 1

    async def durable(self, server: Running) -> None:
        # The first stream of a node is lost by a kill within the next seconds: what runs its
        # streams is noted in this file with a delay.
        pattern = "mnesia/*/coordination/*/names.dets"

        def noted() -> bool:
            files = Path(server.folder).glob(pattern)
            return any(b"rabbit_stream_coordinator" in file.read_bytes() for file in files)

        assert await asyncio.to_thread(until, noted, 30)

    @pytest.fixture
    def address(self, rabbitmq_server: str) -> str:
        return rabbitmq_server


@pytest.fixture
async def client(rabbitmq_server: str) -> AsyncIterator[Any]:
    """A channel of a plain client."""
    connection = await aio_pika.connect(rabbitmq_server)
    async with connection:
        yield await connection.channel()


async def test_a_plain_client_reads_cloud_events(rabbitmq_server: str, client: Any) -> None:
    channel = fresh_channel()
    async with opened(RabbitTransport(rabbitmq_server), channel) as transport:
        await transport.publish(channel.name, [message(1, "e-1")])
    await client.set_qos(prefetch_count=10)
    queue = await client.get_queue(f"{channel.name}.1")
    arrived = asyncio.get_running_loop().create_future()
    await queue.consume(arrived.set_result, arguments={"x-stream-offset": "first"})
    async with asyncio.timeout(10):
        found = await arrived
    assert found.content_type == "application/json"
    assert found.headers == {
        "key": "test:1",
        "cloudEvents:specversion": "1.0",
        "cloudEvents:id": "e-1",
        "cloudEvents:source": "urn:twofold:test",
        "cloudEvents:type": "test.Said",
        "cloudEvents:subject": "test:1",
        "x-stream-offset": 0,
    }
    assert found.body == b'{"said":1}'


async def test_what_others_publish_is_delivered(rabbitmq_server: str, client: Any) -> None:
    channel = fresh_channel()
    foreign = aio_pika.Message(
        b"\x00\xff",
        content_type="text/plain",
        content_encoding="identity",
        priority=3,
        correlation_id="c-1",
        headers={
            "cloudEvents_type": "x.Measured",
            "cloudEvents:final": True,
            "cloudEvents:count": 7,
            "nested": {"a": [1, 2]},
        },
    )
    async with opened(RabbitTransport(rabbitmq_server), channel) as transport:
        queue = f"{channel.name}.0"
        await client.default_exchange.publish(foreign, queue)
        await client.default_exchange.publish(aio_pika.Message(b""), queue)
        reader = await transport.reader(channel.name, STARTS)
        first, second = await fetched(reader, 2)
        await reader.close()
    assert first.attributes == {
        "datacontenttype": "text/plain",
        "type": "x.Measured",
        "final": "true",
        "count": "7",
    }
    assert (first.key, first.data) == ("", b"\x00\xff")
    assert (second.attributes, second.data) == ({}, b"")


async def test_a_queue_of_another_type_is_refused(rabbitmq_server: str, client: Any) -> None:
    channel = fresh_channel()
    for partition in STARTS:
        await client.declare_queue(f"{channel.name}.{partition}", durable=True)
    with pytest.raises(BrokerUnsuitable, match="inequivalent arg"):
        async with opened(RabbitTransport(rabbitmq_server), channel):
            pass


async def test_another_kind_of_channel_is_refused(rabbitmq_server: str) -> None:
    channel = fresh_channel()
    queue = Channel(channel.name, channel.partitions, "queue")
    async with opened(RabbitTransport(rabbitmq_server), channel) as transport:
        with pytest.raises(BrokerUnsuitable, match="x-max-length-bytes"):
            await transport.open([queue])
        await transport.publish(channel.name, [message(0, "goes on")])


async def test_a_stream_made_anew_is_read_from_its_beginning(
    rabbitmq_server: str, client: Any
) -> None:
    channel = fresh_channel()
    async with opened(RabbitTransport(rabbitmq_server), channel) as transport:
        await transport.publish(channel.name, [message(0, f"old-{n}") for n in range(50)])
        reader = await transport.reader(channel.name, {0: BEGINNING})
        offset = (await fetched(reader, 50))[-1].offset
        await client.queue_delete(f"{channel.name}.0")
        with pytest.raises(BrokerUnavailable):
            await reader.fetch(10, 10.0)
        with pytest.raises(BrokerUnavailable, match="missing"):
            await transport.publish(channel.name, [message(0, "lost")])
        await client.declare_queue(f"{channel.name}.0", durable=True, arguments=STREAM)
        await transport.publish(channel.name, [message(0, "new")])
        assert ids(await fetched(reader, 1), 0) == ["new"]
        other = await transport.reader(channel.name, {0: offset})
        assert ids(await fetched(other, 1), 0) == ["new"]
        await reader.close()
        await other.close()


async def test_a_question_that_is_given_up_disturbs_no_other(rabbitmq_server: str) -> None:
    channel = fresh_channel()
    async with opened(RabbitTransport(rabbitmq_server), channel) as transport:
        await transport.publish(channel.name, [message(0, "kept")])
        for steps in range(30):
            asking = asyncio.ensure_future(transport.last(channel.name))
            for _ in range(steps):
                await asyncio.sleep(0)
            asking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asking
            await transport.publish(channel.name, [message(1, str(steps))])
        last = await transport.last(channel.name)
    assert [last[n].attributes["id"] for n in (0, 1)] == ["kept", "29"]


async def test_many_who_publish_at_once_are_confirmed_each(rabbitmq_server: str) -> None:
    channel = fresh_channel()
    async with opened(RabbitTransport(rabbitmq_server), channel) as transport:
        await asyncio.gather(
            *(transport.publish(channel.name, [message(0, str(n))]) for n in range(300))
        )
        reader = await transport.reader(channel.name, {0: BEGINNING})
        found = ids(await fetched(reader, 300), 0)
        await reader.close()
    assert sorted(map(int, found)) == list(range(300))


async def test_a_message_above_the_frame_size_comes_whole(rabbitmq_server: str) -> None:
    channel, data = fresh_channel(), bytes(range(256)) * 4_096
    async with opened(RabbitTransport(rabbitmq_server), channel) as transport:
        await transport.publish(channel.name, [message(0, "large", data), message(0, "small")])
        reader = await transport.reader(channel.name, {0: BEGINNING})
        large, small = await fetched(reader, 2)
        await reader.close()
    assert large.data == data
    assert small.attributes["id"] == "small"


async def test_wrong_credentials_are_said_to_be_that(rabbitmq_server: str) -> None:
    address = rabbitmq_server.replace("guest:guest", "guest:secret-word")
    with pytest.raises(BrokerUnavailable, match="wrong credentials") as caught:
        async with opened(RabbitTransport(address), fresh_channel()):
            pass
    assert "secret-word" not in str(caught.value)


async def test_a_virtual_host_that_is_missing_is_named(rabbitmq_server: str) -> None:
    with pytest.raises(BrokerUnavailable, match="vhost nowhere not found"):
        async with opened(RabbitTransport(f"{rabbitmq_server}/nowhere"), fresh_channel()):
            pass


async def test_something_else_than_rabbitmq_is_told() -> None:
    def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(BrokerUnavailable, match="does not speak AMQP"):
            async with opened(RabbitTransport(f"amqp://127.0.0.1:{port}"), fresh_channel()):
                pass


async def test_mistakes_in_the_address_are_told_together() -> None:
    with pytest.raises(SettingsProblems) as caught:
        RabbitTransport("amqp://127.0.0.1?log_day=5&queue_days=some")
    assert len(caught.value.problems) == 2
    assert "there are log_bytes, log_days, message_bytes, queue_days" in str(caught.value)
