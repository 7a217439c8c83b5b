"""Messages published per second through Redis Streams, beside the plain client's pipelines."""

from __future__ import annotations

import time
from uuid import uuid4

from redis.asyncio import Redis

from benchmarks.figures import Figures, at_least
from benchmarks.transports import MESSAGES, measured, messages
from benchmarks.workload import on_fast_loop
from twofold.adapters.redis.entries import fields_of
from twofold.adapters.redis.transport import RedisTransport
from twofold.ops.services import provided

NAME = "transport-redis"
GOAL = at_least(20_000)
UNIT = "messages/s"
_BATCH = 1_000


def run() -> Figures:
    """One publisher, batches of 1,000, each all or none; four partitions."""
    with provided("redis") as address:

        async def raw() -> float:
            client = Redis.from_url(address)
            key, entries = f"benchmark-{uuid4().hex[:8]}", []
            for message in messages(MESSAGES):
                fields = fields_of(message)
                entries.append(dict(zip(fields[::2], fields[1::2], strict=True)))
            begun = time.perf_counter()
            for begin in range(0, MESSAGES, _BATCH):
                async with client.pipeline(transaction=True) as pipeline:
                    for entry in entries[begin : begin + _BATCH]:
                        pipeline.xadd(key, entry)  # type: ignore[arg-type]
                    await pipeline.execute()
            rate = MESSAGES / (time.perf_counter() - begun)
            await client.aclose()
            return rate

        found = on_fast_loop(lambda: measured(lambda: RedisTransport(address)))
        plain = on_fast_loop(raw)
    details = {
        "fetched_per_second": round(found.fetched),
        "publish_to_fetch_p50_ms": round(found.p50_ms, 2),
        "publish_to_fetch_p99_ms": round(found.p99_ms, 2),
    }
    return Figures(found.published, plain, None, details)
