"""Projectors that share a projection with other processes, each with partitions of its own."""

from __future__ import annotations

import structlog

from twofold.errors import CheckpointLost
from twofold.ports.read_store import Checkpoint, Part, ReadStore, ReadTransaction
from twofold.ports.time_and_chance import Chance, Clock
from twofold.runtime.applying import Applier, whole
from twofold.runtime.backoff import pause_seconds
from twofold.runtime.ending import AtHand
from twofold.runtime.parking.parking import Suspects
from twofold.runtime.partitions.levelling import Levelling
from twofold.runtime.partitions.membership import Membership
from twofold.runtime.partitions.stretches import Source, Stretch
from twofold.runtime.progress import Progress
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.telling import told

_LOG = structlog.get_logger("twofold.projector")


class SharedProjector:
    """Applies the partitions that this process holds to one projection until it is stopped.

    Where it stands is kept with the rows. Whoever believes in a partition that another process has
    gone on with meanwhile finds it elsewhere, has written nothing, and looks again. An event that
    can't be applied is parked with what follows it; all else goes on. Where too much would be
    parked this projection stops, and tries again with growing pauses.
    """

    def __init__(
        self,
        applier: Applier,
        source: Source,
        membership: Membership,
        levelling: Levelling,
        read_store: ReadStore,
        progress: Progress,
        clock: Clock,
        chance: Chance,
        settings: RuntimeSettings,
    ) -> None:
        self.applier = applier
        self.at_hand = AtHand()
        self._source = source
        self._membership = membership
        self._levelling = levelling
        self._store = read_store
        self._progress = progress
        self._clock = clock
        self._chance = chance
        self._settings = settings
        self._known = progress.checkpoint(applier.table)
        self._applied: dict[int, Part] = {}
        self._failures = 0
        self._stopping = False

    def stop(self) -> None:
        """Finish the stretch at hand and end."""
        self._stopping = True

    async def run(self) -> None:
        """Work until stopped. Whatever fails is reported and tried again."""
        with self.at_hand.working():
            while not self._stopping:
                try:
                    await self._go_on()
                except CheckpointLost:
                    self._applied = {}
                except Exception as exc:
                    # A projector that ended would look healthy until somebody noticed its lag.
                    self._failed(told(exc))
                    self._source.rest()
                    await self._pause()
            self._source.rest()

    async def _go_on(self) -> None:
        moved = await self.step()
        self._recovered()
        if moved:
            return
        with self.at_hand.resting():
            if self._applied:
                await self._source.wait(self._applied, self._settings.poll_seconds)
            else:
                self._source.rest()
                await self._membership.change(self._settings.poll_seconds)

    async def step(self) -> bool:
        """Apply what comes next in the partitions held; whether there was anything.

        Raises CheckpointLost, StoreUnavailable, TooMuchParked.
        """
        await self._follow()
        if not self._applied:
            return False
        stretch = await self._source.after(self._applied, self._settings.projection_batch)
        if not stretch.reached:
            return False
        await self._hold(stretch)
        await self._apply(stretch)
        return True

    async def _follow(self) -> None:
        """Know where the partitions stand that are held now."""
        held = self._membership.held.keys()
        if held == self._applied.keys():
            return
        table, partitions = self.applier.table, self._membership.parts
        await self._progress.reread(table)
        self._known = self._progress.checkpoint(table)
        parts = self._known.parted(partitions)
        if parts is None:
            await self._levelling.level(self.applier)
            raise CheckpointLost(table, 0)
        self._applied = {partition: parts[partition] for partition in held}

    async def _hold(self, stretch: Stretch) -> None:
        """Held back on purpose (a demo and test setting): no event is shown before its age."""
        held = self._settings.hold_projections_seconds
        if held and stretch.batch.events:
            age = self._clock.now().timestamp() - stretch.batch.events[-1].time_us / 1e6
            with self.at_hand.resting():
                await self._clock.sleep(max(0.0, held - age))

    async def _apply(self, stretch: Stretch) -> None:
        moves = stretch.moves(self._applied)

        async def work(transaction: ReadTransaction, suspects: Suspects) -> Checkpoint:
            return await self.applier.apply_parts(
                transaction, stretch.batch, stretch.partitions, moves, self._known, suspects
            )

        self._known = await whole(self._store, self.applier, stretch.batch, work)
        self._applied.update(stretch.reached)
        self._progress.advanced([self._known])

    async def _pause(self) -> None:
        with self.at_hand.resting():
            await self._clock.sleep(pause_seconds(self._failures, self._settings, self._chance))

    def _failed(self, why: str) -> None:
        if not self._failures:
            _LOG.error("projection stopped", projection=self.applier.name, why=why)
        self._progress.stopped[self.applier.table] = why
        self._failures += 1

    def _recovered(self) -> None:
        if self._failures:
            _LOG.info("projection goes on", projection=self.applier.name)
            self._progress.stopped.pop(self.applier.table, None)
            self._failures = 0
