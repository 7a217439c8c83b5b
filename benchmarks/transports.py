"""What a transport carries: messages of an event's size with an event's attributes."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from typing import NamedTuple
from uuid import uuid4

from twofold.ports.transport import BEGINNING, END, Channel, Message, Reader, Transport

PARTITIONS = 4
BATCH = 2_000
BATCHES = 30
SINGLES = 300
_DATA = b'{"note":"' + b"x" * 580 + b'"}'
_ATTRIBUTES = {
    "specversion": "1.0",
    "source": "urn:twofold:shop",
    "type": "orders.OrderPlaced",
    "subject": "order:0190a7c2-5b1e",
    "time": "2025-03-01T10:00:00.123456Z",
    "datacontenttype": "application/json",
    "position": "1234567",
    "previous": "1234560",
    "streamversion": "4",
    "causationid": "0190a7c2-5b1e-7c3d-9e4f-000000000001",
    "correlationid": "0190a7c2-5b1e-7c3d-9e4f-000000000002",
    "actor": "carla",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}


class Carried(NamedTuple):
    """Rates in messages/s, what publishing one takes of the thread in µs, times in ms."""

    published: float
    publishing_us: float
    fetched: float
    p50_ms: float
    p99_ms: float


def fresh_channel() -> Channel:
    """One that nobody has used."""
    return Channel(f"bench-{uuid4().hex[:12]}", PARTITIONS)


def messages(count: int = BATCH) -> list[Message]:
    """Of 1,000 streams, spread over all partitions."""
    return [
        Message(n % PARTITIONS, f"order:{n % 1000}", {"id": str(n), **_ATTRIBUTES}, _DATA)
        for n in range(count)
    ]


async def carried(transport: Transport) -> Carried:
    """One process publishes in batches and waits for each; then it reads; then one at a time."""
    channel = fresh_channel()
    await transport.open([channel])
    try:
        published, busy_us = await _published(transport, channel.name)
        reader = await transport.reader(channel.name, dict.fromkeys(range(PARTITIONS), BEGINNING))
        rate = await _fetched(reader)
        await reader.close()
        reader = await transport.reader(channel.name, dict.fromkeys(range(PARTITIONS), END))
        times = await _one_by_one(transport, channel.name, reader)
        await reader.close()
    finally:
        await transport.close()
    return Carried(published, busy_us, rate, *percentiles(times))


def percentiles(seconds: Sequence[float]) -> tuple[float, float]:
    """The median and the 99th of 100, in ms."""
    of_100 = statistics.quantiles(seconds, n=100)
    return of_100[49] * 1_000, of_100[98] * 1_000


async def _published(transport: Transport, channel: str) -> tuple[float, float]:
    batch = messages()
    await transport.publish(channel, batch[:1])
    began, busy = time.perf_counter(), time.thread_time()
    for _ in range(BATCHES):
        await transport.publish(channel, batch)
    took, busy = time.perf_counter() - began, time.thread_time() - busy
    return BATCH * BATCHES / took, busy / BATCH / BATCHES * 1_000_000


async def _fetched(reader: Reader) -> float:
    began, count = time.perf_counter(), 0
    while count < BATCH * BATCHES:
        count += len(await reader.fetch(BATCH, 5.0))
    return count / (time.perf_counter() - began)


async def _one_by_one(transport: Transport, channel: str, reader: Reader) -> list[float]:
    times = []
    for message in messages(SINGLES):
        waiting = asyncio.ensure_future(reader.fetch(10, 5.0))
        await asyncio.sleep(0.002)
        began = time.perf_counter()
        publishing = asyncio.ensure_future(transport.publish(channel, [message]))
        await waiting
        times.append(time.perf_counter() - began)
        await publishing
    return times
