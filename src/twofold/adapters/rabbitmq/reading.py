"""Consumers on streams: what they are asked for, and the newest message of each stream."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from twofold.adapters.rabbitmq.channel import Channel, opened
from twofold.adapters.rabbitmq.link import Link
from twofold.adapters.rabbitmq.messages import delivery_of
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
    """A channel for consumers. Raises BrokerUnavailable."""
    return await opened(link, prefetch=_UNACKNOWLEDGED)


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
        consumers.leave()


async def _newest(
    consumers: Channel,
    channel: str,
    partitions: Collection[int],
    enough: Mapping[int, int] | None,
) -> Mapping[int, tuple[int, Delivery]]:
    clock = asyncio.get_running_loop().time
    begun = clock()
    filled = {n for n in partitions if await consumers.count(queue_of(channel, n))}
    answer_seconds = clock() - begun
    for partition in partitions:
        await consumers.consume(queue_of(channel, partition), str(partition), "last")
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
        found[partition] = delivery_of(partition, one.properties, one.body)
    if tag:
        consumers.acknowledge(tag)


def _reached(found: Mapping[int, tuple[int, Delivery]], enough: Mapping[int, int] | None) -> bool:
    return enough is not None and all(
        n in found and found[n][0] >= offset for n, offset in enough.items()
    )
