"""Bringing partitions that stand apart together again, from the log.

It is needed where a projection that was shared is not any more, or by another number of partitions.
"""

from __future__ import annotations

from functools import partial

from twofold.errors import CheckpointLost
from twofold.ports.log import Log
from twofold.ports.read_store import Checkpoint, Move, Part, ReadStore, ReadTransaction
from twofold.runtime.applying import NONE, Applier, Batch, whole
from twofold.runtime.parking.parking import Suspects
from twofold.runtime.partitions.stretches import stretch_of
from twofold.runtime.progress import Progress
from twofold.wiring.event_types import EventTypes


class Levelling:
    """Applies to each partition what it lacks of the one that is furthest."""

    def __init__(
        self, log: Log, read_store: ReadStore, types: EventTypes, progress: Progress, limit: int
    ) -> None:
        self._log = log
        self._store = read_store
        self._types = types
        self._progress = progress
        self._limit = limit

    async def level(self, applier: Applier) -> None:
        """Level a projection. Raises StoreUnavailable, TooMuchParked."""
        while True:
            stored = (await self._store.checkpoints()).get(applier.table)
            if stored is None or stored.stands_at(stored.position):
                return
            batch = await self._next(stored)
            work = partial(_apply, applier, stored, batch)
            try:
                stored = await whole(self._store, applier, batch, work)
            except CheckpointLost:
                # Somebody is at work on it, which may be all that it needs.
                continue
            self._progress.advanced([stored])

    async def level_within(self, applier: Applier, transaction: ReadTransaction) -> None:
        """The same in a transaction that nobody else can disturb."""
        while True:
            stored = await transaction.checkpoint(applier.table)
            if stored is None or stored.stands_at(stored.position):
                return
            await _apply(applier, stored, await self._next(stored), transaction, NONE)

    async def _next(self, stored: Checkpoint) -> Batch:
        """What comes after the last partition, until the first one."""
        until = max(part.position for part in stored.parts)
        found = await self._log.read(stored.position, self._limit)
        events = [event for event in found if event.position <= until]
        return Batch(events, self._types, stored.position)


async def _apply(
    applier: Applier,
    stored: Checkpoint,
    batch: Batch,
    transaction: ReadTransaction,
    suspects: Suspects,
) -> Checkpoint:
    applied: dict[int, Part] = dict(enumerate(stored.parts))
    partitions = len(applied)
    stretch = stretch_of(batch, applied, partitions)
    moves: dict[int, Move] = stretch.moves(applied)
    return await applier.apply_parts(
        transaction, stretch.batch, partitions, moves, stored, suspects
    )
