"""Applying events to one projection: rows and checkpoint in one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager

import msgspec

from twofold.errors import (
    CheckpointLost,
    ProjectionFailed,
    StoreUnavailable,
    TooMuchParked,
)
from twofold.messages.recorded import Recorded
from twofold.messages.value import Event
from twofold.ports.read_store import Checkpoint, Move, ReadStore, ReadTransaction, Table
from twofold.runtime.folding import Change, Decoded, fold_events, types_of, write_by_hand
from twofold.runtime.observing.observer import Observer
from twofold.runtime.parking.parking import LeftOut, Parking, Remembered, Rules, Suspects
from twofold.runtime.parking.sequences import Parked, tables_beside
from twofold.runtime.versions import table_name
from twofold.wiring.event_types import EventTypes
from twofold.wiring.foldings import Folding, Writing

NONE: Suspects = {}


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

    def of(self, types: frozenset[str], projection: str) -> list[tuple[Recorded, Event]]:
        """The events of ``types``, decoded. Raises ProjectionFailed if one can't be."""
        return [
            (recorded, self._event(recorded, projection))
            for recorded in self.events
            if recorded.type in types
        ]

    def beside(self, suspects: Suspects, types: frozenset[str], projection: str) -> list[Decoded]:
        """The same where ``suspects`` need not be decodable."""
        if not suspects:
            return [*self.of(types, projection)]
        return [
            (recorded, self._if_decodable(recorded, suspects, projection))
            for recorded in self.events
            if recorded.type in types
        ]

    def _if_decodable(
        self, recorded: Recorded, suspects: Suspects, projection: str
    ) -> Event | None:
        try:
            return self._event(recorded, projection)
        except ProjectionFailed:
            if recorded.position in suspects:
                return None
            raise

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
    """One projection in one version, and where it writes.

    ``left_out``: what was discarded on purpose, and is not applied when it comes again.
    """

    def __init__(
        self,
        projection: Folding | Writing,
        version: int,
        epoch: str,
        rules: Rules,
        observer: Observer,
    ) -> None:
        self.projection = projection
        self.version = version
        self.name = projection.name
        self.table = table_name(projection.name, version)
        self.types = types_of(projection)
        self.rules = rules
        self.left_out: LeftOut = frozenset()
        self._remembered = Remembered()
        self._epoch = epoch
        self._observer = observer

    def observed(self, batch: Batch, *, inline: bool = False) -> AbstractContextManager[None]:
        """For the transaction in which ``batch`` is applied."""
        return self._observer.applying(self.name, batch.events, inline=inline)

    @property
    def tables(self) -> list[Table]:
        """Everything that is written, as a read store is to open it."""
        beside = [*tables_beside(self.table)]
        if isinstance(self.projection, Folding):
            return [self.projection.model.table(self.version), *beside]
        return beside

    async def apply(
        self,
        transaction: ReadTransaction,
        batch: Batch,
        suspects: Suspects = NONE,
        *,
        inline: bool = False,
    ) -> Checkpoint:
        """Apply ``batch`` and move the checkpoint from its beginning to its end.

        What can't be applied is parked. ``inline``: the transaction may apply more than this.
        Raises ProjectionFailed for an event that has to be among the suspects, CheckpointLost if
        another worker was first, TooMuchParked.
        """
        checkpoint = Checkpoint(
            self.table, batch.position, batch.time_us, self._epoch, self.projection.fingerprint
        )
        # First, so that of two workers the second waits here and leaves without having done work.
        moved = await transaction.advance(checkpoint, batch.after)
        return await self._fold(transaction, batch, moved, suspects, inline=inline)

    async def apply_parts(
        self,
        transaction: ReadTransaction,
        batch: Batch,
        partitions: int,
        moves: Mapping[int, Move],
        known: Checkpoint,
        suspects: Suspects = NONE,
    ) -> Checkpoint:
        """Apply ``batch`` and move some of ``partitions`` partitions of the checkpoint ``known``.

        Raises as ``apply``; CheckpointLost if one of the partitions stands elsewhere.
        """
        checkpoint = msgspec.structs.replace(
            known,
            time_us=max(batch.time_us, known.time_us),
            epoch=self._epoch,
            fingerprint=self.projection.fingerprint,
        )
        moved = await transaction.advance_parts(checkpoint, partitions, moves)
        return await self._fold(transaction, batch, moved, suspects)

    def parking(
        self,
        transaction: ReadTransaction,
        at: Checkpoint | None,
        suspects: Suspects = NONE,
        releasing: Parked | None = None,
        *,
        inline: bool = False,
    ) -> Parking:
        """What waits, for a transaction that finds the checkpoint ``at``."""
        return Parking(
            self.name,
            self.projection.fingerprint,
            self.table,
            transaction,
            at,
            self.rules,
            suspects,
            # What one transaction mended before is nobody's to remember until it holds.
            None if inline else self._remembered,
            releasing,
            self.left_out,
        )

    async def take(
        self,
        transaction: ReadTransaction,
        decoded: Sequence[Decoded],
        parking: Parking,
        only: str | None = None,
    ) -> list[Change]:
        """Apply events without moving anything; to the document ``only``, if it is given."""
        if isinstance(self.projection, Folding):
            return await fold_events(
                self.projection, self.table, transaction, decoded, parking, only
            )
        await write_by_hand(self.projection, transaction, decoded, parking)
        return []

    async def _fold(
        self,
        transaction: ReadTransaction,
        batch: Batch,
        moved: Checkpoint,
        suspects: Suspects,
        *,
        inline: bool = False,
    ) -> Checkpoint:
        decoded = batch.beside(suspects, self.types, self.name)
        if not decoded:
            return moved
        parking = self.parking(transaction, moved, suspects, inline=inline)
        await self.take(transaction, decoded, parking)
        more = await parking.write()
        return moved if more is None else moved.mending(more)


class _OnlyTried(Exception):
    """Nothing of what was tried is to stay."""


async def whole(
    store: ReadStore,
    applier: Applier,
    batch: Batch,
    work: Callable[[ReadTransaction, Suspects], Awaitable[Checkpoint]],
) -> Checkpoint:
    """Do ``work``, which applies ``batch``, in a transaction; again until what fails is parked.

    Raises CheckpointLost, StoreUnavailable, TooMuchParked, and what is no single event's fault.
    """
    suspects: dict[int, BaseException] = {}
    while True:
        try:
            with applier.observed(batch):
                async with store.transaction(ahead=True) as transaction:
                    return await work(transaction, suspects)
        except (CheckpointLost, StoreUnavailable, TooMuchParked):
            raise
        except ProjectionFailed as exc:
            if exc.position in suspects:
                raise
            suspects[exc.position] = exc.__cause__ or exc
        except Exception:
            found = await _refused(store, applier, batch, suspects)
            if not found:
                raise
            suspects |= found


async def _refused(
    store: ReadStore, applier: Applier, batch: Batch, known: Suspects
) -> dict[int, BaseException]:
    """The events whose rows the store itself refuses, each tried alone and taken back."""
    found: dict[int, BaseException] = {}
    for recorded, event in batch.beside(known, applier.types, applier.name):
        if recorded.position in known:
            continue
        try:
            async with store.transaction() as transaction:
                parking = applier.parking(transaction, None)
                await applier.take(transaction, [(recorded, event)], parking)
                raise _OnlyTried
        except _OnlyTried:
            continue
        except StoreUnavailable:
            raise
        except Exception as exc:
            found[recorded.position] = exc
    return found
