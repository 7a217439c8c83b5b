"""Messages published to RabbitMQ's streams per second, beside pika alone with confirms."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pika
from pika.adapters.asyncio_connection import AsyncioConnection

from benchmarks.figures import Figures, at_least
from benchmarks.transports import BATCH, carried, fresh_channel, messages
from benchmarks.workload import on_fast_loop
from twofold.adapters.rabbitmq.transport import RabbitTransport
from twofold.ops.services import provided

NAME = "publish-rabbitmq"
GOAL = at_least(0.8)
UNIT = "of the plain client's rate"
_RAW_BATCHES = 10


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
    rates = {"published_per_second": round(found.published), "raw_per_second": round(raw)}
    return Figures(found.published / raw, 1.0, None, details | rates)


async def _raw(address: str) -> float:
    """The same messages into one stream, all of a batch in flight."""
    loop = asyncio.get_running_loop()
    opened, closed = loop.create_future(), loop.create_future()
    connection = AsyncioConnection(
        pika.URLParameters(address),
        on_open_callback=opened.set_result,
        on_open_error_callback=lambda _, error: opened.set_exception(error),
        on_close_callback=lambda *_: closed.set_result(None),
        custom_ioloop=loop,
    )
    await opened
    channel, name = await _channel(connection), fresh_channel().name
    stream = {"x-queue-type": "stream"}
    await _answer(partial(channel.queue_declare, name, durable=True, arguments=stream))
    rate = await _published(channel, name)
    connection.close()
    await closed
    return rate


async def _published(channel: Any, queue: str) -> float:
    confirmed, every = asyncio.Event(), 0

    def confirm(told: Any) -> None:
        if told.method.delivery_tag == every:
            confirmed.set()

    await _answer(partial(channel.confirm_delivery, confirm))
    sent = [(one.data, dict(one.attributes)) for one in messages()]
    begun = time.perf_counter()
    for _ in range(_RAW_BATCHES):
        every += BATCH
        confirmed.clear()
        for data, headers in sent:
            properties = pika.BasicProperties(headers=headers, delivery_mode=2)
            channel.basic_publish("", queue, data, properties, mandatory=True)
        await confirmed.wait()
    return _RAW_BATCHES * BATCH / (time.perf_counter() - begun)


async def _channel(connection: Any) -> Any:
    opened = asyncio.get_running_loop().create_future()
    connection.channel(on_open_callback=opened.set_result)
    return await opened


async def _answer(question: Callable[..., object]) -> Any:
    answer = asyncio.get_running_loop().create_future()
    question(callback=answer.set_result)
    return await answer
