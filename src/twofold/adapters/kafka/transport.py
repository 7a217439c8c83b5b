"""The transport on Kafka: channels are topics, offsets are Kafka's own.

    KafkaTransport("kafka://127.0.0.1:9092")
    KafkaTransport("kafkas://user:password@one:9093,two:9093?mechanism=SCRAM-SHA-512&ca=/ca.pem")

Consumer groups are not used: who reads which partition is decided by leases.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from twofold.adapters.kafka.address import settings_of
from twofold.adapters.kafka.newest import newest
from twofold.adapters.kafka.outbox import Outbox
from twofold.adapters.kafka.reader import KafkaReader
from twofold.adapters.kafka.topics import DEFAULT_MAX_BYTES, Topic, Topics
from twofold.ports.transport import Channel, Delivery, Message

_PUBLISH_SECONDS = 10.0


class KafkaTransport:
    """``kafka://[user:password@]host:port[,host:port]``, or ``kafkas://`` for TLS.

    Options in the URL: ``mechanism``, how a password is proved (SCRAM-SHA-512, SCRAM-SHA-256 or
    PLAIN); ``ca``, a file with the certificates to trust. Raises SettingsProblems for others.
    """

    def __init__(self, url: str) -> None:
        self._settings = settings_of(url)
        self._topics: Topics | None = None
        self._known: dict[str, Topic] = {}
        self._outboxes: dict[str, Outbox] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def limit_bytes(self) -> int:
        """By the smallest ``max.message.bytes`` of the topics, less 16 KiB for what is beside."""
        limits = [topic.limit_bytes for topic in self._known.values()]
        return min(limits, default=Topic("", 0, "log", DEFAULT_MAX_BYTES).limit_bytes)

    async def open(self, channels: Sequence[Channel]) -> None:
        """Create and check topics; tried for 10 s while a broker starts."""
        if self._topics is None:
            self._topics = Topics(self._settings)
        for topic in await asyncio.to_thread(self._topics.opened, channels):
            self._known[topic.name] = topic

    async def close(self) -> None:
        """Drop what is not acknowledged. Readers have connections of their own."""
        outboxes, self._outboxes = list(self._outboxes.values()), {}
        await asyncio.gather(*(outbox.close() for outbox in outboxes), *self._closing)
        self._topics = None

    async def publish(self, channel: str, messages: Sequence[Message]) -> None:
        """All in flight at once; an answer within 10 s."""
        topic, limit_bytes = self._known[channel], self.limit_bytes
        for message in messages:
            if len(message.data) > limit_bytes:
                raise topic.too_large(message.attributes, message.data)
        if messages:
            await self._outbox(topic).publish(messages, _PUBLISH_SECONDS)

    async def last(self, channel: str) -> Mapping[int, Delivery]:
        """Read from the end of each partition."""
        topic = self._known[channel]
        return await asyncio.to_thread(newest, self._settings, topic.name, topic.partitions)

    async def reader(self, channel: str, starts: Mapping[int, str]) -> KafkaReader:
        """A consumer with these partitions assigned."""
        reader = KafkaReader(self._settings, channel)
        try:
            await reader.move(starts)
        except BaseException:
            await reader.close()
            raise
        return reader

    async def forget(self, channel: str, partition: int, offset: str) -> None:
        """Delete the records of a queue; a log is left to its retention."""
        if self._known[channel].kind == "queue" and self._topics is not None:
            before = int(offset) + 1
            await asyncio.to_thread(self._topics.forget, channel, partition, before)

    def _outbox(self, topic: Topic) -> Outbox:
        outbox = self._outboxes.get(topic.name)
        if outbox is not None and outbox.broken is not None:
            closing = asyncio.create_task(outbox.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            outbox = None
        if outbox is None:
            outbox = self._outboxes[topic.name] = Outbox(self._settings, topic)
        return outbox
