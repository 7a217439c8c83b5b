"""Folding a batch of events into documents: prefetch, fold in memory, write once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from twofold.domain.projection import Fold
from twofold.errors import ProjectionFailed, TwofoldError
from twofold.messages.recorded import Recorded
from twofold.messages.value import Event
from twofold.ports.read_store import ReadTransaction, Row, Scalar
from twofold.wiring.foldings import Folding, Writing

Decoded = tuple[Recorded, Event]
_ENCODER = msgspec.json.Encoder(decimal_format="string")


class MissingDocument(TwofoldError):
    """A fold that needs a document found none."""

    def __init__(self, model: str, key: str) -> None:
        self.model = model
        self.key = key
        super().__init__(
            f"there is no {model} {key!r} yet; if that can happen, the fold should take "
            f"{model} | None"
        )


class _Step(msgspec.Struct, frozen=True, gc=False):
    fold: Fold
    subject: Any
    recorded: Recorded
    key: str
    value: Scalar


class _Document:
    """A document while a batch is folded: decoded when first needed, encoded when written."""

    __slots__ = ("last", "raw", "value")

    def __init__(self, raw: bytes | None) -> None:
        self.raw = raw
        self.value: Any = None
        self.last: Recorded | None = None


class FoldBatch:
    """One batch for one projection and one table."""

    def __init__(self, folding: Folding, table: str) -> None:
        self._folding = folding
        self._table = table
        self._steps: list[_Step] = []
        self._keys: set[str] = set()
        self._lookups: dict[str, set[Scalar]] = {}
        self._documents: dict[str, _Document] = {}

    async def apply(self, transaction: ReadTransaction, events: Iterable[Decoded]) -> int:
        """Fold ``events`` and write the rows; answers how many. Raises ProjectionFailed."""
        for recorded, event in events:
            for fold in self._folding.folds.get(recorded.type, ()):
                self._guarded(recorded, self._plan, fold, recorded, event)
        if not self._steps:
            return 0
        await self._fetch(transaction)
        for step in self._steps:
            self._guarded(step.recorded, self._take, step)
        rows, gone = self._rows()
        await transaction.write(self._table, rows, gone)
        return len(rows) + len(gone)

    def _guarded(self, recorded: Recorded, act: Callable[..., None], *arguments: Any) -> None:
        try:
            act(*arguments)
        except Exception as exc:
            raise ProjectionFailed(
                self._folding.name, recorded.type, recorded.stream, recorded.position
            ) from exc

    def _plan(self, fold: Fold, recorded: Recorded, event: Event) -> None:
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
        if fold.beside is not None:
            self._keys.add(fold.beside(event, recorded))

    def _add(self, step: _Step) -> None:
        self._steps.append(step)
        self._keys.add(step.key)

    async def _fetch(self, transaction: ReadTransaction) -> None:
        found = await transaction.documents(self._table, list(self._keys)) if self._keys else {}
        for key in self._keys:
            self._documents[key] = _Document(found.get(key))
        for column, values in self._lookups.items():
            matching = await transaction.matching(self._table, column, list(values))
            for key, raw in matching.items():
                self._documents.setdefault(key, _Document(raw))

    def _take(self, step: _Step) -> None:
        if step.fold.where:
            for key in self._matching(step.fold.where, step.value):
                self._fold(step, key)
        else:
            self._fold(step, step.key)

    def _matching(self, field: str, value: Scalar) -> list[str]:
        found = []
        for key in self._documents:
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
        fold, before = step.fold, self._current(key)
        if before is None and not fold.accepts_missing:
            raise MissingDocument(self._folding.model.type.__name__, key)
        after = fold.function(before, step.subject, *self._others(step))
        if after is not None:
            self._folding.model.check_key(after, key)
        document = self._documents[key]
        document.value = after
        document.last = step.recorded

    def _others(self, step: _Step) -> tuple[Any, ...]:
        """What the fold takes beyond document and event."""
        fold = step.fold
        if fold.beside is None:
            return (step.recorded,) if fold.wants else ()
        beside = self._current(fold.beside(step.subject, step.recorded))
        return tuple(step.recorded if want == "meta" else beside for want in fold.wants)

    def _rows(self) -> tuple[list[Row], list[str]]:
        rows: list[Row] = []
        gone: list[str] = []
        for key, document in self._documents.items():
            if document.last is None:
                continue
            if document.value is None:
                gone.append(key)
            else:
                self._guarded(document.last, self._add_row, rows, key, document)
        return rows, gone

    def _add_row(self, rows: list[Row], key: str, document: _Document) -> None:
        assert document.last is not None
        position = document.last.position
        rows.append(self._folding.model.row(document.value, key, position, _ENCODER))


async def write_by_hand(
    writing: Writing, transaction: ReadTransaction, events: Sequence[Decoded]
) -> int:
    """Hand ``events`` to a handwritten projection. Raises ProjectionFailed."""
    handled = 0
    for recorded, event in events:
        handler = writing.handlers.get(recorded.type)
        if handler is None:
            continue
        try:
            await handler(transaction.connection, event, recorded)
        except Exception as exc:
            raise ProjectionFailed(
                writing.name, recorded.type, recorded.stream, recorded.position
            ) from exc
        handled += 1
    return handled


def types_of(projection: Folding | Writing) -> frozenset[str]:
    """The event types a projection reacts to."""
    table: Mapping[str, Any] = (
        projection.folds if isinstance(projection, Folding) else projection.handlers
    )
    return frozenset(table)
