"""Messages published to Kafka per second, each batch acknowledged before the next."""

from __future__ import annotations

import asyncio

from benchmarks.figures import Figures, at_least
from benchmarks.raw_kafka import RawKafka
from benchmarks.transports import carried, fresh_channel
from benchmarks.workload import on_fast_loop
from twofold.adapters.kafka.transport import KafkaTransport
from twofold.ops.services import provided
from twofold.ports.transport import Channel

NAME = "publish-kafka"
GOAL = at_least(30_000)
UNIT = "messages/s"


def run() -> Figures:
    """600 bytes and 14 attributes, batches of 2,000, 4 partitions, one process."""
    with provided("kafka") as address:
        found = on_fast_loop(lambda: carried(KafkaTransport(address)))
        channel = fresh_channel()
        asyncio.run(_opened(address, channel))
        raw = RawKafka(address, channel.name)
        (published, busy_us), fetched = raw.published(), raw.fetched()
        p50_ms, p99_ms = raw.one_by_one()
        raw.close()
    details = {
        "publishing_us_per_message": round(found.publishing_us, 1),
        "publishing_us_per_message_raw": round(busy_us, 1),
        "fetched_per_second": round(found.fetched),
        "fetched_per_second_raw": round(fetched),
        "publish_to_fetch_p50_ms": round(found.p50_ms, 2),
        "publish_to_fetch_p99_ms": round(found.p99_ms, 2),
        "publish_to_fetch_p50_ms_raw": round(p50_ms, 2),
        "publish_to_fetch_p99_ms_raw": round(p99_ms, 2),
    }
    return Figures(found.published, published, None, details)


async def _opened(address: str, channel: Channel) -> None:
    transport = KafkaTransport(address)
    await transport.open([channel])
    await transport.close()
