"""Consumers on streams: what they are asked for, and the newest message of each stream."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from twofold.adapters.rabbitmq.channel import Channel, opened
from twofold.adapters.rabbitmq.link import Link
from twofold.adapters.rabbitmq.wire import commands, delivery_of
from twofold.errors import BrokerUnavailable
from twofold.ports.transport import Delivery

_UNACKNOWLEDGED = 500
# Between messages of one chunk, and before the first one of a stream that may be empty.
_SETTLED_SECONDS, _EMPTY_SECONDS = 0.02, 0.2
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
    link: Link, channel: str, partitions: Collection[int], enough: Mapping[int, int] | None = None
) -> Mapping[int, tuple[int, Delivery]]:
    """The newest message of each partition that has any, with its offset.

    The broker can begin at the last *chunk* of a stream, but tells nobody where that ends, nor
    (except with seconds of delay) whether there is any. So this reads until nothing more comes,
    or until the offsets in ``enough`` are reached. Raises BrokerUnavailable, Refusal.
    """
    consumers = await consuming(link)
    try:
        return await _newest(consumers, channel, partitions, enough)
    finally:
        await consumers.close()


async def _newest(
    consumers: Channel,
    channel: str,
    partitions: Collection[int],
    enough: Mapping[int, int] | None,
) -> Mapping[int, tuple[int, Delivery]]:
    clock = asyncio.get_running_loop().time
    begun = clock()
    filled = {n for n in partitions if await _count(consumers, queue_of(channel, n))}
    answer_seconds = clock() - begun
    for partition in partitions:
        await consume(consumers, queue_of(channel, partition), str(partition), "last")
    late = clock() + _LATEST_SECONDS
    found: dict[int, tuple[int, Delivery]] = {}
    while not _reached(found, enough):
        at_rest = _SETTLED_SECONDS if len(found) == len(partitions) else _EMPTY_SECONDS
        await consumers.arrivals(at_rest + answer_seconds)
        if not consumers.arrived and filled <= found.keys():
            break
        if clock() > late:
            raise BrokerUnavailable(
                consumers.link.name, f"it does not deliver what is in {channel}"
            )
        _take(consumers, found)
    return found


def _take(consumers: Channel, found: dict[int, tuple[int, Delivery]]) -> None:
    tag = 0
    while consumers.arrived:
        one = consumers.arrived.popleft()
        tag, partition = one.tag, int(one.consumer)
        found[partition] = delivery_of(partition, one.header, one.body)
    if tag:
        consumers.acknowledge(tag)


def _reached(found: Mapping[int, tuple[int, Delivery]], enough: Mapping[int, int] | None) -> bool:
    return enough is not None and all(
        n in found and found[n][0] >= offset for n, offset in enough.items()
    )


async def _count(channel: Channel, queue: str) -> int:
    answer = await channel.ask(commands.Queue.Declare(queue=queue, passive=True))
    return int(answer.message_count)
