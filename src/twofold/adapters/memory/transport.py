"""The transport in memory: for tests and simulation. It forgets at exit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from twofold.errors import BrokerUnsuitable, MessageTooLarge
from twofold.ports.transport import END, Channel, Delivery, Message


class MemoryBroker:
    """What a broker would keep. Offsets are numbers of messages from 1."""

    def __init__(self, limit_bytes: int = 1024 * 1024) -> None:
        self.limit_bytes = limit_bytes
        self.channels: dict[str, Channel] = {}
        self.kept: dict[tuple[str, int], list[Delivery]] = {}
        self.more = asyncio.Event()

    def announce(self) -> None:
        """Wake up everybody who waits for messages."""
        self.more.set()
        self.more = asyncio.Event()


class MemoryTransport:
    """Instances that share ``broker`` behave like processes at one broker."""

    def __init__(self, broker: MemoryBroker | None = None) -> None:
        self.broker = broker or MemoryBroker()

    @property
    def limit_bytes(self) -> int:
        """As the broker was told."""
        return self.broker.limit_bytes

    async def open(self, channels: Sequence[Channel]) -> None:
        """Create missing channels."""
        for channel in channels:
            known = self.broker.channels.setdefault(channel.name, channel)
            if known.partitions < channel.partitions or known.kind != channel.kind:
                why = f"channel {channel.name} exists with {known.partitions} partitions"
                raise BrokerUnsuitable("the broker in memory", f"{why} as a {known.kind}")
            for partition in range(channel.partitions):
                self.broker.kept.setdefault((channel.name, partition), [])

    async def close(self) -> None:
        """Nothing to release."""

    async def publish(self, channel: str, messages: Sequence[Message]) -> None:
        """All or none, for it is in memory."""
        for message in messages:
            if len(message.data) > self.limit_bytes:
                size = len(message.data)
                raise MessageTooLarge(message.attributes.get("type", ""), size, self.limit_bytes)
        for message in messages:
            kept = self.broker.kept[channel, message.partition]
            kept.append(
                Delivery(
                    message.partition,
                    str(len(kept) + 1),
                    message.key,
                    dict(message.attributes),
                    message.data,
                )
            )
        self.broker.announce()

    async def last(self, channel: str) -> Mapping[int, Delivery]:
        """The last of each list."""
        return {
            partition: kept[-1]
            for (name, partition), kept in self.broker.kept.items()
            if name == channel and kept
        }

    async def reader(self, channel: str, starts: Mapping[int, str]) -> MemoryReader:
        """A cursor on each list."""
        reader = MemoryReader(self.broker, channel)
        await reader.move(starts)
        return reader

    async def forget(self, channel: str, partition: int, offset: str) -> None:
        """Offsets are indexes, so everything stays."""


class MemoryReader:
    """Where one reader is, by partition."""

    def __init__(self, broker: MemoryBroker, channel: str) -> None:
        self._broker = broker
        self._channel = channel
        self._next: dict[int, int] = {}

    async def fetch(self, limit: int, timeout_seconds: float) -> Sequence[Delivery]:
        """What is there, partition by partition."""
        more = self._broker.more
        found = self._take(limit)
        if not found:
            try:
                async with asyncio.timeout(timeout_seconds):
                    await more.wait()
            except TimeoutError:
                return []
            found = self._take(limit)
        return found

    async def move(self, starts: Mapping[int, str]) -> None:
        """Keep, add and leave partitions."""
        self._next = {
            partition: self._next.get(partition, self._index(partition, offset))
            for partition, offset in starts.items()
        }

    async def close(self) -> None:
        """Read nothing more."""
        self._next = {}

    def _index(self, partition: int, offset: str) -> int:
        if offset == END:
            return len(self._broker.kept[self._channel, partition])
        return int(offset or 0)

    def _take(self, limit: int) -> list[Delivery]:
        found: list[Delivery] = []
        for partition, begin in self._next.items():
            kept = self._broker.kept[self._channel, partition]
            taken = kept[begin : begin + limit - len(found)]
            self._next[partition] = begin + len(taken)
            found.extend(taken)
        return found
