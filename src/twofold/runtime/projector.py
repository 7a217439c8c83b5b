"""Projectors: each tails the log for one projection, at its own pace."""

from __future__ import annotations

import asyncio

import structlog

from twofold.errors import CheckpointLost, ProjectionFailed, StoreUnavailable
from twofold.ports.read_store import Checkpoint, ReadStore
from twofold.ports.time_and_chance import Chance, Clock
from twofold.runtime.applying import Applier, Batch
from twofold.runtime.backoff import pause_seconds
from twofold.runtime.partitions.levelling import Levelling
from twofold.runtime.progress import Progress
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.tail import Tail

_LOG = structlog.get_logger("twofold.projector")


class Projector:
    """Applies the log to one projection until it is stopped.

    Several may run for one projection, in one process or many: the checkpoint lets one of them
    through. A poison event stops this projection only, with everything before it applied; it is
    tried again with growing pauses, so fixed code or data goes on by itself.
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
        while not self._stopping:
            try:
                await self._go_on()
            except StoreUnavailable as exc:
                await self._pause(str(exc))
            except Exception as exc:
                # A projector that ended would look healthy until somebody noticed its lag.
                await self._pause(f"{type(exc).__name__}: {exc}")

    async def _go_on(self) -> None:
        try:
            moved = await self.step()
        except CheckpointLost:
            # Others may have shared it by partitions, and stopped at different positions.
            await self._levelling.level(self.applier)
            await self._progress.reread(self.applier.table)
        except ProjectionFailed as exc:
            await self._fail(exc)
        else:
            self._recovered()
            if not moved:
                position = self._progress.checkpoint(self.applier.table).position
                await self._tail.wait(position, self._settings.poll_seconds)

    async def step(self) -> bool:
        """Apply one batch; whether there was one.

        Raises CheckpointLost, ProjectionFailed, StoreUnavailable.
        """
        position = self._progress.checkpoint(self.applier.table).position
        batch = await self._tail.after(position, self._settings.projection_batch)
        if not batch.events:
            return False
        await self._hold(batch)
        await self._apply(batch)
        return True

    async def _apply(self, batch: Batch) -> None:
        with self.applier.observed(batch):
            async with self._store.transaction() as transaction:
                checkpoint: Checkpoint = await self.applier.apply(transaction, batch)
        self._progress.advanced([checkpoint])

    async def _hold(self, batch: Batch) -> None:
        """Held back on purpose (a demo and test setting): no event is shown before its age."""
        held = self._settings.hold_projections_seconds
        if held:
            age = self._clock.now().timestamp() - batch.events[-1].time_us / 1e6
            await self._clock.sleep(max(0.0, held - age))

    async def _fail(self, failed: ProjectionFailed) -> None:
        position = self._progress.checkpoint(self.applier.table).position
        if failed.position > position + 1:
            batch = await self._tail.after(position, self._settings.projection_batch)
            if batch.position >= failed.position:
                try:
                    await self._apply(batch.until(failed.position - 1))
                except (CheckpointLost, ProjectionFailed, StoreUnavailable) as exc:
                    _LOG.warning("prefix not applied", projection=self.applier.name, why=str(exc))
        await self._pause(f"{failed}: {failed.__cause__!r}")

    async def _pause(self, why: str) -> None:
        if not self._failures:
            _LOG.error("projection stopped", projection=self.applier.name, why=why)
        self._progress.stopped[self.applier.table] = why
        self._failures += 1
        await self._clock.sleep(pause_seconds(self._failures, self._settings, self._chance))

    def _recovered(self) -> None:
        if self._failures:
            _LOG.info("projection goes on", projection=self.applier.name)
            self._progress.stopped.pop(self.applier.table, None)
            self._failures = 0


async def stop_all(projectors: list[Projector], tasks: list[asyncio.Task[None]]) -> None:
    """Let the batches at hand finish, then end the waiting tasks."""
    for projector in projectors:
        projector.stop()
    if tasks:
        _, waiting = await asyncio.wait(tasks, timeout=0.2)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
