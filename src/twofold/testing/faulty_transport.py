"""A transport that misbehaves as a plan tells it to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from twofold.errors import BrokerUnavailable, StoreUnavailable
from twofold.ports.transport import Channel, Delivery, Message, Reader, Transport
from twofold.testing.fault_plan import Fault, FaultPlan, answered


class FaultyTransport:
    """A broker on a bad day: whatever is asked of it may fail, and acknowledgements be lost."""

    def __init__(self, transport: Transport, plan: FaultPlan) -> None:
        self._transport = transport
        self._plan = plan

    @property
    def limit_bytes(self) -> int:
        """The transport's own."""
        return self._transport.limit_bytes

    async def open(self, channels: Sequence[Channel]) -> None:
        """May fail."""
        await _met(self._plan, "transport.open")
        await self._transport.open(channels)

    async def close(self) -> None:
        """Nothing goes wrong at the end."""
        await self._transport.close()

    async def publish(self, channel: str, messages: Sequence[Message]) -> None:
        """May fail, before or after its work."""
        fault = await _met(self._plan, "transport.publish.commit")
        await self._transport.publish(channel, messages)
        _lost("transport.publish.commit", fault)

    async def last(self, channel: str) -> Mapping[int, Delivery]:
        """May fail."""
        await _met(self._plan, "transport.last")
        return await self._transport.last(channel)

    async def reader(self, channel: str, starts: Mapping[int, str]) -> FaultyReader:
        """May fail."""
        await _met(self._plan, "transport.reader")
        return FaultyReader(await self._transport.reader(channel, starts), self._plan)

    async def forget(self, channel: str, partition: int, offset: str) -> None:
        """May fail."""
        await _met(self._plan, "transport.forget")
        await self._transport.forget(channel, partition, offset)


class FaultyReader:
    """A reader on a bad day."""

    def __init__(self, reader: Reader, plan: FaultPlan) -> None:
        self._reader = reader
        self._plan = plan

    async def fetch(self, limit: int, timeout_seconds: float) -> Sequence[Delivery]:
        """May fail; then the next call goes on where this one would have."""
        await _met(self._plan, "reader.fetch")
        return await self._reader.fetch(limit, timeout_seconds)

    async def move(self, starts: Mapping[int, str]) -> None:
        """May fail."""
        await _met(self._plan, "reader.move")
        await self._reader.move(starts)

    async def close(self) -> None:
        """Nothing goes wrong at the end."""
        await self._reader.close()


async def _met(plan: FaultPlan, call: str) -> Fault:
    with _of_the_broker():
        return await plan.meet(call)


def _lost(call: str, fault: Fault) -> None:
    with _of_the_broker():
        answered(call, fault)


@contextmanager
def _of_the_broker() -> Iterator[None]:
    try:
        yield
    except StoreUnavailable as exc:
        raise BrokerUnavailable(exc.store, exc.why) from exc
