"""A process follows the log: each event that concerns an instance is one step, taken once."""

from __future__ import annotations

import structlog

from twofold.errors import ProcessFailed, ProjectionFailed, StoreUnavailable
from twofold.ports.agenda import Agenda
from twofold.ports.time_and_chance import Chance, Clock
from twofold.runtime.applying import Batch
from twofold.runtime.backoff import pause_seconds
from twofold.runtime.processes.instances import Happened, Trigger
from twofold.runtime.processes.stepping import Stepping
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.tail import Tail
from twofold.runtime.telling import told
from twofold.wiring.reactings import Reacting

_LOG = structlog.get_logger("twofold.process")
_SAVE_SECONDS = 1.0
# Less is not worth a wait, and a clock that counts in floats may not even see it pass.
_INSTANT_SECONDS = 1e-6


class Follower:
    """Reads the log for one process, from ``position`` on, until it is stopped.

    Several may run for one process, here or elsewhere: instances know which events they have seen.
    The position is saved now and then; after a crash some events come again, to no effect.
    ``why`` tells why it can't go on, "" while it can.
    """

    def __init__(
        self,
        reacting: Reacting,
        position: int,
        tail: Tail,
        stepping: Stepping,
        agenda: Agenda,
        clock: Clock,
        chance: Chance,
        settings: RuntimeSettings,
    ) -> None:
        self.reacting = reacting
        self.position = position
        self.why = ""
        self._types = frozenset(reacting.events)
        self._tail = tail
        self._stepping = stepping
        self._agenda = agenda
        self._clock = clock
        self._chance = chance
        self._settings = settings
        self._saved = position
        self._saved_at = clock.monotonic()
        self._failures = 0

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                if await self.step():
                    self._recovered()
                else:
                    await self._rest()
            except (ProcessFailed, ProjectionFailed, StoreUnavailable) as exc:
                await self._pause(exc)

    async def step(self) -> bool:
        """Take one batch; whether there was one. Raises ProcessFailed, StoreUnavailable."""
        batch = await self._tail.after(self.position, self._settings.process_batch)
        if not batch.events:
            return False
        failed = await self._stepping.take(self._work(batch))
        for error in failed.values():
            raise error
        self.position = batch.position
        if self._clock.monotonic() - self._saved_at >= _SAVE_SECONDS:
            await self.save()
        return True

    async def save(self) -> None:
        """Write down how far it has come."""
        if self._saved < self.position:
            await self._agenda.advance(self.reacting.name, self.position)
            self._saved = self.position
        self._saved_at = self._clock.monotonic()

    def _work(self, batch: Batch) -> dict[str, list[Trigger]]:
        """The events of the batch, by the streams of the instances that they concern."""
        work: dict[str, list[Trigger]] = {}
        for recorded, event in batch.of(self._types, self.reacting.name):
            key_of = self.reacting.events[recorded.type].key
            try:
                key = key_of(event, recorded) if key_of else recorded.stream_id
            except Exception as exc:
                what = f"the key of {recorded.type} at position {recorded.position}"
                raise ProcessFailed(self.reacting.name, "", what) from exc
            if key is not None:
                stream = self.reacting.stream(key)
                work.setdefault(stream, []).append(Happened(recorded, event))
        return work

    async def _rest(self) -> None:
        """Nothing to do: save, but not after each single event, and wait for more."""
        seconds = self._settings.poll_seconds
        if self._saved < self.position:
            since = self._clock.monotonic() - self._saved_at
            if _SAVE_SECONDS - since < _INSTANT_SECONDS:
                await self.save()
            else:
                seconds = min(seconds, _SAVE_SECONDS - since)
        await self._tail.wait(self.position, seconds)

    async def _pause(self, error: Exception) -> None:
        why = told(error)
        if not self._failures:
            _LOG.error("process stopped", process=self.reacting.name, why=why)
        self.why = why
        self._failures += 1
        await self._clock.sleep(pause_seconds(self._failures, self._settings, self._chance))

    def _recovered(self) -> None:
        if self._failures:
            _LOG.info("process goes on", process=self.reacting.name)
            self._failures, self.why = 0, ""
