"""Folding a batch of events into documents: prefetch, fold in memory, write once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from twofold.domain.projection import Fold
from twofold.errors import InvalidInput, ProjectionFailed, TwofoldError
from twofold.messages.recorded import Recorded
from twofold.messages.value import Event
from twofold.ports.read_store import ReadTransaction, Row, Scalar
from twofold.runtime.parking.parking import NoParking, Parking
from twofold.runtime.parking.sequences import of_document, of_stream
from twofold.wiring.foldings import Folding, Writing

Decoded = tuple[Recorded, Event | None]
"""An event and what was recorded of it; None where that can't be decoded."""

ENCODER = msgspec.json.Encoder(decimal_format="string")
"""How documents are written."""


class MissingDocument(TwofoldError):
    """A fold that needs a document found none."""

    def __init__(self, model: str, key: str) -> None:
        self.model = model
        self.key = key
        super().__init__(
            f"there is no {model} {key!r} yet; if that can happen, the fold should take "
            f"{model} | None"
        )


class BesideParked(TwofoldError):
    """The document that a fold looks at beside its own is parked, so it is not up to date."""

    def __init__(self, model: str, key: str) -> None:
        self.model = model
        self.key = key
        super().__init__(f"{model} {key!r} is parked; release it first")


class _Unwritable(Exception):
    """A document that was folded can't become a row, and it is not known since which event."""

    def __init__(self, key: str) -> None:
        self.key = key


class _Step(msgspec.Struct, frozen=True, gc=False):
    fold: Fold
    subject: Any
    recorded: Recorded
    key: str
    value: Scalar


class _Document:
    """A document while a batch is folded: decoded when first needed, encoded when written.

    ``prior`` and ``prior_last`` are what it was before the event ``at``.
    """

    __slots__ = ("at", "last", "prior", "prior_last", "raw", "stored", "value")

    def __init__(self, raw: bytes | None) -> None:
        self.stored = raw
        self.raw = raw
        self.value: Any = None
        self.last: Recorded | None = None
        self.at = 0
        self.prior: Any = None
        self.prior_last: Recorded | None = None

    def begin(self, position: int) -> None:
        """What the event at ``position`` does to it can be undone."""
        if self.at != position:
            self.at, self.prior, self.prior_last = position, self.value, self.last

    def undo(self, position: int) -> None:
        """As if the event at ``position`` had not come."""
        if self.at == position:
            self.value, self.last = self.prior, self.prior_last


class Change(msgspec.Struct, frozen=True):
    """A document as it was stored and as it has become; None where there is none."""

    key: str
    before: bytes | None
    after: bytes | None


class FoldBatch:
    """Events for one projection and one table, folded in the memory.

    An event that can't be folded parks its document, and waits there with whatever comes later.
    ``only``: no other document is folded.
    """

    def __init__(
        self, folding: Folding, table: str, parking: Parking, only: str | None = None
    ) -> None:
        self._folding = folding
        self._table = table
        self._parking = parking
        self._only = only
        self._steps: list[_Step] = []
        self._unplanned: list[tuple[Recorded, BaseException]] = []
        self._keys: set[str] = set() if only is None else {only}
        self._lookups: dict[str, set[Scalar]] = {}
        self._documents: dict[str, _Document] = {}

    async def fold(
        self, transaction: ReadTransaction, events: Iterable[Decoded]
    ) -> tuple[list[Row], list[str], list[Change]]:
        """The rows to be written, the keys to go, and both beside what was stored."""
        for recorded, event in events:
            self._plan(recorded, event)
        if not self._steps and not self._unplanned:
            return [], [], []
        await self._fetch(transaction)
        for recorded, error in self._unplanned:
            self._park_unplanned(recorded, error)
        for step in self._steps:
            self._take(step)
        return self._rows()

    def _plan(self, recorded: Recorded, event: Event | None) -> None:
        if self._parking.leaves_out(of_stream(recorded.stream), recorded.position):
            return
        suspect = self._parking.suspects.get(recorded.position)
        if event is None:
            assert suspect is not None
            self._unplanned.append((recorded, suspect))
            return
        for fold in self._folding.folds.get(recorded.type, ()):
            try:
                self._plan_fold(fold, recorded, event)
            except Exception as exc:
                self._unplanned.append((recorded, exc))
                return

    def _park_unplanned(self, recorded: Recorded, error: BaseException) -> None:
        """It is not known which documents the event concerns, or only one is asked about.

        All others have it applied already, or wait for it themselves.
        """
        if self._only is None:
            self._parking.park_stream(recorded, error)
        else:
            self._parking.park(of_document(self._only), recorded, error)

    def _plan_fold(self, fold: Fold, recorded: Recorded, event: Event) -> None:
        if fold.beside is not None:
            self._keys.add(fold.beside(event, recorded))
        if fold.each is not None:
            for key, part in fold.each(event, recorded):
                self._add(_Step(fold, part, recorded, key, None))
        elif fold.where:
            assert fold.equals is not None
            value = fold.equals(event, recorded)
            if value is None:
                # Nothing equals it, in a store as in a batch.
                return
            self._lookups.setdefault(fold.where, set()).add(value)
            self._steps.append(_Step(fold, event, recorded, "", value))
        else:
            key = fold.key(event, recorded) if fold.key is not None else recorded.stream_id
            self._add(_Step(fold, event, recorded, key, None))

    def _add(self, step: _Step) -> None:
        if self._only is None or step.key == self._only:
            self._steps.append(step)
            self._keys.add(step.key)

    async def _fetch(self, transaction: ReadTransaction) -> None:
        found = await transaction.documents(self._table, list(self._keys)) if self._keys else {}
        for key in self._keys:
            self._documents[key] = _Document(found.get(key))
        if self._only is None:
            for column, values in self._lookups.items():
                matching = await transaction.matching(self._table, column, list(values))
                for key, raw in matching.items():
                    self._documents.setdefault(key, _Document(raw))
        if self._parking.active:
            unplanned = (recorded for recorded, _ in self._unplanned)
            events = (*(step.recorded for step in self._steps), *unplanned)
            streams = {of_stream(recorded.stream) for recorded in events}
            await self._parking.look([*map(of_document, self._documents), *streams])

    def _take(self, step: _Step) -> None:
        if self._parking.active and self._waits(step):
            return
        if step.fold.where:
            for key in self._matching(step.fold.where, step.value):
                self._fold(step, key)
        else:
            self._fold(step, step.key)

    def _waits(self, step: _Step) -> bool:
        """Whether something of its stream is parked; documents are looked at one by one."""
        if self._parking.holds_streams:
            stream = of_stream(step.recorded.stream)
            if self._parking.holds(stream, step.recorded.position):
                self._parking.wait(stream, step.recorded)
                return True
        if step.fold.where:
            self._parking.wait_for_any(step.recorded)
        return False

    def _matching(self, field: str, value: Scalar) -> list[str]:
        found = []
        for key in self._documents if self._only is None else (self._only,):
            document = self._current(key)
            if document is None:
                continue
            actual = getattr(document, field)
            if actual == value or (isinstance(actual, tuple | list) and value in actual):
                found.append(key)
        return found

    def _current(self, key: str) -> Any:
        document = self._documents[key]
        if document.value is None and document.raw is not None:
            document.value = self._folding.model.decode(document.raw)
            document.raw = None
        return document.value

    def _fold(self, step: _Step, key: str) -> None:
        recorded = step.recorded
        if self._parking.leaves_out(of_document(key), recorded.position):
            return
        if self._parking.active:
            sequence = of_document(key)
            if self._parking.holds(sequence, recorded.position):
                self._parking.wait(sequence, recorded)
                return
        document = self._documents[key]
        try:
            suspect = self._parking.suspects.get(recorded.position)
            if suspect is not None:
                raise suspect
            before = self._current(key)
            document.begin(recorded.position)
            document.value = self._folded(step, key, before)
            document.last = recorded
        except Exception as exc:
            document.undo(recorded.position)
            self._parking.park(of_document(key), recorded, exc)

    def _folded(self, step: _Step, key: str, before: Any) -> Any:
        fold = step.fold
        if before is None and not fold.accepts_missing:
            raise MissingDocument(self._folding.model.type.__name__, key)
        after = fold.function(before, step.subject, *self._others(step))
        if after is not None:
            self._folding.model.check_key(after, key)
        return after

    def _others(self, step: _Step) -> tuple[Any, ...]:
        """What the fold takes beyond document and event."""
        fold = step.fold
        if fold.beside is None:
            return (step.recorded,) if fold.wants else ()
        key = fold.beside(step.subject, step.recorded)
        if self._parking.active and self._parking.holds(of_document(key), step.recorded.position):
            raise BesideParked(self._folding.model.type.__name__, key)
        beside = self._current(key)
        return tuple(step.recorded if want == "meta" else beside for want in fold.wants)

    def _rows(self) -> tuple[list[Row], list[str], list[Change]]:
        rows: list[Row] = []
        gone: list[str] = []
        changes: list[Change] = []
        for key, document in self._documents.items():
            if document.last is None:
                continue
            if document.value is None:
                gone.append(key)
                changes.append(Change(key, document.stored, None))
            else:
                row = self._row(key, document)
                rows.append(row)
                changes.append(Change(key, document.stored, row.document))
        return rows, gone, changes

    def _row(self, key: str, document: _Document) -> Row:
        assert document.last is not None
        try:
            return self._folding.model.row(document.value, key, document.last.position, ENCODER)
        except Exception as exc:
            raise _Unwritable(key) from exc


def documents_of(folding: Folding, recorded: Recorded, event: Event) -> set[str]:
    """The keys of the documents that an event names; not those it looks for by a field."""
    batch = FoldBatch(folding, "", NoParking(folding.name))
    batch._plan(recorded, event)
    return batch._keys


async def fold_events(
    folding: Folding,
    table: str,
    transaction: ReadTransaction,
    events: Sequence[Decoded],
    parking: Parking,
    only: str | None = None,
) -> list[Change]:
    """Fold ``events`` and write the rows; what can't be applied is parked.

    Where a document can't become a row the events are taken one by one, to find which one it was.
    """
    mark = parking.mark()
    try:
        batch = FoldBatch(folding, table, parking, only)
        rows, gone, changes = await batch.fold(transaction, events)
        if rows or gone:
            await transaction.write(table, rows, gone)
        return changes
    except (_Unwritable, InvalidInput) as exc:
        parking.back(mark)
        if len(events) > 1:
            pieces = [
                await fold_events(folding, table, transaction, [event], parking, only)
                for event in events
            ]
            return _joined(change for piece in pieces for change in piece)
        recorded = events[0][0]
        if isinstance(exc, _Unwritable):
            parking.park(of_document(exc.key), recorded, exc.__cause__ or exc)
        else:
            parking.suspects = {**parking.suspects, recorded.position: exc}
        return await fold_events(folding, table, transaction, events, parking, only)


async def fold_strictly(
    folding: Folding, table: str, transaction: ReadTransaction, events: Sequence[Decoded]
) -> int:
    """Fold ``events`` where nothing can wait; answers how many documents have changed.

    Raises ProjectionFailed.
    """
    parking = NoParking(folding.name)
    return len(await fold_events(folding, table, transaction, events, parking))


def _joined(changes: Iterable[Change]) -> list[Change]:
    """One for each document, from its first state to its last."""
    found: dict[str, Change] = {}
    for change in changes:
        first = found.get(change.key, change)
        found[change.key] = Change(change.key, first.before, change.after)
    return list(found.values())


async def write_by_hand(
    writing: Writing, transaction: ReadTransaction, events: Sequence[Decoded], parking: Parking
) -> None:
    """Hand ``events`` to a handwritten projection. Raises ProjectionFailed.

    What it has written can't be taken back alone, so the failure is parked by the next attempt,
    which comes with it among the suspects.
    """
    if parking.active:
        await parking.look({of_stream(recorded.stream) for recorded, _ in events})
    for recorded, event in events:
        handler = writing.handlers.get(recorded.type)
        stream = of_stream(recorded.stream)
        suspect = parking.suspects.get(recorded.position)
        if handler is None or parking.leaves_out(stream, recorded.position):
            continue
        if parking.active and parking.holds(stream, recorded.position):
            parking.wait(stream, recorded)
        elif suspect is not None or event is None:
            assert suspect is not None
            parking.park_stream(recorded, suspect)
        else:
            try:
                await handler(transaction.connection, event, recorded)
            except Exception as exc:
                raise ProjectionFailed(
                    writing.name, recorded.type, recorded.stream, recorded.position
                ) from exc


def types_of(projection: Folding | Writing) -> frozenset[str]:
    """The event types a projection reacts to."""
    table: Mapping[str, Any] = (
        projection.folds if isinstance(projection, Folding) else projection.handlers
    )
    return frozenset(table)
