"""Reading partitions: a consumer on each stream, on a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from twofold.adapters._url_options import place
from twofold.adapters.rabbitmq.channel import Channel, Refusal
from twofold.adapters.rabbitmq.link import PORT, Link, connected
from twofold.adapters.rabbitmq.messages import delivery_of
from twofold.adapters.rabbitmq.reading import consuming, newest, queue_of
from twofold.errors import BrokerUnavailable
from twofold.ports.transport import END, Delivery

_NOTHING = -1


class RabbitReader:
    """Where one reader is, by partition: the offset of the message that it had last."""

    def __init__(self, url: str, channel: str) -> None:
        self._url = url
        self._channel = channel
        self._after: dict[int, int] = {}
        self._consumers: Channel | None = None
        self._partitions: dict[str, int] = {}
        self._tags = 0

    async def fetch(self, limit: int, timeout_seconds: float) -> Sequence[Delivery]:
        """What has arrived, else what comes."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout_seconds
        try:
            consumers = await self._consuming()
            while True:
                left = deadline - clock()
                await consumers.arrivals(max(left, 0.0))
                found = self._take(consumers, limit)
                if found or left <= 0:
                    return found
        except Refusal as exc:
            raise await self._given_up(exc) from exc

    async def move(self, starts: Mapping[int, str]) -> None:
        """Keep, add and leave partitions."""
        try:
            fresh = {n: start for n, start in starts.items() if n not in self._after}
            begun = await self._starting(fresh)
            self._after = {n: begun[n] if n in begun else self._after[n] for n in starts}
            if self._consumers is not None and self._consumers.usable:
                await self._change(self._consumers)
        except Refusal as exc:
            raise await self._given_up(exc) from exc

    async def close(self) -> None:
        """Leave all partitions and the connection."""
        self._after = {}
        consumers, self._consumers = self._consumers, None
        if consumers is not None:
            await consumers.link.close()

    def _take(self, consumers: Channel, limit: int) -> list[Delivery]:
        found: list[Delivery] = []
        tag = 0
        while consumers.arrived and len(found) < limit:
            one = consumers.arrived.popleft()
            tag = one.tag
            partition = self._partitions.get(one.consumer)
            if partition is None:
                continue
            offset, delivery = delivery_of(partition, one.properties, one.body)
            if offset > self._after[partition]:
                self._after[partition] = offset
                found.append(delivery)
        if tag:
            consumers.acknowledge(tag)
        return found

    async def _consuming(self) -> Channel:
        """The consumers as they are, or all of them anew after what each had last."""
        if self._consumers is None or not self._consumers.usable:
            await self._disconnect()
            link = await connected(self._url)
            try:
                self._after = await self._existing(link, self._after)
                self._consumers = await consuming(link)
                await self._change(self._consumers)
            except BaseException:
                await link.close()
                raise
        return self._consumers

    async def _change(self, consumers: Channel) -> None:
        """End consumers of partitions that were left, begin those of new ones."""
        for tag, partition in list(self._partitions.items()):
            if partition not in self._after:
                del self._partitions[tag]
                await consumers.cancel(tag)
        for partition in self._after.keys() - self._partitions.values():
            self._tags += 1
            tag = f"{partition}-{self._tags}"
            self._partitions[tag] = partition
            after = self._after[partition]
            offset = "first" if after == _NOTHING else after + 1
            await consumers.consume(queue_of(self._channel, partition), tag, offset)

    async def _starting(self, starts: Mapping[int, str]) -> dict[int, int]:
        # What another broker called an offset says nothing here.
        begun = {n: int(start) for n, start in starts.items() if start.isdecimal()}
        if begun:
            begun = await self._existing((await self._consuming()).link, begun)
        if ends := [n for n, start in starts.items() if start == END]:
            found = await newest((await self._consuming()).link, self._channel, ends)
            begun.update({n: found[n][0] if n in found else _NOTHING for n in ends})
        return {**dict.fromkeys(starts, _NOTHING), **begun}

    async def _existing(self, link: Link, after: Mapping[int, int]) -> dict[int, int]:
        """The same, but from the beginning where a stream was made anew and is shorter.

        The broker would give nothing of it until it is as long as the former one.
        """
        known = {n: offset for n, offset in after.items() if offset != _NOTHING}
        found = await newest(link, self._channel, known, known) if known else {}
        return {
            n: offset if n in found and found[n][0] >= offset else _NOTHING
            for n, offset in after.items()
        }

    async def _disconnect(self) -> None:
        self._partitions = {}
        consumers, self._consumers = self._consumers, None
        if consumers is not None:
            await consumers.link.close()

    async def _given_up(self, refusal: Refusal) -> BrokerUnavailable:
        await self._disconnect()
        return BrokerUnavailable(f"RabbitMQ at {place(self._url, PORT)}", refusal.text)
