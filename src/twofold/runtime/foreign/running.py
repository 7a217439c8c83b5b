"""The inboxes of a system, at work in its schedulers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any

import structlog

from twofold.ports.log import Log
from twofold.ports.time_and_chance import Chance, Clock
from twofold.ports.transport import Channel, Transport
from twofold.runtime.command_bus import CommandBus
from twofold.runtime.foreign.channel import ForeignChannel
from twofold.runtime.foreign.worker import InboxWorker
from twofold.runtime.partitions.membership import Membership
from twofold.runtime.settings import RuntimeSettings
from twofold.wiring.inboxes import Receiving
from twofold.wiring.wired import Wired

_LOG = structlog.get_logger("twofold.inbox")


class Inboxes:
    """A worker for each inbox of an application; without a broker they are idle."""

    def __init__(
        self,
        wired: Wired,
        log: Log,
        bus: CommandBus,
        transport: Transport | None,
        clock: Clock,
        chance: Chance,
        settings: RuntimeSettings,
    ) -> None:
        self._receivings = wired.receivings
        self._log = log
        self._bus = bus
        self._transport = transport
        self._clock = clock
        self._chance = chance
        self._settings = settings
        self._workers: dict[str, InboxWorker] = {}

    @property
    def idle(self) -> tuple[str, ...]:
        """The channels that are not read, for want of a broker."""
        return () if self._transport is not None else tuple(self._receivings)

    def working(self) -> list[Coroutine[Any, Any, None]]:
        """What is to run until it is cancelled."""
        for channel in self.idle:
            _LOG.warning("an inbox is idle: there is no TWOFOLD_BROKER", channel=channel)
        if self._transport is None:
            return []
        self._workers = {
            name: self._worker(receiving, self._transport)
            for name, receiving in self._receivings.items()
        }
        return [work for worker in self._workers.values() for work in worker.work()]

    @property
    def channels(self) -> list[Channel]:
        """Those at the broker that are read here."""
        return [Channel(name, self._receivings[name].inbox.partitions) for name in self._workers]

    def end(self) -> None:
        """Begin nothing new."""
        for worker in self._workers.values():
            worker.end()

    async def stop(self) -> None:
        """Finish what is at hand; what ``working`` answered has been cancelled."""
        await asyncio.gather(*(worker.stop() for worker in self._workers.values()))

    def stopped(self) -> dict[str, str]:
        """What can't go on, and why."""
        whys = {f"inbox {name}": worker.why for name, worker in self._workers.items()}
        return {name: why for name, why in whys.items() if why}

    @property
    def handled(self) -> dict[str, Counter[str]]:
        """How many messages of each channel this process has handled, by what came of them."""
        return {name: worker.handled for name, worker in self._workers.items()}

    async def kept(self) -> int:
        """How many messages of any channel are kept aside and not dismissed.

        Raises StoreUnavailable.
        """
        return (await self._log.inbox.depth()).rejected if self._transport is not None else 0

    def _worker(self, receiving: Receiving, transport: Transport) -> InboxWorker:
        inbox = receiving.inbox
        # Offsets mean something to one kind of broker alone, and so do the marks.
        group = f"inbox:{inbox.channel} at {self._settings.broker or 'a broker'}"
        membership = Membership(
            self._log.leases,
            group,
            inbox.partitions,
            self._settings.lease_seconds,
            self._clock,
            self._chance,
        )
        channel = Channel(inbox.channel, inbox.partitions)
        return InboxWorker(
            receiving,
            ForeignChannel(transport, channel, group, self._log.leases),
            membership,
            self._bus,
            self._log.inbox,
            self._clock,
            self._chance,
            self._settings,
        )
