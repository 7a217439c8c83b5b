"""What operators see of parked sequences, and what they do about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from twofold.errors import InvalidInput, NotFound, Outdated, ParkedChanged, Problem
from twofold.messages.recorded import Recorded, moment
from twofold.ports.read_store import Checkpoint, Condition, Select, Table
from twofold.runtime.applying import Applier
from twofold.runtime.audit import AuditTrail
from twofold.runtime.folding import Change
from twofold.runtime.nearest import nearest
from twofold.runtime.parking.releasing import Discarding, NotParked, Released, Releasing
from twofold.runtime.parking.sequences import (
    Parked,
    event_of,
    parked_of,
    parked_table,
    tables_beside,
    waiting_table,
)
from twofold.runtime.system import System
from twofold.runtime.versions import table_name, versions_of
from twofold.wiring.foldings import Folding, Writing

STATES = ("retrying", "parked", "discarded")
_LONGEST_REASON = 1_000
_FEW = 5_000


class View(msgspec.Struct, frozen=True, rename="camel"):
    """Something shown."""


class ParkedView(View, frozen=True):
    """A sequence that waits; ``seen`` tells this state of it from later ones.

    ``version`` is that of the read model, ``code`` whether the code at hand is what failed.
    """

    projection: str
    version: int
    sequence: str
    state: str
    position: int
    event: str
    stream: str
    error: str
    cause: str
    attempts: int
    since: datetime
    last_attempt: datetime
    next_attempt: datetime | None
    same_code: bool
    reason: str
    actor: str
    seen: int


class ParkedPage(View, frozen=True):
    """The oldest first. ``causes`` counts them by cause, where there are not too many to count."""

    items: tuple[ParkedView, ...]
    total: int
    causes: dict[str, int]
    next_cursor: str | None


class WaitingView(View, frozen=True):
    """An event that waits."""

    position: int
    event: str
    stream: str
    time: datetime
    data: Any


class SequenceView(View, frozen=True):
    """A sequence with its traceback and the first of its events; ``waiting`` counts them all."""

    parked: ParkedView
    traceback: str
    events: tuple[WaitingView, ...]
    waiting: int


class FieldView(View, frozen=True):
    """A field of a document before and after; null where there is none."""

    name: str
    before: Any
    after: Any


class DocumentView(View, frozen=True):
    """What happens to a document: "created", "changed", "removed" or "unchanged"."""

    key: str
    what: str
    fields: tuple[FieldView, ...]


class ReleaseView(View, frozen=True):
    """What a release, a discard or a rehearsal of one came to.

    ``applied`` events are in the read model now, or would be. ``again``: what waits still, and why.
    ``shown``: whether ``documents`` tells what changes; handwritten projections can't say.
    """

    sequence: str
    applied: int
    discarded: int
    documents: tuple[DocumentView, ...]
    again: ParkedView | None
    shown: bool


class ParkedDesk:
    """Lists, shows, rehearses, releases and discards, in all versions that the store has."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._audit = AuditTrail(system)

    async def page(
        self, projection: str = "", state: str = "", cursor: str = "", size: int = 20
    ) -> ParkedPage:
        """Sequences of one projection or of all. Raises NotFound, InvalidInput.

        All of one read model come before those of the next.
        """
        if state and state not in STATES:
            raise InvalidInput([Problem("state", f"one of {', '.join(STATES)}")])
        offset = _offset(cursor)
        # All that wait come out of the index they are sorted by.
        where = (Condition("since", "at_least", (moment(0),)),)
        if state:
            where = (Condition("state", "any_of", (state,)),)
        waiting = await self._tables(projection)
        few = sum(checkpoint.parked for _, checkpoint in waiting) <= _FEW
        items: list[ParkedView] = []
        total, causes = 0, dict[str, int]()
        for applier, checkpoint in waiting:
            begin = max(0, offset - total)
            select = Select(
                where,
                sort=("since", False),
                offset=begin,
                limit=max(1, size - len(items)),
                # How many wait is known without counting.
                total=bool(state),
                facets=("cause",) if few else (),
            )
            found = await self._system.read_store.select(parked_table(applier.table), select)
            here = (found.total or 0) if state else checkpoint.parked
            if begin < here and len(items) < size:
                seen = map(parked_of, found.documents)
                items += [_view(applier, checkpoint, parked) for parked in seen]
            total += here
            for one in found.facets.get("cause", ()):
                if one.value is not None:
                    causes[str(one.value)] = causes.get(str(one.value), 0) + one.count
        end = offset + len(items)
        return ParkedPage(tuple(items), total, causes, str(end) if end < total else None)

    async def show(self, projection: str, sequence: str, limit: int = 20) -> SequenceView:
        """One sequence. Raises NotFound."""
        applier, checkpoint, parked = await self._found(projection, sequence)
        where = (Condition("sequence", "any_of", (sequence,)),)
        select = Select(where, sort=("position", False), limit=limit)
        found = await self._system.read_store.select(waiting_table(applier.table), select)
        events = tuple(self._event(event_of(raw)) for raw in found.documents)
        view = _view(applier, checkpoint, parked)
        return SequenceView(view, parked.traceback, events, found.total or 0)

    async def rehearse(
        self, projection: str, sequence: str, discarding: Discarding | None = None
    ) -> ReleaseView:
        """What a release or discard would do, by the code as it is now; nothing is changed.

        Raises NotFound, and InvalidInput for handwritten projections on a store that can't take
        anything back, and for a discard without a reason.
        """
        if discarding is not None:
            _check_reason(discarding)
        applier, checkpoint, _ = await self._found(projection, sequence)
        if isinstance(applier.projection, Writing) and not (
            self._system.read_store.lends_transactions
        ):
            why = f"{projection} is handwritten, and what it writes to this store can't be undone"
            raise InvalidInput([Problem("projection", why)])
        released = await self._releasing(applier).release(
            sequence, discarding=discarding, rehearsing=True
        )
        return _released(applier, checkpoint, released)

    async def release(
        self, projection: str, sequence: str, *, actor: str, seen: int | None = None
    ) -> ReleaseView:
        """Apply what waits, in order, up to what fails again; ``actor`` is noted in the log.

        ``seen``: as shown to whoever decided it. Raises NotFound, ParkedChanged, and Outdated where
        the read model was made by other code.
        """
        subject = {"projection": projection, "sequence": sequence}
        async with self._audit.acting(actor, "release parked", subject) as acting:
            released = await self._act(projection, sequence, seen, None)
            acting.told = _told(released)
        return released

    async def discard(
        self, projection: str, sequence: str, discarding: Discarding, *, seen: int | None = None
    ) -> ReleaseView:
        """Leave out the event that fails (or all), apply the rest, and keep a mark of it.

        Raises as ``release``, and InvalidInput without a reason.
        """
        _check_reason(discarding)
        subject = {"projection": projection, "sequence": sequence}
        audit = self._audit.acting(discarding.actor, "discard parked", subject, discarding.reason)
        async with audit as acting:
            released = await self._act(projection, sequence, seen, discarding)
            acting.told = _told(released)
        return released

    async def _act(
        self, projection: str, sequence: str, seen: int | None, discarding: Discarding | None
    ) -> ReleaseView:
        applier, checkpoint, parked = await self._found(projection, sequence)
        if checkpoint.fingerprint not in ("", applier.projection.fingerprint):
            raise Outdated([projection], await self._system.log.head())
        try:
            released = await self._releasing(applier).release(
                sequence, seen=parked.last_us if seen is None else seen, discarding=discarding
            )
        except NotParked as exc:
            raise ParkedChanged(projection, sequence) from exc
        self._system.progress.advanced([released.checkpoint])
        return _released(applier, checkpoint, released)

    def _releasing(self, applier: Applier) -> Releasing:
        return Releasing(applier, self._system.read_store, self._system.wired.events)

    async def _found(self, projection: str, sequence: str) -> tuple[Applier, Checkpoint, Parked]:
        tables = await self._tables(projection)
        for applier, checkpoint in tables:
            raw = await self._system.read_store.get(parked_table(applier.table), sequence)
            if raw is not None:
                await self._open(applier, applier.tables)
                return applier, checkpoint, parked_of(raw)
        known = [
            parked_of(raw).sequence
            for applier, _ in tables
            for raw in (
                await self._system.read_store.select(
                    parked_table(applier.table), Select(limit=200, total=False)
                )
            ).documents
        ]
        raise NotFound(f"parked sequence of {projection}", sequence, nearest(sequence, known))

    async def _tables(self, projection: str) -> list[tuple[Applier, Checkpoint]]:
        """Every version of the projections, the newest first, with what it has come to."""
        known: dict[str, Folding | Writing] = {
            **self._system.wired.foldings,
            **self._system.wired.writings,
        }
        if projection and projection not in known:
            raise NotFound("projection", projection, nearest(projection, known))
        checkpoints = await self._system.read_store.checkpoints()
        found = []
        for name in [projection] if projection else sorted(known):
            for number in sorted(versions_of(name, checkpoints), reverse=True):
                applier = self._system.choosing.applier(known[name], number)
                await self._open(applier, tables_beside(applier.table))
                found.append((applier, checkpoints[table_name(name, number)]))
        return found

    async def _open(self, applier: Applier, tables: Sequence[Table]) -> None:
        """Those of other versions than the system's own. Raises ShapeChanged."""
        if applier.table not in self._system.tables.values():
            await self._system.read_store.open(tables)

    def _event(self, event: Recorded) -> WaitingView:
        try:
            data = msgspec.json.decode(event.data)
        except msgspec.MsgspecError:
            data = event.data.decode("utf-8", "replace")
        return WaitingView(event.position, event.type, event.stream, event.time, data)


def _view(applier: Applier, checkpoint: Checkpoint, parked: Parked) -> ParkedView:
    return ParkedView(
        applier.name,
        applier.version,
        parked.sequence,
        parked.state,
        parked.position,
        parked.event,
        parked.stream,
        parked.error,
        parked.cause,
        parked.attempts,
        moment(parked.since_us),
        moment(parked.last_us),
        moment(parked.next_us) if parked.next_us else None,
        parked.code == applier.projection.fingerprint,
        parked.reason,
        parked.actor,
        parked.last_us,
    )


def _released(applier: Applier, checkpoint: Checkpoint, released: Released) -> ReleaseView:
    return ReleaseView(
        released.parked.sequence,
        released.applied,
        released.discarded,
        tuple(document_view(change) for change in released.changes),
        _view(applier, checkpoint, released.again) if released.again else None,
        isinstance(applier.projection, Folding),
    )


def _check_reason(discarding: Discarding) -> None:
    if not discarding.reason.strip() or len(discarding.reason) > _LONGEST_REASON:
        why = f"say why, in up to {_LONGEST_REASON:,} characters"
        raise InvalidInput([Problem("reason", why)])


def _told(released: ReleaseView) -> str:
    told = f"{released.applied:,} applied, {released.discarded:,} left out"
    return f"{told}; waits again: {released.again.error}" if released.again else told


def document_view(change: Change) -> DocumentView:
    """A change field by field."""
    before = msgspec.json.decode(change.before) if change.before is not None else {}
    after = msgspec.json.decode(change.after) if change.after is not None else {}
    fields = tuple(
        FieldView(name, before.get(name), after.get(name))
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    )
    what = "changed" if fields else "unchanged"
    if change.before is None:
        what = "unchanged" if change.after is None else "created"
    elif change.after is None:
        what = "removed"
    return DocumentView(change.key, what, fields)


def _offset(cursor: str) -> int:
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 12):
        raise InvalidInput([Problem("cursor", "as the page before gave it")])
    return int(cursor or 0)
