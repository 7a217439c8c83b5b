"""Messages published to RabbitMQ's streams per second, beside aio-pika with confirms."""

from __future__ import annotations

import asyncio
import time

import aio_pika

from benchmarks.figures import Figures, at_least
from benchmarks.transports import BATCH, carried, fresh_channel, messages
from benchmarks.workload import on_fast_loop
from twofold.adapters.rabbitmq.transport import RabbitTransport
from twofold.ops.services import provided

NAME = "publish-rabbitmq"
GOAL = at_least(10_000)
UNIT = "messages/s"
_RAW_BATCHES = 2


def run() -> Figures:
    """600 bytes and 14 attributes, batches of 2,000, 4 partitions, one process."""
    with provided("rabbitmq") as address:
        found = on_fast_loop(lambda: carried(RabbitTransport(address)))
        raw = on_fast_loop(lambda: _raw(address))
    details = {
        "publishing_us_per_message": round(found.publishing_us, 1),
        "fetched_per_second": round(found.fetched),
        "publish_to_fetch_p50_ms": round(found.p50_ms, 2),
        "publish_to_fetch_p99_ms": round(found.p99_ms, 2),
    }
    return Figures(found.published, raw, None, details)


async def _raw(address: str) -> float:
    """The same messages into one stream, all of a batch in flight."""
    connection = await aio_pika.connect(address)
    async with connection:
        channel, name = await connection.channel(), fresh_channel().name
        await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "stream"})
        sent = [
            aio_pika.Message(one.data, delivery_mode=2, headers=dict(one.attributes))
            for one in messages()
        ]
        begun = time.perf_counter()
        for _ in range(_RAW_BATCHES):
            await asyncio.gather(*(channel.default_exchange.publish(one, name) for one in sent))
        return _RAW_BATCHES * BATCH / (time.perf_counter() - begun)
