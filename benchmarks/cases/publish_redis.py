"""Messages published to Redis per second, beside the plain client's pipelines."""

from __future__ import annotations

import time

from redis.asyncio import Redis

from benchmarks.figures import Figures, at_least
from benchmarks.transports import BATCH, carried, fresh_channel, messages
from benchmarks.workload import on_fast_loop
from twofold.adapters.redis.entries import fields_of
from twofold.adapters.redis.transport import RedisTransport
from twofold.ops.services import provided

NAME = "publish-redis"
GOAL = at_least(20_000)
UNIT = "messages/s"
_RAW_BATCHES = 5


def run() -> Figures:
    """600 bytes and 14 attributes, batches of 2,000, 4 partitions, one process."""
    with provided("redis") as address:
        found = on_fast_loop(lambda: carried(RedisTransport(address)))
        raw = on_fast_loop(lambda: _raw(address))
    details = {
        "publishing_us_per_message": round(found.publishing_us, 1),
        "fetched_per_second": round(found.fetched),
        "publish_to_fetch_p50_ms": round(found.p50_ms, 2),
        "publish_to_fetch_p99_ms": round(found.p99_ms, 2),
    }
    return Figures(found.published, raw, None, details)


async def _raw(address: str) -> float:
    """The same entries, batch by batch in transactions of redis-py."""
    client, key = Redis.from_url(address), fresh_channel().name
    entries = []
    for message in messages():
        fields = fields_of(message)
        entries.append(dict(zip(fields[::2], fields[1::2], strict=True)))
    begun = time.perf_counter()
    for _ in range(_RAW_BATCHES):
        async with client.pipeline(transaction=True) as pipeline:
            for entry in entries:
                pipeline.xadd(key, entry)  # type: ignore[arg-type]
            await pipeline.execute()
    rate = _RAW_BATCHES * BATCH / (time.perf_counter() - begun)
    await client.aclose()
    return rate
