"""Why a row looks as it does: its events, fold by fold, as differences (ADR 0028).

Events of streams that bear the document's name are found by their index, all of them. Others, whose
documents are found by what they say, can only be found by reading: the newest stretch of the log up
to the row's last event is looked through, and the answer tells which. Whether that was everything
is told by the outcome: what was found folds to the row as it is, or does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from twofold.domain.projection import Fold
from twofold.errors import CorruptEvent, InvalidInput, NotFound, Problem
from twofold.messages.recorded import Recorded
from twofold.ports.read_store import Condition, Row, Scalar, Select
from twofold.runtime.applying import Applier
from twofold.runtime.explaining.concerns import Places, concerned, places
from twofold.runtime.explaining.history_views import FoldedView, HistoryView, LookedView
from twofold.runtime.folding import ENCODER, Change, Decoded, FoldBatch, MissingDocument
from twofold.runtime.nameable import check_nameable
from twofold.runtime.nearest import nearest
from twofold.runtime.parking.parking import NoParking
from twofold.runtime.parking.projections import document_view
from twofold.runtime.parking.sequences import (
    Parked,
    of_document,
    of_stream,
    parked_of,
    parked_table,
)
from twofold.runtime.parking.views import DocumentView
from twofold.runtime.system import System
from twofold.wiring.foldings import Folding

LOOKED_THROUGH = 10_000
_MOST_LOOKED_THROUGH = 1_000_000
_MOST_EVENTS = 10_000
_AT_ONCE = 2_000
_FOLDED_AT_ONCE = 500
_DISCARDS = 200


class _Held:
    """A read transaction of one document in memory; others are as they are stored now."""

    def __init__(self, system: System, table: str, key: str) -> None:
        self.raw: bytes | None = None
        self._system = system
        self._table = table
        self._key = key

    async def documents(self, table: str, keys: Sequence[str]) -> Mapping[str, bytes]:
        found = {self._key: self.raw}
        for key in set(keys) - {self._key}:
            found[key] = await self._system.read_store.get(self._table, key)
        return {key: raw for key, raw in found.items() if raw is not None}

    async def matching(
        self, table: str, column: str, values: Sequence[Scalar]
    ) -> Mapping[str, bytes]:
        return {}


class _Waiting(msgspec.Struct, frozen=True):
    """What is parked: from which position on, and what was left out on purpose."""

    sequences: Mapping[str, int]
    left_out: frozenset[int]

    def outcomes(self, events: Sequence[Recorded], applied: int) -> dict[int, str]:
        """What became of each, where everything up to ``applied`` was looked at."""
        if self.sequences or self.left_out:
            return {event.position: self._outcome(event, applied) for event in events}
        positions = [event.position for event in events]
        return {one: "applied" if one <= applied else "not-yet" for one in positions}

    def _outcome(self, event: Recorded, applied: int) -> str:
        if event.position in self.left_out:
            return "left-out"
        since = min(
            self.sequences.get(one, event.position + 1) for one in (_OWN, of_stream(event.stream))
        )
        if since <= event.position:
            return "waits"
        return "applied" if event.position <= applied else "not-yet"


_OWN = ""


class DocumentHistory:
    """Tells the histories of a system's documents."""

    def __init__(self, system: System) -> None:
        self._system = system

    async def show(
        self,
        projection: str,
        key: str,
        *,
        page: int = 0,
        size: int = 25,
        look_through: int = LOOKED_THROUGH,
    ) -> HistoryView:
        """A page of the history, from 0. ``look_through``: at most so many events of the log.

        Raises NotFound where there is neither a row nor an event, InvalidInput for handwritten
        projections.
        """
        applier, folding = self._folding(projection)
        check_nameable(projection, key)
        row = await self._system.read_store.row(applier.table, key)
        applied = self._system.progress.checkpoint(applier.table).position
        where = places(folding, self._system.wired.events, key)
        until = row.position if row else self._system.progress.head
        looked = _looked(where, until, min(look_through, _MOST_LOOKED_THROUGH))
        events, cut = await self._events(folding, where, looked, key)
        if row is None and not events:
            raise NotFound(projection, key)
        parked, waiting = await self._parked(applier, key, where.streams)
        outcomes = waiting.outcomes(events, applied)
        held = _Held(self._system, applier.table, key)
        folded = _Folded(folding, applier.table, key, held)
        begin = max(0, len(events) - (page + 1) * size)
        end = max(0, len(events) - page * size)
        steps = await self._steps(folded, events, outcomes, where, begin, end)
        unexplained = _unexplained(key, held.raw, row)
        return HistoryView(
            projection,
            applier.version,
            key,
            msgspec.json.decode(row.document) if row else None,
            row.position if row else 0,
            tuple(reversed(steps)),
            len(events),
            page,
            size,
            unexplained is None,
            unexplained,
            looked,
            cut,
            parked,
        )

    def _folding(self, projection: str) -> tuple[Applier, Folding]:
        by_name = {one.name: one for one in self._system.appliers}
        if projection not in by_name:
            raise NotFound("projection", projection, nearest(projection, by_name))
        found = by_name[projection].projection
        if not isinstance(found, Folding):
            why = f"{projection} is handwritten: what its events do to which rows is not known"
            raise InvalidInput([Problem("projection", why)])
        return by_name[projection], found

    async def _events(
        self, folding: Folding, where: Places, looked: LookedView, key: str
    ) -> tuple[list[Recorded], bool]:
        """Events that concern the document, or may, the oldest first; whether there are more."""
        found: dict[int, Recorded] = {}
        for stream in where.streams:
            async for events in self._stream(stream):
                found |= {one.position: one for one in events if one.type in folding.folds}
        if where.types:
            async for events in self._stretch(looked):
                for event in events:
                    if event.type in where.types and self._may_concern(folding, event, key):
                        found[event.position] = event
        positions = sorted(found)
        return [found[one] for one in positions[:_MOST_EVENTS]], len(positions) > _MOST_EVENTS

    async def _stream(self, stream: str) -> AsyncIterator[Sequence[Recorded]]:
        version = 0
        while version <= _MOST_EVENTS:
            events = await self._system.log.read_stream(stream, version, _AT_ONCE)
            yield events
            if len(events) < _AT_ONCE:
                return
            version = events[-1].version

    async def _stretch(self, looked: LookedView) -> AsyncIterator[Sequence[Recorded]]:
        position = looked.after
        while position < looked.until:
            size = min(_AT_ONCE, looked.until - position)
            events = await self._system.log.read(position, size)
            yield events
            if not events:
                return
            position = events[-1].position

    def _may_concern(self, folding: Folding, recorded: Recorded, key: str) -> bool:
        try:
            event = self._system.wired.events.decode(recorded)
            found = concerned(folding, recorded, event)
        except Exception:
            # What can't be read names nothing; its stream is parked.
            return False
        return key in found.keys or bool(found.searched)

    async def _parked(
        self, applier: Applier, key: str, streams: Iterable[str]
    ) -> tuple[str, _Waiting]:
        """The sequence of the document if it is parked, and all that waits."""
        store, table = self._system.read_store, parked_table(applier.table)
        sequences, own = {}, of_document(key)
        for name in (own, *map(of_stream, streams)):
            raw = await store.get(table, name)
            if raw is not None:
                sequences[_OWN if name == own else name] = parked_of(raw).position
        where = (Condition("sequence", "any_of", (own,)),)
        found = await store.select(table, Select(where, limit=_DISCARDS, total=False))
        marks: list[Parked] = [parked_of(raw) for raw in found.documents]
        left_out = frozenset(one.position for one in marks if one.state == "discarded")
        return own if _OWN in sequences else "", _Waiting(sequences, left_out)

    async def _steps(
        self,
        folded: _Folded,
        events: Sequence[Recorded],
        outcomes: Mapping[int, str],
        where: Places,
        begin: int,
        end: int,
    ) -> list[FoldedView]:
        """The steps from ``begin`` to ``end``; all others are folded as well, for the outcome."""
        await self._pass_over(folded, events[:begin], outcomes)
        steps = []
        for event in events[begin:end]:
            change, error, outcome = None, "", outcomes[event.position]
            if outcome == "applied":
                change, error = await folded.take(self._decoded(event))
            if error or outcome != "applied" or change or event.type not in where.searching:
                steps.append(_step(event, "failed" if error else outcome, error, change))
        await self._pass_over(folded, events[end:], outcomes)
        return steps

    async def _pass_over(
        self, folded: _Folded, events: Sequence[Recorded], outcomes: Mapping[int, str]
    ) -> None:
        applied = [one for one in events if outcomes[one.position] == "applied"]
        for begin in range(0, len(applied), _FOLDED_AT_ONCE):
            some = applied[begin : begin + _FOLDED_AT_ONCE]
            await folded.pass_over([self._decoded(one) for one in some])
            # Whoever else is served meanwhile has a turn.
            await asyncio.sleep(0)

    def _decoded(self, event: Recorded) -> Decoded:
        try:
            return event, self._system.wired.events.decode(event)
        except Exception:
            # Upcasters are the application's code, and may raise anything.
            return event, None


class _Folded:
    """One document, as event after event is folded into it."""

    def __init__(self, folding: Folding, table: str, key: str, held: _Held) -> None:
        self._folding = folding
        self._table = table
        self._key = key
        self._held = held
        self._straight = all(_is_straight(one) for some in folding.folds.values() for one in some)

    async def pass_over(self, events: Sequence[Decoded]) -> None:
        """Fold what nobody wants to see: all at once, or one by one where one of them fails."""
        try:
            if self._straight:
                self._held.raw = self._folded_straight(events)
            else:
                await self._fold(events)
        except Exception:
            # Folds are the application's code, and may raise anything.
            for decoded in events:
                await self.take(decoded)

    def _folded_straight(self, events: Sequence[Decoded]) -> bytes | None:
        """What the document is after ``events``, where each names its one document.

        That is what a batch does, without what a batch needs to park, undo and look for documents.
        Raises whatever is odd about an event.
        """
        model, raw = self._folding.model, self._held.raw
        document = model.decode(raw) if raw is not None else None
        last = None
        for recorded, event in events:
            if event is None:
                raise CorruptEvent(recorded.type, recorded.stream, recorded.position, "")
            for fold in self._folding.folds.get(recorded.type, ()):
                key = recorded.stream_id if fold.key is None else fold.key(event, recorded)
                if key != self._key:
                    continue
                if document is None and not fold.accepts_missing:
                    raise MissingDocument(model.type.__name__, key)
                document = fold.function(document, event, *((recorded,) if fold.wants else ()))
                if document is not None:
                    model.check_key(document, key)
                last = recorded
        if last is None or document is None:
            return raw if last is None else None
        return model.row(document, self._key, last.position, ENCODER).document

    async def take(self, decoded: Decoded) -> tuple[Change | None, str]:
        """What an event does to the document, None if nothing; or why it can't be folded."""
        if decoded[1] is None:
            return None, "this code can't decode it"
        try:
            return await self._fold([decoded]), ""
        except Exception as exc:
            cause = exc.__cause__ or exc
            return None, f"{type(cause).__name__}: {cause}"

    async def _fold(self, events: Sequence[Decoded]) -> Change | None:
        batch = FoldBatch(self._folding, self._table, NoParking(self._folding.name), self._key)
        transaction: Any = self._held
        _, _, changes = await batch.fold(transaction, events)
        change = next((one for one in changes if one.key == self._key), None)
        if change is not None:
            self._held.raw = change.after
        return change


def _is_straight(fold: Fold) -> bool:
    """Whether it names the one document of an event, and takes no other beside it."""
    return fold.each is None and not fold.where and fold.beside is None


def _step(event: Recorded, outcome: str, error: str, change: Change | None) -> FoldedView:
    return FoldedView(
        event.position,
        event.id,
        event.type,
        event.stream,
        event.time,
        event.actor,
        event.causation_id,
        outcome,
        error,
        document_view(change) if change is not None else None,
    )


def _looked(where: Places, until: int, most: int) -> LookedView:
    if not where.types:
        return LookedView(0, 0, True)
    after = max(0, until - most)
    return LookedView(after, until, after == 0)


def _unexplained(key: str, folded: bytes | None, row: Row | None) -> DocumentView | None:
    """How the row differs from what its events fold to; None if it does not."""
    stored = row.document if row else None
    if folded == stored:
        return None
    view = document_view(Change(key, folded, stored))
    return None if view.what == "unchanged" else view
