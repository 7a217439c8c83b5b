"""The timer scheduler: whatever is due becomes a step of its instance."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from twofold.errors import StoreUnavailable
from twofold.messages.recorded import microseconds
from twofold.ports.agenda import Agenda, DueTimer
from twofold.ports.time_and_chance import Chance, Clock
from twofold.runtime.backoff import pause_seconds
from twofold.runtime.processes.alarm import Alarm
from twofold.runtime.processes.instances import CameDue, Trigger
from twofold.runtime.processes.stepping import Stepping
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.telling import told

_LOG = structlog.get_logger("twofold.timers")


class TimerScheduler:
    """Fires the timers of ``processes`` when they are due.

    It sleeps until the next one that it knows of; timers set by other processes are found by
    looking every ``timer_poll_seconds``. Several schedulers may run: each timer fires once, since
    firing it is an append to its instance.
    """

    def __init__(
        self,
        processes: Sequence[str],
        stepping: Stepping,
        agenda: Agenda,
        clock: Clock,
        chance: Chance,
        settings: RuntimeSettings,
    ) -> None:
        self.fired = 0
        self.why = ""
        self._processes = list(processes)
        self._stepping = stepping
        self._agenda = agenda
        self._clock = clock
        self._chance = chance
        self._settings = settings
        self._alarm = Alarm(clock)
        self._awaited_us = 0
        self._failures = 0
        self._first: Sequence[DueTimer] = ()

    def set(self, due_us: int) -> None:
        """A timer was set by this process."""
        if due_us < self._awaited_us:
            self._alarm.ring()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                fired = await self.fire()
            except StoreUnavailable as exc:
                self.why = str(exc)
                self._failures += 1
                await self._clock.sleep(pause_seconds(self._failures, self._settings, self._chance))
                continue
            self._failures, self.why = 0, ""
            if not fired:
                await self._alarm.wait(self._left_seconds())

    async def fire(self) -> int:
        """Fire a batch of what is due; answers how many. Raises StoreUnavailable."""
        # From here on a timer set earlier than the one found rings the alarm.
        self._awaited_us = 2**63
        due_us = await self._agenda.next_timer(self._processes)
        now_us = microseconds(self._clock.now())
        self._awaited_us = 2**63 if due_us is None else due_us
        if due_us is None or due_us > now_us:
            return 0
        timers = await self._agenda.due_timers(self._processes, now_us, self._settings.timer_batch)
        work = _by_stream(timers)
        failed = await self._stepping.take(work)
        for error in failed.values():
            _LOG.error("a timer failed", why=told(error))
        if timers[:1] == self._first:
            # Fired before and still there: its step can't be taken for now.
            await self._clock.sleep(self._settings.retry_seconds)
        self._first = timers[:1]
        self.fired += len(timers)
        return len(timers) - len(failed)

    def _left_seconds(self) -> float:
        left = (self._awaited_us - microseconds(self._clock.now())) / 1e6
        return max(0.0, min(left, self._settings.timer_poll_seconds))


def _by_stream(timers: Sequence[DueTimer]) -> dict[str, list[Trigger]]:
    work: dict[str, list[Trigger]] = {}
    for timer in timers:
        work.setdefault(timer.stream, []).append(CameDue(timer.name, timer.due_us))
    return work
