"""Bringing a projection to the end of the log, in large batches."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from twofold.errors import CheckpointLost
from twofold.ports.log import Log
from twofold.ports.read_store import Checkpoint, ReadStore, ReadTransaction
from twofold.runtime.applying import Applier, Batch, whole
from twofold.runtime.parking.parking import Suspects
from twofold.runtime.partitions.levelling import Levelling
from twofold.runtime.progress import Progress
from twofold.wiring.event_types import EventTypes


async def catch_up(
    applier: Applier,
    log: Log,
    read_store: ReadStore,
    types: EventTypes,
    progress: Progress,
    batch_size: int,
    report: Callable[[int, int], None] | None = None,
    until: int | None = None,
) -> int:
    """Apply everything up to ``until`` or the head as it is now; answers the position reached.

    Only events that the projection folds are read. ``report(position, head)`` is called after each
    batch. Raises StoreUnavailable, TooMuchParked.
    """
    head = await log.head() if until is None else until
    if progress.checkpoint(applier.table).position >= head:
        return head
    last = (await log.read(head - 1, 1))[0]
    while (position := progress.checkpoint(applier.table).position) < head:
        events = await log.read(position, batch_size, applier.types)
        events = [event for event in events if event.position <= head]
        # With a full batch nothing is known beyond its last event; else all up to head is seen.
        end = None if len(events) == batch_size else (last.position, last.time_us)
        batch = Batch(events, types, position, end)
        try:
            checkpoint = await whole(read_store, applier, batch, partial(_apply, applier, batch))
        except CheckpointLost:
            # Others are at work, or were, by partitions that stand apart.
            await Levelling(log, read_store, types, progress, batch_size).level(applier)
            await progress.reread(applier.table)
            continue
        progress.advanced([checkpoint])
        if report is not None:
            report(checkpoint.position, head)
    return position


async def _apply(
    applier: Applier, batch: Batch, transaction: ReadTransaction, suspects: Suspects
) -> Checkpoint:
    return await applier.apply(transaction, batch, suspects)
