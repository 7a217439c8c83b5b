"""Applying events to one projection: rows and checkpoint in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

import msgspec

from twofold.errors import ProjectionFailed
from twofold.messages.recorded import Recorded
from twofold.messages.value import Event
from twofold.ports.read_store import Checkpoint, Move, ReadTransaction
from twofold.runtime.folding import Decoded, FoldBatch, types_of, write_by_hand
from twofold.runtime.observing.observer import Observer
from twofold.runtime.versions import table_name
from twofold.wiring.event_types import EventTypes
from twofold.wiring.foldings import Folding, Writing


class Batch:
    """Consecutive events of the log, each decoded at most once for all projections.

    ``after`` and ``position`` say which stretch of the log it covers: (after, position]. Without
    ``end`` (position and time of the stretch's last event) it ends with the last of ``events``.
    Batches that share ``decoded`` decode an event once for all of them.
    """

    def __init__(
        self,
        events: Sequence[Recorded],
        types: EventTypes,
        after: int,
        end: tuple[int, int] | None = None,
        decoded: dict[int, Event] | None = None,
    ) -> None:
        self.events = events
        self.after = after
        if end is None:
            end = (after, 0)
            if events:
                # Facts of the past may be recorded today; what is shown is as of the latest.
                end = (events[-1].position, max(event.time_us for event in events))
        self.position, self.time_us = end
        self._types = types
        self._decoded: dict[int, Event] = {} if decoded is None else decoded

    def until(self, position: int) -> Batch:
        """The part of it up to ``position``."""
        events = [event for event in self.events if event.position <= position]
        return Batch(events, self._types, self.after)

    def beyond(self, position: int) -> Batch:
        """The part of it above ``position``; decoded events are shared."""
        if position <= self.after:
            return self
        events = [event for event in self.events if event.position > position]
        return Batch(events, self._types, position, (self.position, self.time_us), self._decoded)

    def only(self, events: Sequence[Recorded]) -> Batch:
        """The same stretch of the log with some of its events."""
        end = (self.position, self.time_us)
        return Batch(events, self._types, self.after, end, self._decoded)

    def of(self, types: frozenset[str], projection: str) -> list[Decoded]:
        """The events of ``types``, decoded. Raises ProjectionFailed if one can't be."""
        return [
            (recorded, self._event(recorded, projection))
            for recorded in self.events
            if recorded.type in types
        ]

    def _event(self, recorded: Recorded, projection: str) -> Event:
        event = self._decoded.get(recorded.position)
        if event is None:
            try:
                event = self._types.decode(recorded)
            except Exception as exc:
                raise ProjectionFailed(
                    projection, recorded.type, recorded.stream, recorded.position
                ) from exc
            self._decoded[recorded.position] = event
        return event


class Applier:
    """One projection in one version, and where it writes."""

    def __init__(
        self, projection: Folding | Writing, version: int, epoch: str, observer: Observer
    ) -> None:
        self.projection = projection
        self.version = version
        self.name = projection.name
        self.table = table_name(projection.name, version)
        self.types = types_of(projection)
        self._epoch = epoch
        self._observer = observer

    def observed(self, batch: Batch, *, inline: bool = False) -> AbstractContextManager[None]:
        """For the transaction in which ``batch`` is applied."""
        return self._observer.applying(self.name, batch.events, inline=inline)

    async def apply(self, transaction: ReadTransaction, batch: Batch) -> Checkpoint:
        """Apply ``batch`` and move the checkpoint from its beginning to its end.

        Raises ProjectionFailed for a poison event, CheckpointLost if another worker was first.
        """
        checkpoint = Checkpoint(
            self.table, batch.position, batch.time_us, self._epoch, self.projection.fingerprint
        )
        # First, so that of two workers the second waits here and leaves without having done work.
        await transaction.advance(checkpoint, batch.after)
        await self._fold(transaction, batch)
        return checkpoint

    async def apply_parts(
        self,
        transaction: ReadTransaction,
        batch: Batch,
        partitions: int,
        moves: Mapping[int, Move],
        known: Checkpoint,
    ) -> Checkpoint:
        """Apply ``batch`` and move some of ``partitions`` partitions of the checkpoint ``known``.

        Raises ProjectionFailed for a poison event, CheckpointLost if one of them stands elsewhere.
        """
        checkpoint = msgspec.structs.replace(
            known,
            time_us=max(batch.time_us, known.time_us),
            epoch=self._epoch,
            fingerprint=self.projection.fingerprint,
        )
        moved = await transaction.advance_parts(checkpoint, partitions, moves)
        await self._fold(transaction, batch)
        return moved

    async def _fold(self, transaction: ReadTransaction, batch: Batch) -> None:
        decoded = batch.of(self.types, self.name)
        if decoded and isinstance(self.projection, Folding):
            await FoldBatch(self.projection, self.table).apply(transaction, decoded)
        elif decoded and isinstance(self.projection, Writing):
            await write_by_hand(self.projection, transaction, decoded)
