"""Consumers on streams: what they are asked for, and the newest message of each stream."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from twofold.adapters.rabbitmq.channel import Channel, opened
from twofold.adapters.rabbitmq.link import Link
from twofold.adapters.rabbitmq.wire import commands, delivery_of
from twofold.errors import BrokerUnavailable
from twofold.ports.transport import Delivery

_UNACKNOWLEDGED = 500
_QUIET_SECONDS = 0.2
_LATEST_SECONDS = 5.0


def queue_of(channel: str, partition: int) -> str:
    """The stream of a partition."""
    return f"{channel}.{partition}"


async def consuming(link: Link) -> Channel:
    """A channel for consumers. Raises BrokerUnavailable, Refusal."""
    return await opened(link, commands.Basic.Qos(prefetch_count=_UNACKNOWLEDGED))


async def consume(channel: Channel, queue: str, tag: str, offset: str | int) -> None:
    """Begin at ``offset``: "first", "last", or the number of a message.

    Raises BrokerUnavailable, Refusal.
    """
    where: dict[str, Any] = {"x-stream-offset": offset}
    await channel.ask(commands.Basic.Consume(queue=queue, consumer_tag=tag, arguments=where))


async def newest(
    link: Link, channel: str, partitions: Sequence[int]
) -> Mapping[int, tuple[int, Delivery]]:
    """The newest message of each partition that has any, with its offset.

    The broker can begin at the last *chunk* of a stream and tells nobody where that ends, nor
    (except with seconds of delay) whether there is any. So this reads until nothing more comes.
    Raises BrokerUnavailable, Refusal.
    """
    consumers, found = await consuming(link), dict[int, tuple[int, Delivery]]()
    clock = asyncio.get_running_loop().time
    begun = clock()
    counted = [await _count(consumers, queue_of(channel, n)) for n in partitions]
    quiet_seconds = _QUIET_SECONDS + (clock() - begun)
    for partition in partitions:
        await consume(consumers, queue_of(channel, partition), str(partition), "last")
    late = clock() + _LATEST_SECONDS
    while True:
        await consumers.arrivals(quiet_seconds)
        if not consumers.arrived:
            missing = [
                n for n, many in zip(partitions, counted, strict=True) if many and n not in found
            ]
            if not missing:
                break
            if clock() > late:
                raise BrokerUnavailable(link.name, f"it gives nothing of {channel} {missing}")
        while consumers.arrived:
            one = consumers.arrived.popleft()
            partition = int(one.consumer)
            found[partition] = delivery_of(partition, one.header, one.body)
            if not consumers.arrived:
                consumers.acknowledge(one.tag)
    await consumers.close()
    return found


async def _count(channel: Channel, queue: str) -> int:
    answer = await channel.ask(commands.Queue.Declare(queue=queue, passive=True))
    return int(answer.message_count)
