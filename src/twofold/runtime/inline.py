"""Immediate consistency: read models written in the transaction that appends the events."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from twofold.errors import CheckpointLost, ReadModelStopped, TooMuchParked
from twofold.messages.recorded import Recorded
from twofold.ports.log import Log, LogTransaction
from twofold.ports.read_store import Checkpoint, ReadStore, ReadTransaction
from twofold.runtime.applying import Applier, Batch
from twofold.runtime.partitions.levelling import Levelling
from twofold.runtime.progress import Progress
from twofold.runtime.tail import Tail
from twofold.wiring.event_types import EventTypes

_LOG = structlog.get_logger("twofold.projector")


class InlineProjections:
    """All projections of a system, applied before the command is answered.

    ``appliers`` may change between two batches. ``tail`` is for processes that follow the log.
    """

    def __init__(
        self,
        appliers: Sequence[Applier],
        log: Log,
        read_store: ReadStore,
        types: EventTypes,
        progress: Progress,
        batch_size: int,
        tail: Tail | None = None,
    ) -> None:
        self._appliers = appliers
        self._log = log
        self._store = read_store
        self._types = types
        self._progress = progress
        self._batch_size = batch_size
        self._levelling = Levelling(log, read_store, types, progress, batch_size)
        self._tail = tail
        self._applied: list[Checkpoint] = []

    async def apply(self, transaction: LogTransaction, events: Sequence[Recorded]) -> None:
        """Apply ``events`` everywhere. Raises ProjectionFailed, ReadModelStopped."""
        self._applied = []
        reading = self._store.within(transaction)
        batch = Batch(events, self._types, events[0].position - 1)
        for applier in tuple(self._appliers):
            try:
                await self._bring(applier, reading, batch)
            except TooMuchParked as exc:
                self._progress.refuses(applier.table, str(exc))
                _LOG.error("a command is refused", projection=applier.name, why=str(exc))
                raise ReadModelStopped(applier.name) from exc

    def committed(self, events: Sequence[Recorded]) -> None:
        """The transaction holds."""
        if events:
            self._progress.saw_head(events[-1].position)
            self._progress.advanced(self._applied)
            if self._tail is not None:
                self._tail.push(events)

    async def _bring(self, applier: Applier, reading: ReadTransaction, batch: Batch) -> None:
        """To the end of ``batch``, beginning where this projection is.

        Other processes append too, with or without this projection, and projectors may be at work
        on the same table; whoever was faster is caught up with.
        """
        position = self._progress.checkpoint(applier.table).position
        while position < batch.position:
            if position > batch.after:
                raise CheckpointLost(applier.table, batch.after)
            try:
                if position < batch.after:
                    position = await self._stored_position(applier, reading)
                piece = batch if position == batch.after else await self._gap(position, batch.after)
                with applier.observed(piece, inline=True):
                    self._applied.append(await applier.apply(reading, piece, inline=True))
                position = piece.position
            except CheckpointLost:
                position = await self._stored_position(applier, reading)

    async def _stored_position(self, applier: Applier, reading: ReadTransaction) -> int:
        # Where it was shared by partitions, these may stand at different positions.
        await self._levelling.level_within(applier, reading)
        stored = await reading.checkpoint(applier.table)
        return stored.position if stored else 0

    async def _gap(self, position: int, target: int) -> Batch:
        events = await self._log.read(position, self._batch_size, None)
        return Batch([one for one in events if one.position <= target], self._types, position)


class LaterProjections:
    """Asynchronous projections: the writer only passes on what is new."""

    def __init__(self, tail: Tail, progress: Progress) -> None:
        self._tail = tail
        self._progress = progress

    async def apply(self, transaction: LogTransaction, events: Sequence[Recorded]) -> None:
        """Nothing happens within the transaction."""

    def committed(self, events: Sequence[Recorded]) -> None:
        """The transaction holds."""
        if events:
            self._progress.saw_head(events[-1].position)
            self._tail.push(events)
