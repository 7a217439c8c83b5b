"""The worker: takes accepted commands from a queue and has them decided, each once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any

import structlog

from twofold.errors import (
    ShuttingDown,
    StoreUnavailable,
    TooMuchParked,
    TwofoldError,
)
from twofold.ports.leases import Lease
from twofold.ports.parked_lanes import ParkedLane
from twofold.ports.time_and_chance import Chance, Clock
from twofold.runtime.backoff import pause_seconds
from twofold.runtime.command_bus import CommandBus
from twofold.runtime.lanes import Lanes
from twofold.runtime.observing.bound import BOUND, Bound
from twofold.runtime.partitions.membership import Membership
from twofold.runtime.processes.alarm import Alarm
from twofold.runtime.queued.decoding import CommandDecoders
from twofold.runtime.queued.parking import LaneParking
from twofold.runtime.queued.queue import CommandQueue, Taken
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.telling import told
from twofold.wiring.wired import Wired

_LOG = structlog.get_logger("twofold.commands")
_NOTE_SECONDS = 0.2


class CommandWorker:
    """One of several that share a queue's partitions.

    Commands of one aggregate are decided in their order, those of different ones at the same time.
    A store that does not answer is waited for; a command that fails otherwise is tried again a
    few times, then its lane is parked: it and those behind it wait, and all other lanes go on.
    Where too many would be parked nothing more is taken until that has changed.
    """

    def __init__(
        self,
        wired: Wired,
        queue: CommandQueue,
        bus: CommandBus,
        parking: LaneParking,
        membership: Membership,
        clock: Clock,
        chance: Chance,
        settings: RuntimeSettings,
    ) -> None:
        self._decoders = CommandDecoders(wired)
        self._queue = queue
        self._bus = bus
        self._parking = parking
        self._membership = membership
        self._clock = clock
        self._chance = chance
        self._settings = settings
        self._alarm = Alarm(clock)
        self._lanes = Lanes[Taken](self._work, self._alarm.ring, queue.behind)
        self._held: Mapping[int, Lease] | None = {}
        self._stopping = False
        self._pauses: set[asyncio.Future[None]] = set()
        self._trouble = ""
        self._troubles: dict[str, str] = {}
        self._overfull: dict[str, str] = {}
        self.running: set[str] = set()
        self.handled: Counter[str] = Counter()

    @property
    def why(self) -> str:
        """Why the work does not go on, "" if it does."""
        first = next(iter([*self._overfull.values(), *self._troubles.values()]), "")
        return self._trouble or self._membership.why or first

    def work(self) -> list[Coroutine[Any, Any, None]]:
        """What is to run until it is cancelled."""
        return [self._membership.run(), self._run()]

    async def _run(self) -> None:
        failures = 0
        while not self._stopping:
            try:
                await self._step()
                failures, self._trouble = 0, ""
            except Exception as exc:
                # A worker that ended would look like one to which nobody sends anything.
                known = isinstance(exc, TwofoldError)
                self._trouble = str(exc) if known else f"{type(exc).__name__}: {exc}"
                failures += 1
                await self._alarm.wait(pause_seconds(failures, self._settings, self._chance))

    def end(self) -> None:
        """Begin nothing new. Drivers may swallow a cancellation, so ``work`` is told as well."""
        self._stopping = True
        for pause in self._pauses:
            pause.cancel()

    async def stop(self) -> None:
        """Finish what is at hand, give everything else back. Call it once ``work`` has ended."""
        await self._lanes.finish(self._settings.drain_seconds)
        with suppress(StoreUnavailable):
            await self._queue.note()
        await self._membership.leave()

    async def _step(self) -> None:
        """Take what there is; comes back often enough to see whose part is what."""
        if self._membership.held != self._held:
            held = self._membership.held
            # Until it has worked nothing is held, also if the lease comes back as it was.
            self._held = None
            await self._queue.hold(held)
            self._held = held
        room = self._settings.commands_in_hand - self._lanes.items
        seconds = min(self._settings.poll_seconds, self._settings.lease_seconds / 3)
        if self._queue.unnoted:
            seconds = min(seconds, _NOTE_SECONDS)
        if not self._held:
            await self._membership.change(seconds)
        elif room <= 0 or self._overfull:
            await self._alarm.wait(seconds)
        else:
            for taken in await self._queue.fetch(room, seconds):
                self._lanes.add(taken.command.lane, [taken])
        if self._queue.unnoted:
            await self._queue.note()

    async def _work(self, taken: Taken) -> bool:
        """Have one command decided, however long that takes."""
        command, command_id = taken.command, taken.command.command_id
        self.running.add(command_id)
        bound = BOUND.set(Bound("", command.correlation_id, command_id, command.trace))
        try:
            goes_on = await self._decide(taken)
        finally:
            BOUND.reset(bound)
            self.running.discard(command_id)
            self._troubles.pop(command_id, None)
            self._overfull.pop(command_id, None)
        return goes_on and not self._stopping

    async def _decide(self, taken: Taken) -> bool:
        """Whether those behind it may be decided."""
        failures = outages = 0
        while not self._stopping and self._queue.holds(taken):
            try:
                await self._try(taken)
                return True
            except ShuttingDown:
                break
            except StoreUnavailable as exc:
                outages += 1
                self._troubles[taken.command.command_id] = str(exc)
                await self._pause(outages)
            except Exception as exc:
                failures += 1
                parked = await self._failed(taken, failures, exc)
                if parked is not None:
                    return not parked
        self._queue.released(taken)
        return True

    async def _try(self, taken: Taken) -> None:
        accepted = taken.command
        command = self._decoders.decode(accepted)
        later = self._queue.later(accepted.command_id)
        now = await self._bus.handle_accepted(command, accepted, later)
        await self._queue.settled(taken, now=now)
        self.handled["decided" if now else "again"] += 1

    async def _failed(self, taken: Taken, failures: int, error: Exception) -> bool | None:
        """Whether its lane is parked; None if it is to be tried again, after a pause."""
        accepted = taken.command
        command_id = accepted.command_id
        _LOG.warning("a command failed", command_id=command_id, attempt=failures, why=told(error))
        try:
            parked = await self._parking.after(accepted, failures, error)
            if parked is not None:
                return await self._park(taken, parked)
        except TooMuchParked as exc:
            self._overfull[command_id] = str(exc)
        except StoreUnavailable as exc:
            self._troubles[command_id] = str(exc)
        await self._pause(failures)
        return None

    async def _park(self, taken: Taken, parked: ParkedLane) -> bool:
        """False if somebody else has decided it meanwhile."""
        if await self._queue.park(taken, parked):
            self.handled["parked"] += 1
            _LOG.warning("commands of a lane are parked", command_id=parked.command_id)
            return True
        await self._queue.settled(taken, now=False)
        self.handled["again"] += 1
        return False

    async def _pause(self, failures: int) -> None:
        """Before the next attempt; stopping cuts it short."""
        seconds = pause_seconds(failures, self._settings, self._chance)
        pause = asyncio.ensure_future(self._clock.sleep(seconds))
        self._pauses.add(pause)
        await asyncio.wait([pause])
        self._pauses.discard(pause)
