"""Projectors: each tails the log for one projection, at its own pace."""

from __future__ import annotations

import structlog

from twofold.errors import CheckpointLost, StoreUnavailable, TooMuchParked
from twofold.ports.read_store import Checkpoint, ReadStore, ReadTransaction
from twofold.ports.time_and_chance import Chance, Clock
from twofold.runtime.applying import Applier, Batch, whole
from twofold.runtime.backoff import pause_seconds
from twofold.runtime.ending import AtHand
from twofold.runtime.parking.parking import Suspects
from twofold.runtime.partitions.levelling import Levelling
from twofold.runtime.progress import Progress
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.tail import Tail
from twofold.runtime.telling import told

_LOG = structlog.get_logger("twofold.projector")


class Projector:
    """Applies the log to one projection until it is stopped.

    Several may run for one projection, in one process or many: the checkpoint lets one of them
    through. An event that can't be applied is parked with what follows it; all else goes on. Where
    too much would be parked this projection stops, and tries again with growing pauses.
    """

    def __init__(
        self,
        applier: Applier,
        tail: Tail,
        read_store: ReadStore,
        progress: Progress,
        clock: Clock,
        chance: Chance,
        settings: RuntimeSettings,
        levelling: Levelling,
    ) -> None:
        self.applier = applier
        self.at_hand = AtHand()
        self._tail = tail
        self._store = read_store
        self._progress = progress
        self._clock = clock
        self._chance = chance
        self._settings = settings
        self._levelling = levelling
        self._stopping = False
        self._failures = 0

    def stop(self) -> None:
        """Finish the batch at hand and end."""
        self._stopping = True

    async def run(self) -> None:
        """Work until stopped. Whatever fails is reported and tried again."""
        with self.at_hand.working():
            while not self._stopping:
                try:
                    await self._go_on()
                except (StoreUnavailable, TooMuchParked) as exc:
                    await self._pause(str(exc))
                except Exception as exc:
                    # A projector that ended would look healthy until somebody noticed its lag.
                    await self._pause(told(exc))

    async def _go_on(self) -> None:
        try:
            moved = await self.step()
        except CheckpointLost:
            # Others may have shared it by partitions, and stopped at different positions.
            await self._levelling.level(self.applier)
            await self._progress.reread(self.applier.table)
        else:
            self._recovered()
            if not moved:
                position = self._progress.checkpoint(self.applier.table).position
                with self.at_hand.resting():
                    await self._tail.wait(position, self._settings.poll_seconds)

    async def step(self) -> bool:
        """Apply one batch; whether there was one.

        Raises CheckpointLost, StoreUnavailable, TooMuchParked.
        """
        position = self._progress.checkpoint(self.applier.table).position
        batch = await self._tail.after(position, self._settings.projection_batch)
        if not batch.events:
            return False
        await self._hold(batch)
        await self._apply(batch)
        return True

    async def _apply(self, batch: Batch) -> None:
        async def work(transaction: ReadTransaction, suspects: Suspects) -> Checkpoint:
            return await self.applier.apply(transaction, batch, suspects)

        self._progress.advanced([await whole(self._store, self.applier, batch, work)])

    async def _hold(self, batch: Batch) -> None:
        """Held back on purpose (a demo and test setting): no event is shown before its age."""
        held = self._settings.hold_projections_seconds
        if held:
            age = self._clock.now().timestamp() - batch.events[-1].time_us / 1e6
            with self.at_hand.resting():
                await self._clock.sleep(max(0.0, held - age))

    async def _pause(self, why: str) -> None:
        if not self._failures:
            _LOG.error("projection stopped", projection=self.applier.name, why=why)
        self._progress.stopped[self.applier.table] = why
        self._failures += 1
        with self.at_hand.resting():
            await self._clock.sleep(pause_seconds(self._failures, self._settings, self._chance))

    def _recovered(self) -> None:
        if self._failures:
            _LOG.info("projection goes on", projection=self.applier.name)
            self._progress.stopped.pop(self.applier.table, None)
            self._failures = 0
