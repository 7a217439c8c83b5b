"""Filling a version that nobody reads from the log, batch by batch."""

from __future__ import annotations

from twofold.errors import CheckpointLost, VersionsChanged
from twofold.ports.log import Log
from twofold.ports.read_store import DROPPED, Checkpoint, ReadStore, ReadTransaction
from twofold.ports.time_and_chance import Clock
from twofold.runtime.applying import Applier, Batch, whole
from twofold.runtime.parking.parking import Suspects
from twofold.runtime.rebuilding.throttling import Throttling
from twofold.wiring.event_types import EventTypes


class Filling:
    """Applies the log to one version, as long as that is there.

    Where it stands is in the store alone, with the rows: whoever goes on after a crash, or meets
    somebody else at the same work, finds it there. ``throttled``: rather slowly than at the expense
    of others.
    """

    def __init__(
        self,
        applier: Applier,
        log: Log,
        read_store: ReadStore,
        types: EventTypes,
        throttling: Throttling,
        clock: Clock,
    ) -> None:
        self.applier = applier
        self.checkpoint = Checkpoint(applier.table, 0, 0, log.epoch)
        self.throttled = True
        self._log = log
        self._store = read_store
        self._types = types
        self._throttling = throttling
        self._clock = clock

    async def look(self) -> Checkpoint:
        """Where it stands. Raises VersionsChanged if it was dropped."""
        stored = (await self._store.checkpoints()).get(self.applier.table)
        if stored is None or stored.chosen_us == DROPPED:
            raise self.lost()
        self.checkpoint = stored
        return stored

    async def gone(self) -> bool:
        """Whether it was dropped. Raises StoreUnavailable."""
        stored = (await self._store.checkpoints()).get(self.applier.table)
        return stored is None or stored.chosen_us == DROPPED

    def lost(self) -> VersionsChanged:
        """What to raise where it was."""
        return VersionsChanged(self.applier.name, f"version {self.applier.version} was dropped")

    async def step(self, until: int) -> bool:
        """Apply a batch; whether anything is left up to ``until``.

        Raises CheckpointLost where others move it, StoreUnavailable, TooMuchParked.
        """
        position = self.checkpoint.position
        if position >= until:
            return False
        limit = self._throttling.events
        events = await self._log.read(position, limit, self.applier.types)
        events = [event for event in events if event.position <= until]
        # With a full batch nothing is known beyond its last event; else all of it was seen.
        last = None if len(events) == limit else (await self._log.read(until - 1, 1))[0]
        end = None if last is None else (last.position, last.time_us)
        batch = Batch(events, self._types, position, end)
        begun = self._clock.monotonic()

        async def work(transaction: ReadTransaction, suspects: Suspects) -> Checkpoint:
            # One that is gone must not come back: where nothing is applied yet, ``apply`` would
            # begin it. Elsewhere it does not find what it is to move.
            if not position and await transaction.hold(self.applier.table) is None:
                raise CheckpointLost(self.applier.table, position)
            applied = await self.applier.apply(transaction, batch, suspects)
            # One that goes must not be gone on with.
            if applied.chosen_us == DROPPED:
                raise CheckpointLost(self.applier.table, position)
            return applied

        self.checkpoint = await whole(self._store, self.applier, batch, work)
        if self.throttled:
            await self._throttling.worked(self._clock.monotonic() - begun, len(events))
        return self.checkpoint.position < until
