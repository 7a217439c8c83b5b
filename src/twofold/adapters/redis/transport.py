"""The transport on Redis Streams: a stream for each partition, entry ids as offsets.

Consumer groups are not used: ADR 0014.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from twofold.adapters._url_options import without_options
from twofold.adapters.redis.entries import delivery_of, fields_of
from twofold.adapters.redis.reader import RedisReader
from twofold.adapters.redis.server import Command, RedisServer
from twofold.adapters.redis.suitability import check, told_by
from twofold.errors import BrokerUnavailable, BrokerUnsuitable, MessageTooLarge
from twofold.ports.transport import Channel, Delivery, Message

_OPTIONS = {"log_messages": 1_000_000, "message_bytes": 16 * 1024 * 1024, "replicas": 0}
_REPLICAS_MS = 2_000
_BATCH_MESSAGES = 1_000
_BATCH_BYTES = 8 * 1024 * 1024


class RedisTransport:
    """``redis://user:password@host:port/database``, or ``rediss://`` for TLS.

    Options in the URL: ``log_messages`` that a ``log`` channel keeps in all its partitions
    together, about; ``replicas`` that must have each message before it counts as published;
    ``message_bytes``, the largest data of a message. Raises SettingsProblems for others.
    """

    def __init__(self, url: str) -> None:
        address, options = without_options(url, _OPTIONS)
        self._server = RedisServer(address)
        self._log_messages = options["log_messages"]
        self._replicas = options["replicas"]
        self._limit_bytes = options["message_bytes"]
        self._channels: dict[str, Channel] = {}

    @property
    def limit_bytes(self) -> int:
        """The option ``message_bytes``, or the server's ``proto-max-bulk-len`` if that is less."""
        return self._limit_bytes

    async def open(self, channels: Sequence[Channel]) -> None:
        """Check the server and note the channels in it."""
        facts = await told_by(self._server)
        queues = any(channel.kind == "queue" for channel in channels)
        check(self._server.name, facts, queues=queues)
        self._limit_bytes = min(self._limit_bytes, int(facts["proto-max-bulk-len"] or 1 << 29))
        for channel in channels:
            self._channels[channel.name] = await self._noted(channel)

    async def close(self) -> None:
        """Disconnect. Readers have connections of their own."""
        await self._server.close()

    async def publish(self, channel: str, messages: Sequence[Message]) -> None:
        """One round trip for up to 1,000 messages, all or none of which are added."""
        for message in messages:
            if len(message.data) > self._limit_bytes:
                size, what = len(message.data), message.attributes.get("type", "a message")
                raise MessageTooLarge(what, size, self._limit_bytes)
        beginning = self._beginning(self._channels[channel])
        for batch in _batches(messages):
            await self._add(
                [
                    (b"XADD", f"{channel}:{message.partition}", *beginning, *fields_of(message))
                    for message in batch
                ]
            )

    async def last(self, channel: str) -> Mapping[int, Delivery]:
        """The newest entry of each stream."""
        partitions = range(self._channels[channel].partitions)
        found = await self._server.ask(
            *(("XREVRANGE", f"{channel}:{n}", "+", "-", "COUNT", 1) for n in partitions)
        )
        return {n: delivery_of(n, *found[n][0]) for n in partitions if found[n]}

    async def reader(self, channel: str, starts: Mapping[int, str]) -> RedisReader:
        """A reader with a connection of its own."""
        reader = RedisReader(self._server, channel)
        await reader.move(starts)
        return reader

    async def forget(self, channel: str, partition: int, offset: str) -> None:
        """Trim a ``queue`` channel; others are trimmed as they grow."""
        if self._channels[channel].kind == "queue" and offset:
            milliseconds, _, number = offset.partition("-")
            kept = f"{milliseconds}-{int(number or 0) + 1}"
            await self._server.ask(("XTRIM", f"{channel}:{partition}", "MINID", kept))

    async def _add(self, commands: Sequence[Command]) -> None:
        if not self._replicas:
            await self._server.in_one(commands)
            return
        wait = ("WAIT", self._replicas, _REPLICAS_MS)
        (reached,) = await self._server.in_one(commands, wait)
        if reached < self._replicas:
            why = f"{reached} of {self._replicas} replicas have what was published"
            raise BrokerUnavailable(self._server.name, why)

    def _beginning(self, channel: Channel) -> tuple[str | int, ...]:
        if channel.kind == "queue":
            return ("*",)
        kept = max(1, self._log_messages // channel.partitions)
        return ("MAXLEN", "~", kept, "*")

    async def _noted(self, channel: Channel) -> Channel:
        """The channel as the server knows it, which is as its first user wanted it."""
        noted = await self._server.ask(
            ("HSETNX", channel.name, "partitions", channel.partitions),
            ("HSETNX", channel.name, "kind", channel.kind),
            ("HMGET", channel.name, "partitions", "kind"),
        )
        partitions, kind = int(noted[2][0]), noted[2][1].decode()
        if partitions < channel.partitions or kind != channel.kind:
            why = f"channel {channel.name} exists with {partitions} partitions as a {kind}"
            raise BrokerUnsuitable(self._server.name, why)
        return Channel(channel.name, partitions, channel.kind)


def _batches(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    begin = size = 0
    for at, message in enumerate(messages):
        size += len(message.data)
        if at - begin == _BATCH_MESSAGES or (size > _BATCH_BYTES and at > begin):
            yield messages[begin:at]
            begin, size = at, len(message.data)
    if begin < len(messages):
        yield messages[begin:]
