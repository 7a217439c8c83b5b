"""A foreign channel as one process reads it: partitions by leases, progress in their marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from twofold.errors import BrokerUnsuitable, LeaseLost
from twofold.ports.leases import Lease, Leases
from twofold.ports.transport import Channel, Delivery, Reader, Transport


class Received(NamedTuple):
    """A message, and the token of the lease under which it was read."""

    delivery: Delivery
    token: int


class _Place:
    """What of a partition is done, and what of that is marked."""

    def __init__(self, lease: Lease) -> None:
        self.token = lease.token
        self.done = self.marked = lease.mark


class ForeignChannel:
    """Reads the partitions held. What is done is marked after its effect, so what a crash leaves
    unmarked comes again.
    """

    def __init__(self, transport: Transport, channel: Channel, group: str, leases: Leases) -> None:
        self.name = channel.name
        self._channel = channel
        self._transport = transport
        self._group = group
        self._leases = leases
        self._reader: Reader | None = None
        self._places: dict[int, _Place] = {}

    async def close(self) -> None:
        """Leave the channel; the transport is closed by whoever opened it."""
        self._places = {}
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()

    async def hold(self, leases: Mapping[int, Lease]) -> None:
        """Read these partitions, each from its mark; those that stay ours go on where they are.

        Raises BrokerUnavailable, BrokerUnsuitable; then nothing is held.
        """
        kept = {
            part: place
            for part, place in self._places.items()
            if part in leases and leases[part].token == place.token
        }
        starts = {part: lease.mark for part, lease in leases.items()}
        self._places = kept
        try:
            await self._check()
            if self._reader is None:
                self._places = kept = {}
                self._reader = await self._transport.reader(self.name, starts)
            else:
                # What was somebody else's meanwhile is read anew from the mark.
                await self._reader.move({part: starts[part] for part in kept})
                await self._reader.move(starts)
        except Exception:
            await self.close()
            raise
        fresh = {part: _Place(lease) for part, lease in leases.items() if part not in kept}
        self._places = kept | fresh

    async def _check(self) -> None:
        """Partitions beyond those declared would be left unread without a word."""
        await self._transport.open([self._channel])
        beyond = max(await self._transport.last(self.name), default=-1)
        if beyond >= self._channel.partitions:
            raise BrokerUnsuitable(
                "the broker",
                f"channel {self.name} has messages in partition {beyond}, and its inbox declares "
                f"{self._channel.partitions}: declare Inbox(…, partitions=…) with all of them",
            )

    def holds(self, received: Received) -> bool:
        """Whether the partition is ours as it was when the message came."""
        place = self._places.get(received.delivery.partition)
        return place is not None and place.token == received.token

    async def fetch(self, limit: int, timeout_seconds: float) -> Sequence[Received]:
        """What is new in the partitions held."""
        if self._reader is None:
            return []
        return [
            Received(delivery, self._places[delivery.partition].token)
            for delivery in await self._reader.fetch(limit, timeout_seconds)
            if delivery.partition in self._places
        ]

    def done(self, received: Received) -> None:
        """Everything of the partition up to this message has had its effect."""
        if self.holds(received):
            self._places[received.delivery.partition].done = received.delivery.offset

    @property
    def unmarked(self) -> bool:
        """Whether a mark is behind."""
        return any(place.done != place.marked for place in self._places.values())

    async def mark(self) -> None:
        """Note how far the work has come. Raises StoreUnavailable."""
        ahead = {part: place for part, place in self._places.items() if place.done != place.marked}
        marks = {part: (place.token, place.done) for part, place in ahead.items()}
        if not marks:
            return
        try:
            await self._leases.mark(self._group, marks)
        except LeaseLost as lost:
            # The next sharing says so as well; until then nothing more of it has an effect here.
            self._places.pop(lost.part, None)
            return
        for part, place in ahead.items():
            place.marked = marks[part][1]
