"""What a process of a system does by partitions: publish, read, and apply what comes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

import structlog

from twofold.messages.recorded import microseconds
from twofold.ports.inbox import Rejected
from twofold.ports.log import Log
from twofold.ports.read_store import Part, ReadStore
from twofold.ports.time_and_chance import Chance, Clock
from twofold.ports.transport import Channel, Delivery, Transport
from twofold.runtime.applying import Applier
from twofold.runtime.ending import AtHand
from twofold.runtime.partitions.feed import Feed, Strange
from twofold.runtime.partitions.feed_source import FeedSource
from twofold.runtime.partitions.levelling import Levelling
from twofold.runtime.partitions.membership import Membership
from twofold.runtime.partitions.projector import SharedProjector
from twofold.runtime.partitions.relay import GROUP, Relay
from twofold.runtime.partitions.stretches import LogSource, Source
from twofold.runtime.partitions.wire import NotOurs, Wire
from twofold.runtime.progress import Progress
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.tail import Tail
from twofold.wiring.event_types import EventTypes

_LOG = structlog.get_logger("twofold.sharing")
_PROJECTORS = "projectors"
_KEPT_BYTES = 65_536


class Sharing:
    """The relay and the shared projectors of one process.

    With a transport, projections read from it; without one, from the log.
    """

    def __init__(
        self,
        application: str,
        log: Log,
        tail: Tail,
        read_store: ReadStore,
        appliers: Sequence[Applier],
        types: EventTypes,
        progress: Progress,
        transport: Transport | None,
        clock: Clock,
        chance: Chance,
        settings: RuntimeSettings,
    ) -> None:
        self.channel = Channel(settings.channel(application, "events"), settings.partitions)
        self.wire = Wire(application, log.epoch, settings.partitions)
        self.levelling = Levelling(log, read_store, types, progress, settings.projection_batch)
        self.relay: Relay | None = None
        self.feed: Feed | None = None
        self.projectors: list[SharedProjector] = []
        self.rejected = 0
        self._log = log
        self._tail = tail
        self._store = read_store
        self._appliers = appliers
        self._types = types
        self._progress = progress
        self._transport = transport
        self._clock = clock
        self._chance = chance
        self._settings = settings
        self._memberships: list[Membership] = []
        self._projecting: Membership | None = None

    def relaying(self) -> list[Coroutine[Any, Any, None]]:
        """The work of the role "relay"; none without a transport."""
        if self._transport is None:
            return []
        membership = self._membership(GROUP, 1)
        self.relay = Relay(
            self._tail,
            self._transport,
            self.channel,
            self.wire,
            membership,
            self._log.leases,
            self._clock,
            self._chance,
            self._settings,
        )
        return [membership.run(), self.relay.run()]

    def projecting(self) -> list[Coroutine[Any, Any, None]]:
        """The work of the role "projector"."""
        membership = self._membership(_PROJECTORS, self.channel.partitions)
        work = [membership.run()]
        if self._transport is not None:
            self.feed = self._feed(self._transport, membership)
            work.append(self.feed.run())
        self._projecting = membership
        work += [self.projector(applier).run() for applier in self._appliers]
        return work

    def projector(self, applier: Applier) -> SharedProjector:
        """One that works on what this process holds."""
        assert self._projecting is not None
        projector = SharedProjector(
            applier,
            self._source(applier),
            self._projecting,
            self.levelling,
            self._store,
            self._progress,
            self._clock,
            self._chance,
            self._settings,
        )
        self.projectors.append(projector)
        return projector

    def end(self, applier: Applier) -> None:
        """Work on it no more; a stretch at hand is finished."""
        for projector in [one for one in self.projectors if one.applier is applier]:
            projector.stop()
            self.projectors.remove(projector)

    def stopped(self) -> Mapping[str, str]:
        """What does not work, and why."""
        found = {one.group: one.why for one in self._memberships if one.why}
        if self.relay is not None and self.relay.why:
            found["relay"] = self.relay.why
        if self.feed is not None and self.feed.why:
            found["feed"] = self.feed.why
        return found

    @property
    def at_hand(self) -> list[AtHand]:
        """What is to be finished before it is ended."""
        relay = [self.relay.at_hand] if self.relay is not None else []
        return [*(one.at_hand for one in self.projectors), *relay]

    def stop(self) -> None:
        """Finish what is at hand and begin nothing new."""
        for projector in self.projectors:
            projector.stop()
        if self.relay is not None:
            self.relay.stop()
        if self.feed is not None:
            self.feed.stop()

    async def leave(self) -> None:
        """Let others take over at once, and disconnect."""
        await asyncio.gather(*(membership.leave() for membership in self._memberships))
        if self._transport is not None:
            await self._transport.close()

    def _membership(self, group: str, parts: int) -> Membership:
        membership = Membership(
            self._log.leases, group, parts, self._settings.lease_seconds, self._clock, self._chance
        )
        self._memberships.append(membership)
        return membership

    def _feed(self, transport: Transport, membership: Membership) -> Feed:
        return Feed(
            transport,
            self.channel,
            self.wire,
            self._types,
            membership,
            self._clock,
            self._settings.tail,
            self._standing,
            self._reject,
        )

    def _source(self, applier: Applier) -> Source:
        log = LogSource(self._tail, self.channel.partitions)
        if self.feed is None:
            return log
        return FeedSource(self.feed, log, applier.table, self.channel.partitions)

    async def _standing(self) -> Mapping[int, Part]:
        """Where the projection stands that is furthest behind, by partition."""
        stored = await self._store.checkpoints()
        standing: dict[int, Part] = {}
        for applier in self._appliers:
            checkpoint = stored.get(applier.table)
            parts = checkpoint.parted(self.channel.partitions) if checkpoint else None
            for partition, part in enumerate(parts or (Part(0),) * self.channel.partitions):
                known = standing.get(partition)
                if known is None or part.position < known.position:
                    standing[partition] = part
        return standing

    async def _reject(self, strange: Sequence[Strange]) -> None:
        """Keep messages that are not ours where they can be looked at. Raises StoreUnavailable."""
        messages = [self._rejected(delivery, problem) for delivery, problem in strange]
        left_out = await self._log.inbox.reject(messages, self._settings.rejected_messages)
        self.rejected += len(messages)
        for message in messages:
            _LOG.error(
                "a message is left in the channel of events",
                channel=message.channel,
                partition=message.partition,
                offset=message.offset,
                why=message.reason,
            )
        if left_out:
            # Nothing is missing without them, so they must not fill the database.
            _LOG.error("there are too many to keep", channel=self.channel.name, messages=left_out)

    def _rejected(self, delivery: Delivery, problem: NotOurs) -> Rejected:
        size, reason = len(delivery.data), problem.why
        if size > _KEPT_BYTES:
            reason = f"{reason} (the first {_KEPT_BYTES:,} of its {size:,} bytes are kept)"
        return Rejected(
            channel=self.channel.name,
            partition=delivery.partition,
            offset=delivery.offset,
            reason=reason,
            attributes=delivery.attributes,
            data=delivery.data[:_KEPT_BYTES],
            time_us=microseconds(self._clock.now()),
        )
