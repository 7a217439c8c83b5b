"""The transport on RabbitMQ's streams: a stream for each partition, its offsets as offsets.

Why streams: ADR 0014.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from twofold.adapters._url_options import place, without_options
from twofold.adapters.rabbitmq.channel import Channel as AmqpChannel
from twofold.adapters.rabbitmq.channel import Refusal, opened
from twofold.adapters.rabbitmq.link import PORT, Link, connected
from twofold.adapters.rabbitmq.reader import RabbitReader
from twofold.adapters.rabbitmq.reading import newest, queue_of
from twofold.errors import BrokerUnavailable, BrokerUnsuitable, MessageTooLarge
from twofold.ports.transport import Channel, Delivery, Message

_OPTIONS = {
    "log_bytes": 8 * 1024 * 1024 * 1024,
    "log_days": 0,
    "queue_days": 0,
    "message_bytes": 16 * 1024 * 1024,
}
# Streams are trimmed by whole segments; the broker's own 500 MB would keep a small log for ever.
_SEGMENT_BYTES = 64 * 1024 * 1024
_OLDEST = (3, 9)
_NOT_FOUND = 404


class RabbitTransport:
    """``amqp://user:password@host:port/vhost``, or ``amqps://`` for TLS.

    Options in the URL: ``log_bytes`` that a ``log`` channel keeps in all its partitions together
    and ``log_days`` that it keeps them at most; ``queue_days`` for ``queue`` channels (0, the
    default: for ever); ``message_bytes``, the largest data of a message, which must not be above
    the broker's ``max_message_size``. Raises SettingsProblems for others.
    """

    def __init__(self, url: str) -> None:
        self._url, self._options = without_options(url, _OPTIONS)
        self._name = f"RabbitMQ at {place(url, PORT)}"
        self._link: Link | None = None
        self._publishing: AmqpChannel | None = None
        self._connecting = asyncio.Lock()
        self._channels: dict[str, Channel] = {}

    @property
    def limit_bytes(self) -> int:
        """The option ``message_bytes``: brokers don't tell theirs."""
        return self._options["message_bytes"]

    async def open(self, channels: Sequence[Channel]) -> None:
        """Connect and declare the streams."""
        async with self._translated():
            link = await self._connected()
            _check_version(link)
            for channel in channels:
                await self._declare(link, channel)
                self._channels[channel.name] = channel

    async def close(self) -> None:
        """Disconnect. Readers have connections of their own."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    async def publish(self, channel: str, messages: Sequence[Message]) -> None:
        """All in flight together; done when the broker has confirmed each."""
        for message in messages:
            if len(message.data) > self.limit_bytes:
                size, what = len(message.data), message.attributes.get("type", "a message")
                raise MessageTooLarge(what, size, self.limit_bytes)
        async with self._translated():
            publishing = await self._confirming()
            await publishing.publish([(queue_of(channel, one.partition), one) for one in messages])

    async def last(self, channel: str) -> Mapping[int, Delivery]:
        """Read from the end of each stream. Takes some tenths of a second."""
        async with self._translated():
            partitions = range(self._channels[channel].partitions)
            found = await newest(await self._connected(), channel, partitions)
            return {partition: delivery for partition, (_, delivery) in found.items()}

    async def reader(self, channel: str, starts: Mapping[int, str]) -> RabbitReader:
        """A reader with a connection of its own."""
        reader = RabbitReader(self._url, channel)
        await reader.move(starts)
        return reader

    async def forget(self, channel: str, partition: int, offset: str) -> None:
        """Nothing: streams can't be trimmed by hand."""

    async def _connected(self) -> Link:
        async with self._connecting:
            if self._link is None or self._link.failure:
                self._link = await connected(self._url)
            return self._link

    async def _confirming(self) -> AmqpChannel:
        """The channel on which messages are published and confirmed."""
        link = await self._connected()
        async with self._connecting:
            if self._publishing is None or not self._publishing.usable:
                self._publishing = await opened(link, confirms=True)
            return self._publishing

    async def _declare(self, link: Link, channel: Channel) -> None:
        # The first partition is made last, so a channel that has it has all of them.
        highest = channel.partitions - 1
        if await _exists(link, queue_of(channel.name, 0)) and not await _exists(
            link, queue_of(channel.name, highest)
        ):
            why = f"channel {channel.name} exists with fewer than {channel.partitions} partitions"
            raise BrokerUnsuitable(self._name, why)
        declaring = await opened(link)
        arguments = self._arguments(channel)
        try:
            for partition in range(highest, -1, -1):
                await declaring.declare(queue_of(channel.name, partition), arguments)
        finally:
            declaring.leave()

    def _arguments(self, channel: Channel) -> dict[str, Any]:
        log = channel.kind == "log"
        days = self._options["log_days" if log else "queue_days"]
        arguments: dict[str, Any] = {
            "x-queue-type": "stream",
            "x-stream-max-segment-size-bytes": _SEGMENT_BYTES,
        }
        if log:
            kept = self._options["log_bytes"] // channel.partitions
            arguments["x-max-length-bytes"] = max(kept, _SEGMENT_BYTES)
        if days:
            arguments["x-max-age"] = f"{days}D"
        return arguments

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        """What the broker refuses, as our error."""
        try:
            yield
        except Refusal as exc:
            if exc.code == _NOT_FOUND:
                raise BrokerUnavailable(self._name, exc.text) from exc
            raise BrokerUnsuitable(self._name, exc.text) from exc


def _check_version(link: Link) -> None:
    version = str(link.connection.server_properties.get("version", ""))
    parts = [part for part in version.split(".")[:2] if part.isdigit()]
    if parts and tuple(map(int, parts)) < _OLDEST:
        why = f"it is version {version}, and streams came with 3.9"
        raise BrokerUnsuitable(link.name, why)


async def _exists(link: Link, queue: str) -> bool:
    asking = await opened(link)
    try:
        await asking.count(queue)
    except Refusal as exc:
        if exc.code == _NOT_FOUND:
            return False
        raise
    finally:
        asking.leave()
    return True
