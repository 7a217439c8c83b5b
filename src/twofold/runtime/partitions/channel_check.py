"""Whether a channel takes a log's events, and has kept those it took."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from twofold.errors import BrokerUnsuitable, ForeignLog
from twofold.ports.time_and_chance import Clock
from twofold.ports.transport import Channel, Transport
from twofold.runtime.partitions.wire import Wire

_LOG = structlog.get_logger("twofold.relay")
_SECONDS = 3.0


class ChannelCheck:
    """Made at once before anything is published, then now and then beside the publishing.

    Beside it, because some brokers take half a second to tell their newest messages.
    """

    def __init__(
        self, transport: Transport, channel: Channel, wire: Wire, clock: Clock, event_bytes: int
    ) -> None:
        self._transport = transport
        self._channel = channel
        self._wire = wire
        self._clock = clock
        self._event_bytes = event_bytes
        self._begun_at = clock.monotonic()
        self._running: asyncio.Future[Sequence[int]] | None = None

    async def now(self, published: Sequence[int]) -> Sequence[int]:
        """The partitions in which the broker lacks the last position ``published``.

        Raises BrokerUnsuitable, ForeignLog, BrokerUnavailable.
        """
        self._begun_at = self._clock.monotonic()
        await self._transport.open([self._channel])
        wanted, limit = self._event_bytes, self._transport.limit_bytes
        if wanted > limit:
            raise BrokerUnsuitable(
                "the broker",
                f"it takes messages of {limit:,} bytes, and events may have {wanted:,}: raise its "
                "limit or lower TWOFOLD_MAX_EVENT_BYTES",
            )
        return await self._lacking(published)

    async def beside(self, published: Sequence[int]) -> Sequence[int]:
        """What the last one said that has ended since; begins another when it is time.

        Raises what that one raised.
        """
        if self._running is not None and self._running.done():
            ended, self._running = self._running, None
            return await ended
        due = self._clock.monotonic() - self._begun_at >= _SECONDS
        if due and self._running is None:
            self._running = asyncio.ensure_future(self.now(published))
        return ()

    async def end(self) -> None:
        """Leave one that goes on."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._running = None

    async def _lacking(self, published: Sequence[int]) -> Sequence[int]:
        """Two systems of one name at one broker would mix their events. Raises ForeignLog."""
        newest = await self._transport.last(self._channel.name)
        for delivery in newest.values():
            epoch = delivery.attributes.get("logepoch", "")
            if epoch and epoch != self._wire.epoch:
                raise ForeignLog(f"channel {self._channel.name}", self._wire.epoch, epoch)
        lacking = [
            partition
            for partition, position in enumerate(published)
            if position > self._wire.position(newest.get(partition))
        ]
        if lacking:
            name, count = self._channel.name, len(lacking)
            _LOG.warning("the broker lacks messages", channel=name, partitions=count)
        return lacking
