"""Messages published per second through RabbitMQ's streams, beside aio-pika with confirms."""

from __future__ import annotations

import asyncio
import time
from uuid import uuid4

import aio_pika

from benchmarks.figures import Figures, at_least
from benchmarks.transports import DATA_BYTES, measured, messages
from benchmarks.workload import on_fast_loop
from twofold.adapters.rabbitmq.transport import RabbitTransport
from twofold.ops.services import provided

NAME = "transport-rabbitmq"
GOAL = at_least(10_000)
UNIT = "messages/s"
_PLAIN, _BATCH = 3_000, 1_000


def run() -> Figures:
    """One publisher, batches of 1,000, each message confirmed; four partitions."""
    with provided("rabbitmq") as address:

        async def raw() -> float:
            connection = await aio_pika.connect(address)
            async with connection:
                channel = await connection.channel()
                name = f"benchmark-{uuid4().hex[:8]}"
                stream = {"x-queue-type": "stream"}
                await channel.declare_queue(name, durable=True, arguments=stream)
                sent = [
                    aio_pika.Message(
                        b"x" * DATA_BYTES,
                        content_type="application/json",
                        delivery_mode=2,
                        headers=dict(one.attributes),
                    )
                    for one in messages(_PLAIN)
                ]
                begun = time.perf_counter()
                for begin in range(0, _PLAIN, _BATCH):
                    batch = sent[begin : begin + _BATCH]
                    publish = channel.default_exchange.publish
                    await asyncio.gather(*(publish(one, name) for one in batch))
                return _PLAIN / (time.perf_counter() - begun)

        found = on_fast_loop(lambda: measured(lambda: RabbitTransport(address)))
        plain = on_fast_loop(raw)
    details = {
        "fetched_per_second": round(found.fetched),
        "publish_to_fetch_p50_ms": round(found.p50_ms, 2),
        "publish_to_fetch_p99_ms": round(found.p99_ms, 2),
    }
    return Figures(found.published, plain, None, details)
