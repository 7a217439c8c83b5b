"""Other systems that read our events with nothing but their broker's plain client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping

import aio_pika
import redis.asyncio as plain_redis
from aio_pika.exceptions import ChannelNotFoundEntity
from confluent_kafka import Consumer, TopicPartition

Read = Callable[[str, str, int], AsyncGenerator[Mapping[str, str], None]]
_QUIET_SECONDS = 0.5


async def from_redis(
    address: str, channel: str, partitions: int
) -> AsyncGenerator[Mapping[str, str], None]:
    """The context attributes of each CloudEvent, by their fields."""
    client = plain_redis.from_url(address, decode_responses=True, protocol=2)
    after = {f"{channel}:{partition}": "0" for partition in range(partitions)}
    try:
        while True:
            for key, entries in await client.xread(after, block=int(_QUIET_SECONDS * 1_000)):
                after[key] = entries[-1][0]
                for _, fields in entries:
                    yield {k[3:]: v for k, v in fields.items() if k.startswith("ce_")}
    finally:
        await client.aclose()


async def from_rabbitmq(
    address: str, channel: str, partitions: int
) -> AsyncGenerator[Mapping[str, str], None]:
    """The context attributes of each CloudEvent, by their headers."""
    found: asyncio.Queue[Mapping[str, str]] = asyncio.Queue()

    async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        said = {str(k).partition(":")[::2]: v for k, v in message.headers.items()}
        await found.put({name: str(v) for (kind, name), v in said.items() if kind == "cloudEvents"})
        await message.ack()

    async with await aio_pika.connect(address) as connection:
        for partition in range(partitions):
            queue = await _queue(connection, f"{channel}.{partition}")
            await queue.consume(take, arguments={"x-stream-offset": "first"})
        while True:
            yield await found.get()


async def _queue(
    connection: aio_pika.abc.AbstractConnection, name: str
) -> aio_pika.abc.AbstractQueue:
    """Once the relay has made it: asking for one that isn't there ends the AMQP channel."""
    while True:
        opened = await connection.channel()
        await opened.set_qos(prefetch_count=100)
        try:
            return await opened.get_queue(name)
        except ChannelNotFoundEntity:
            await asyncio.sleep(_QUIET_SECONDS)


async def from_kafka(
    address: str, channel: str, partitions: int
) -> AsyncGenerator[Mapping[str, str], None]:
    """The context attributes of each CloudEvent, by their headers."""
    servers = address.removeprefix("kafka://")
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "another system"})
    consumer.assign([TopicPartition(channel, partition, 0) for partition in range(partitions)])
    try:
        while True:
            message = await asyncio.to_thread(consumer.poll, _QUIET_SECONDS)
            if message is not None and message.error() is None:
                headers = {k: bytes(v or b"").decode() for k, v in message.headers() or ()}
                yield {k[3:]: v for k, v in headers.items() if k.startswith("ce_")}
    finally:
        consumer.close()
