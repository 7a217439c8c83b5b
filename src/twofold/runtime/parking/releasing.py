"""Releasing what waits: events are applied in their order, by the code as it is now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from twofold.errors import CheckpointLost, ProjectionFailed, StoreUnavailable
from twofold.messages.recorded import Recorded
from twofold.ports.read_store import Checkpoint, ReadStore, ReadTransaction
from twofold.runtime.applying import Applier
from twofold.runtime.folding import Change, Decoded
from twofold.runtime.parking.parking import failed_again
from twofold.runtime.parking.sequences import (
    ANY,
    Parked,
    event_of,
    parked_of,
    parked_row,
    parked_table,
    waiting_key,
    waiting_table,
)
from twofold.wiring.event_types import EventTypes

_ROUNDS = 20


class Discarding(msgspec.Struct, frozen=True):
    """The event that failed is left out (``everything``: all that wait), by whom, and why."""

    actor: str
    reason: str
    everything: bool = False


class Released(msgspec.Struct, frozen=True):
    """What became of a sequence. ``applied`` events are in the rows now, or would be.

    ``again``: it waits anew, with the reason; None: nothing of it waits any more.
    """

    parked: Parked
    applied: int
    discarded: int
    changes: tuple[Change, ...]
    again: Parked | None
    checkpoint: Checkpoint


class NotParked(Exception):
    """Nothing waits under this name, or not as it was seen."""

    def __init__(self, now: Parked | None) -> None:
        self.now = now


class _Rehearsed(Exception):
    """Nothing is to stay."""


class Releasing:
    """Releases sequences of one projection in one version."""

    def __init__(self, applier: Applier, read_store: ReadStore, types: EventTypes) -> None:
        self._applier = applier
        self._store = read_store
        self._types = types

    async def release(
        self,
        sequence: str,
        *,
        seen: int | None = None,
        discarding: Discarding | None = None,
        rehearsing: bool = False,
    ) -> Released:
        """Apply what waits, up to what fails again. Nothing stays of it while ``rehearsing``.

        ``seen``: ``last_us`` as whoever decided this saw it. Raises NotParked, StoreUnavailable,
        TooMuchParked.
        """
        suspects: dict[int, BaseException] = {}
        for _ in range(_ROUNDS):
            try:
                return await self._once(sequence, seen, discarding, rehearsing, suspects)
            except CheckpointLost:
                continue
            except ProjectionFailed as exc:
                if exc.position in suspects:
                    raise
                suspects[exc.position] = exc.__cause__ or exc
        raise StoreUnavailable(
            "the read store", f"{sequence} could not be held for {_ROUNDS} tries"
        )

    async def failed(self, parked: Parked, error: BaseException) -> None:
        """An attempt at ``parked`` came to nothing, for a reason that no event of it gave."""
        table = self._applier.table
        async with self._store.transaction() as transaction:
            if (
                await transaction.hold(table) is None
                or await self._parked(transaction, parked.sequence) != parked
            ):
                return
            code = self._applier.projection.fingerprint
            row = parked_row(failed_again(parked, error, code, self._applier.rules))
            await transaction.write(parked_table(table), [row], [])
            await transaction.mend(table, 0)

    async def _once(
        self,
        sequence: str,
        seen: int | None,
        discarding: Discarding | None,
        rehearsing: bool,
        suspects: Mapping[int, BaseException],
    ) -> Released:
        released: Released | None = None
        try:
            async with self._store.transaction() as transaction:
                released = await self._release(transaction, sequence, seen, discarding, suspects)
                if rehearsing:
                    raise _Rehearsed
        except _Rehearsed:
            pass
        assert released is not None
        return released

    async def _release(
        self,
        transaction: ReadTransaction,
        sequence: str,
        seen: int | None,
        discarding: Discarding | None,
        suspects: Mapping[int, BaseException],
    ) -> Released:
        known = await transaction.hold(self._applier.table)
        parked = await self._parked(transaction, sequence) if known else None
        if known is None or parked is None or seen not in (None, parked.last_us):
            raise NotParked(parked)
        mine, events = await self._waiting(transaction, parked)
        left_out = _left_out(parked, mine, discarding)
        failing = dict(suspects)
        decoded = [self._decoded(event, failing) for event in events if event not in left_out]
        parking = self._applier.parking(transaction, known, failing, parked)
        changes = await self._applier.take(transaction, decoded, parking, parked.document)
        more = await parking.write() or 0
        again = parking.fresh(sequence)
        done = [event for event in mine if not parking.still_waits(sequence, event.position)]
        await self._tidy(transaction, parked, again, done, left_out, discarding)
        gone = 0 if again else 1
        await transaction.mend(self._applier.table, -gone)
        if known.parked + more - gone == 0:
            await self._nobody_waits(transaction)
        checkpoint = await transaction.hold(self._applier.table) or known
        return Released(
            parked, len(done) - len(left_out), len(left_out), tuple(changes), again, checkpoint
        )

    async def _parked(self, transaction: ReadTransaction, sequence: str) -> Parked | None:
        found = await transaction.documents(parked_table(self._applier.table), [sequence])
        return parked_of(found[sequence]) if sequence in found else None

    async def _waiting(
        self, transaction: ReadTransaction, parked: Parked
    ) -> tuple[list[Recorded], list[Recorded]]:
        """The sequence's own events, and those with what may concern any document."""
        wanted = [parked.sequence, ANY] if parked.document is not None else [parked.sequence]
        found = await transaction.matching(waiting_table(self._applier.table), "sequence", wanted)
        mine, everything = [], {}
        for key, raw in found.items():
            event = event_of(raw)
            own = key == waiting_key(parked.sequence, event.position)
            if own:
                mine.append(event)
            if own or event.position > parked.position:
                everything[event.position] = event
        mine.sort(key=lambda event: event.position)
        return mine, [everything[position] for position in sorted(everything)]

    def _decoded(self, event: Recorded, failing: dict[int, BaseException]) -> Decoded:
        try:
            return event, self._types.decode(event)
        except Exception as exc:
            failing[event.position] = exc
            return event, None

    async def _tidy(
        self,
        transaction: ReadTransaction,
        parked: Parked,
        again: Parked | None,
        done: Sequence[Recorded],
        left_out: Sequence[Recorded],
        discarding: Discarding | None,
    ) -> None:
        """Events that are applied or left out wait no more; the latter leave a mark."""
        table = self._applier.table
        keys = [waiting_key(parked.sequence, event.position) for event in done]
        if keys:
            await transaction.write(waiting_table(table), [], keys)
        marks = [
            replace(
                parked,
                state="discarded",
                position=event.position,
                event=event.type,
                stream=event.stream,
                event_time_us=event.time_us,
                last_us=self._applier.rules.now_us(),
                next_us=0,
                reason=discarding.reason,
                actor=discarding.actor,
            )
            for event in left_out
            if discarding is not None
        ]
        gone = [] if again else [parked.sequence]
        if marks or gone:
            rows = [parked_row(mark) for mark in marks]
            await transaction.write(parked_table(table), rows, gone)

    async def _nobody_waits(self, transaction: ReadTransaction) -> None:
        table = waiting_table(self._applier.table)
        keys = list(await transaction.matching(table, "sequence", [ANY]))
        if keys:
            await transaction.write(table, [], keys)


def _left_out(
    parked: Parked, mine: Sequence[Recorded], discarding: Discarding | None
) -> list[Recorded]:
    if discarding is None:
        return []
    if discarding.everything:
        return list(mine)
    return [event for event in mine if event.position == parked.position]
