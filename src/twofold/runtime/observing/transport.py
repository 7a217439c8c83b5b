"""A transport, observed: spans that link to the traces of the messages they carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twofold.ports.tracing import Attribute
from twofold.ports.transport import Channel, Delivery, Message, Reader, Transport
from twofold.runtime.observing.observer import Observer

_TRACEPARENT = "traceparent"
# Addresses name protocols, the semantic conventions name products.
_SYSTEMS = {"amqp": "rabbitmq"}


class ObservedTransport:
    """``system`` is the scheme of the broker's address, told as ``messaging.system``."""

    def __init__(self, transport: Transport, observer: Observer, system: str) -> None:
        self._transport = transport
        self._observer = observer
        self._system = _SYSTEMS.get(system, system)

    @property
    def limit_bytes(self) -> int:
        """As told by the transport."""
        return self._transport.limit_bytes

    async def open(self, channels: Sequence[Channel]) -> None:
        """As told in ``Transport``."""
        await self._transport.open(channels)

    async def close(self) -> None:
        """As told in ``Transport``."""
        await self._transport.close()

    async def publish(self, channel: str, messages: Sequence[Message]) -> None:
        """As told in ``Transport``."""
        tracing = self._observer.tracing
        with self._observer.publishing(channel, len(messages)):
            if not tracing.on:
                await self._transport.publish(channel, messages)
                return
            traces = (one.attributes.get(_TRACEPARENT, "") for one in messages)
            told = self._told(channel, "publish", "send", len(messages))
            # No producer: messages carry the context of their commands, not that of this span.
            with tracing.batch(f"publish {channel}", "client", told, traces):
                await self._transport.publish(channel, messages)

    async def last(self, channel: str) -> Mapping[int, Delivery]:
        """As told in ``Transport``."""
        return await self._transport.last(channel)

    async def reader(self, channel: str, starts: Mapping[int, str]) -> Reader:
        """As told in ``Transport``."""
        reader = await self._transport.reader(channel, starts)
        if not self._observer.tracing.on:
            return reader
        return _ObservedReader(reader, channel, self)

    async def forget(self, channel: str, partition: int, offset: str) -> None:
        """As told in ``Transport``."""
        await self._transport.forget(channel, partition, offset)

    def received(self, channel: str, deliveries: Sequence[Delivery]) -> None:
        """A span without duration: how long nothing came is nobody's trouble."""
        traces = (one.attributes.get(_TRACEPARENT, "") for one in deliveries)
        told = self._told(channel, "fetch", "receive", len(deliveries))
        with self._observer.tracing.batch(f"fetch {channel}", "client", told, traces):
            pass

    def _told(self, channel: str, name: str, kind: str, count: int) -> dict[str, Attribute]:
        return {
            "messaging.system": self._system,
            "messaging.destination.name": channel,
            "messaging.operation.name": name,
            "messaging.operation.type": kind,
            "messaging.batch.message_count": count,
        }


class _ObservedReader:
    def __init__(self, reader: Reader, channel: str, told: ObservedTransport) -> None:
        self._reader = reader
        self._channel = channel
        self._told = told

    async def fetch(self, limit: int, timeout_seconds: float) -> Sequence[Delivery]:
        deliveries = await self._reader.fetch(limit, timeout_seconds)
        if deliveries:
            self._told.received(self._channel, deliveries)
        return deliveries

    async def move(self, starts: Mapping[int, str]) -> None:
        await self._reader.move(starts)

    async def close(self) -> None:
        await self._reader.close()
