"""Immediate consistency: read models written in the transaction that appends the events."""

from __future__ import annotations

from collections.abc import Sequence

from twofold.messages.recorded import Recorded
from twofold.ports.log import Log, LogTransaction
from twofold.ports.read_store import Checkpoint, ReadStore, ReadTransaction
from twofold.runtime.applying import Applier, Batch
from twofold.runtime.progress import Progress
from twofold.runtime.tail import Tail
from twofold.wiring.event_types import EventTypes


class InlineProjections:
    """All projections of a system, applied before the command is answered.

    ``tail`` is for processes that follow the log.
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
        self._tail = tail
        self._applied: list[Checkpoint] = []

    async def apply(self, transaction: LogTransaction, events: Sequence[Recorded]) -> None:
        """Apply ``events`` everywhere. Raises ProjectionFailed."""
        self._applied = []
        reading = self._store.within(transaction)
        batch = Batch(events, self._types, events[0].position - 1)
        for applier in self._appliers:
            known = self._progress.checkpoint(applier.table).position
            if known < batch.after:
                await self._close_gap(applier, reading, batch.after)
            self._applied.append(await applier.apply(reading, batch))

    def committed(self, events: Sequence[Recorded]) -> None:
        """The transaction holds."""
        if events:
            self._progress.saw_head(events[-1].position)
            self._progress.advanced(self._applied)
            if self._tail is not None:
                self._tail.push(events)

    async def _close_gap(self, applier: Applier, reading: ReadTransaction, target: int) -> None:
        """Another process has appended meanwhile; it may or may not have this projection."""
        stored = await reading.checkpoint(applier.table)
        position = stored.position if stored else 0
        while position < target:
            events = await self._log.read(position, self._batch_size, None)
            events = [event for event in events if event.position <= target]
            batch = Batch(events, self._types, position)
            self._applied.append(await applier.apply(reading, batch))
            position = batch.position


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
