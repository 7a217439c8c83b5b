"""Commands that are decided later: accepted wherever requests come in, decided by workers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Coroutine
from contextlib import suppress
from typing import Any

from twofold.domain.caller import Caller
from twofold.errors import ShuttingDown, StoreUnavailable
from twofold.messages.recorded import microseconds
from twofold.messages.value import Command
from twofold.ports.log import CommandRecord, Log
from twofold.ports.time_and_chance import Chance, Clock
from twofold.ports.transport import Channel, Transport
from twofold.runtime.command_bus import CommandBus
from twofold.runtime.partitions.membership import Membership
from twofold.runtime.queued.accepting import Acceptance, CommandState
from twofold.runtime.queued.channel_queue import ChannelQueue
from twofold.runtime.queued.inbox_queue import InboxQueue
from twofold.runtime.queued.parking import LaneCode, LaneParking
from twofold.runtime.queued.queue import CommandQueue
from twofold.runtime.queued.worker import CommandWorker
from twofold.runtime.sending import Sent
from twofold.runtime.settings import RuntimeSettings
from twofold.wiring.wired import Wired


class QueuedCommands:
    """Accepts commands and, where it is this process's role, decides them.

    They wait at the broker if there is one, else in the write database. What waits there is always
    worked on, for a broker may have been set up since.
    """

    def __init__(
        self,
        wired: Wired,
        log: Log,
        bus: CommandBus,
        transport: Transport | None,
        clock: Clock,
        chance: Chance,
        settings: RuntimeSettings,
        roles: frozenset[str],
    ) -> None:
        self._wired = wired
        self._log = log
        self._bus = bus
        self._transport = transport
        self._clock = clock
        self._chance = chance
        self._settings = settings
        # Who decides commands at once also decides those that were to be answered later.
        self._works = bool(roles & ({"commands"} if self.asynchronous else {"api", "commands"}))
        self._accepts = bool(roles)
        self._takes = "api" in roles
        self._queues: list[CommandQueue] = []
        self._workers: list[CommandWorker] = []
        self._closed = False
        self.code = LaneCode(wired)

    @property
    def asynchronous(self) -> bool:
        """Whether commands are decided later unless somebody asks otherwise."""
        return self._settings.commands == "async"

    def open(self) -> None:
        """Make the queues; brokers are spoken to when there is something to say."""
        settings = self._settings
        parts, batch = settings.command_partitions, settings.command_batch
        self._queues.append(InboxQueue(self._log, parts, batch))
        if self._transport is not None and self.asynchronous and self._accepts:
            queue = ChannelQueue(
                self._transport,
                self.channel,
                settings.broker,
                self._log,
                self._clock,
                batch,
                settings.rejected_messages,
            )
            self._queues.append(queue)
        self._acceptance = Acceptance(
            self._wired, self._log, self._queues[-1], self._clock, self._chance, self._running
        )

    @property
    def channel(self) -> Channel:
        """The one at the broker in which commands wait, if they wait there."""
        name = self._settings.channel(self._wired.application.name, "commands")
        return Channel(name, self._settings.command_partitions, "queue")

    def working(self) -> list[Coroutine[Any, Any, None]]:
        """What is to run, once it is open, until it is cancelled."""
        if not self._works:
            return []
        self._workers = [self._worker(queue) for queue in self._queues]
        return [work for worker in self._workers for work in worker.work()]

    def _worker(self, queue: CommandQueue) -> CommandWorker:
        membership = Membership(
            self._log.leases,
            queue.work,
            queue.partitions,
            self._settings.lease_seconds,
            self._clock,
            self._chance,
        )
        return CommandWorker(
            self._wired,
            queue,
            self._bus,
            LaneParking(self._log.parked_lanes, self.code, self._clock, self._settings),
            membership,
            self._clock,
            self._chance,
            self._settings,
        )

    def end(self) -> None:
        """Begin nothing new."""
        self._closed = True
        for worker in self._workers:
            worker.end()

    async def stop(self) -> None:
        """Finish what is at hand; ``working`` has ended."""
        await asyncio.gather(*(worker.stop() for worker in self._workers))
        for queue in self._queues:
            with suppress(StoreUnavailable):
                await queue.close()

    async def accept(self, command: Command, sent: Sent | None = None) -> str:
        """Accept a command to be decided later; see ``Acceptance.accept``."""
        if self._closed:
            raise ShuttingDown("this process is stopping")
        return await self._acceptance.accept(command, sent or Sent())

    async def look(
        self, command_id: str, caller: Caller, *, everyones: bool
    ) -> CommandState | None:
        """What became of a command; see ``Acceptance.look``."""
        return await self._acceptance.look(command_id, caller, everyones=everyones)

    async def outcome(self, command_id: str, seconds: float) -> CommandRecord | None:
        """The outcome of an accepted command, waited for; see ``Acceptance.outcome``."""
        return await self._acceptance.outcome(command_id, seconds)

    def stopped(self) -> dict[str, str]:
        """What can't go on, and why."""
        whys = {queue.work: worker.why for queue, worker in self._pairs()}
        return {name: why for name, why in whys.items() if why}

    @property
    def channels(self) -> list[Channel]:
        """Those at a broker that accepting and deciding can't do without here."""
        speaks = self._transport is not None and self.asynchronous
        return [self.channel] if speaks and (self._works or self._takes) else []

    @property
    def work(self) -> str:
        """The name of the group in which workers share what is accepted here."""
        return self._queues[-1].work

    @property
    def accepted(self) -> int:
        """How many commands this process has accepted."""
        return self._acceptance.accepted

    @property
    def handled(self) -> Counter[str]:
        """How many commands this process has decided, by what came of it."""
        return sum((worker.handled for worker in self._workers), Counter())

    async def oldest_seconds(self) -> float:
        """How long the oldest command waits, as far as is known; 0 if none does."""
        times = [await queue.oldest_us() for queue in self._queues]
        oldest_us = min((time_us for time_us in times if time_us), default=0)
        now_us = microseconds(self._clock.now())
        return max(0.0, (now_us - oldest_us) / 1e6) if oldest_us else 0.0

    def _pairs(self) -> list[tuple[CommandQueue, CommandWorker]]:
        return list(zip(self._queues, self._workers, strict=bool(self._workers)))

    def _running(self) -> Collection[str]:
        return set().union(*(worker.running for worker in self._workers))
