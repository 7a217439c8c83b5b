"""The process managers of a system: registered wherever it starts, at work in its schedulers."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from twofold.errors import ForeignLog, StoreUnavailable
from twofold.ports.agenda import Consumer
from twofold.ports.log import Append, Log
from twofold.ports.time_and_chance import Chance, Clock
from twofold.runtime.command_bus import CommandBus
from twofold.runtime.processes.dispatching import Dispatcher
from twofold.runtime.processes.following import Follower
from twofold.runtime.processes.instances import Instances
from twofold.runtime.processes.scheduling import TimerScheduler
from twofold.runtime.processes.stepping import Stepping
from twofold.runtime.processes.steps import Steps
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.tail import Tail
from twofold.runtime.writer import Writer
from twofold.wiring.wired import Wired


class Processes:
    """Follows the log, fires timers and sends commands for all processes of an application."""

    def __init__(
        self,
        wired: Wired,
        log: Log,
        tail: Tail,
        writer: Writer,
        bus: CommandBus,
        clock: Clock,
        chance: Chance,
        settings: RuntimeSettings,
    ) -> None:
        self._wired = wired
        self._log = log
        self._tail = tail
        self._clock = clock
        self._chance = chance
        self._settings = settings
        self.instances = Instances(log, wired.events)
        self.steps = Steps(wired, clock, chance, settings)
        self.stepping = Stepping(
            wired.reactings,
            self.instances,
            self.steps,
            writer,
            log.agenda,
            self._committed,
        )
        names = list(wired.reactings)
        self.scheduler = TimerScheduler(names, self.stepping, log.agenda, clock, chance, settings)
        self.dispatcher = Dispatcher(wired, bus, self.stepping, log.agenda, clock, chance, settings)
        self.followers: list[Follower] = []

    async def register(self) -> None:
        """Fix where processes that are new begin. Raises ForeignLog, StoreUnavailable."""
        known = await self._log.agenda.consumers()
        for name, reacting in self._wired.reactings.items():
            if name not in known:
                start = 0 if reacting.process.from_start else await self._log.head()
                await self._log.agenda.register(Consumer(name, start, self._log.epoch))
            elif known[name].epoch != self._log.epoch:
                raise ForeignLog(f"process {name}", self._log.epoch, known[name].epoch)

    async def open(self) -> None:
        """Go on from where they are."""
        known = await self._log.agenda.consumers()
        self.followers = [
            Follower(
                reacting,
                known[name].position,
                self._tail,
                self.stepping,
                self._log.agenda,
                self._clock,
                self._chance,
                self._settings,
            )
            for name, reacting in self._wired.reactings.items()
        ]

    def work(self) -> list[Coroutine[Any, Any, None]]:
        """What is to run, once they are open, until it is cancelled."""
        following = [follower.run() for follower in self.followers]
        return [*following, self.scheduler.run(), self.dispatcher.run()]

    async def save(self) -> None:
        """Write down how far they have come; if that fails, some events come again."""
        with suppress(StoreUnavailable):
            await asyncio.gather(*(follower.save() for follower in self.followers))

    async def stuck(self) -> dict[str, int]:
        """How many instances of each process are stuck. Raises StoreUnavailable."""
        found = await self._log.agenda.stuck() if self._wired.reactings else {}
        return {name: found.get(name, 0) for name in self._wired.reactings}

    async def failing(self) -> dict[str, int]:
        """How many commands that each process has sent can't be decided for now."""
        found = await self._log.agenda.failing(list(self._wired.reactings))
        return {name: found.get(name, 0) for name in self._wired.reactings}

    def stopped(self) -> dict[str, str]:
        """What can't go on, and why."""
        found = {follower.reacting.name: follower.why for follower in self.followers}
        found |= {"timers": self.scheduler.why, "commands": self.dispatcher.why}
        return {name: why for name, why in found.items() if why}

    def _committed(self, append: Append) -> None:
        later = append.later
        if later is None:
            return
        if later.enqueued:
            self.dispatcher.call(append.stream)
        for timer in later.timers:
            self.scheduler.set(timer.due_us)
