"""A transport that misbehaves as a plan tells it to, at a broker that does so too."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from twofold.errors import BrokerUnavailable, StoreUnavailable
from twofold.ports.transport import Channel, Delivery, Message, Reader, Transport
from twofold.testing.fault_plan import Fault, FaultPlan


class BadBroker:
    """What all transports at one broker meet: while it is ``away`` nothing works.

    ``losses`` and ``copies`` are fractions: of acknowledged messages that nobody ever sees, and of
    batches of which a part comes again later.
    """

    def __init__(self, *, seed: int = 0, losses: float = 0.0, copies: float = 0.0) -> None:
        self.away = False
        self._random = random.Random(seed)
        self._losses = losses
        self._copies = copies

    def heal(self) -> None:
        """From now on nothing goes wrong. What was lost stays lost."""
        self.away = False
        self._losses = self._copies = 0.0

    def arriving(self, messages: Sequence[Message]) -> list[Message]:
        """What of ``messages`` gets into the channel."""
        kept = [one for one in messages if self._random.random() >= self._losses]
        if self._random.random() < self._copies:
            kept += kept[self._random.randrange(len(kept) + 1) :]
        return kept


class FaultyTransport:
    """A transport on a bad day."""

    def __init__(
        self, transport: Transport, plan: FaultPlan, broker: BadBroker | None = None
    ) -> None:
        self._transport = transport
        self._plan = plan
        self._broker = broker or BadBroker()

    @property
    def limit_bytes(self) -> int:
        """As the broker has it."""
        return self._transport.limit_bytes

    async def open(self, channels: Sequence[Channel]) -> None:
        """May fail."""
        await self.meet("transport.open")
        await self._transport.open(channels)

    async def close(self) -> None:
        """Nothing goes wrong at the end."""
        await self._transport.close()

    async def publish(self, channel: str, messages: Sequence[Message]) -> None:
        """May fail before its work or after it; what was published may not be all."""
        fault = await self.meet("transport.publish.commit")
        await self._transport.publish(channel, self._broker.arriving(messages))
        if fault is Fault.LOSES_ANSWER:
            raise BrokerUnavailable("transport.publish", "its answer was lost as planned")

    async def last(self, channel: str) -> Mapping[int, Delivery]:
        """May fail."""
        await self.meet("transport.last")
        return await self._transport.last(channel)

    async def reader(self, channel: str, starts: Mapping[int, str]) -> Reader:
        """May fail, and so may the reader."""
        await self.meet("transport.reader")
        return _FaultyReader(await self._transport.reader(channel, starts), self)

    async def forget(self, channel: str, partition: int, offset: str) -> None:
        """May fail."""
        await self.meet("transport.forget")
        await self._transport.forget(channel, partition, offset)

    async def meet(self, call: str) -> Fault:
        """What happens to this call. Raises BrokerUnavailable."""
        try:
            fault = await self._plan.meet(call)
        except StoreUnavailable as exc:
            raise BrokerUnavailable(exc.store, exc.why) from exc
        if self._broker.away:
            raise BrokerUnavailable(call, "the broker is away as planned")
        return fault


class _FaultyReader:
    """A reader on a bad day."""

    def __init__(self, reader: Reader, transport: FaultyTransport) -> None:
        self._reader = reader
        self._transport = transport

    async def fetch(self, limit: int, timeout_seconds: float) -> Sequence[Delivery]:
        """May fail before anything is taken."""
        await self._transport.meet("reader.fetch")
        return await self._reader.fetch(limit, timeout_seconds)

    async def move(self, starts: Mapping[int, str]) -> None:
        """May fail."""
        await self._transport.meet("reader.move")
        await self._reader.move(starts)

    async def close(self) -> None:
        """Nothing goes wrong at the end."""
        await self._reader.close()
