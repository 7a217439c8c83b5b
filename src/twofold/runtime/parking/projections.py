"""Parked sequences of projections: what operators see of them, and what they do about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from twofold.errors import InvalidInput, NotFound, Outdated, ParkedChanged, Problem
from twofold.messages.recorded import Recorded, moment
from twofold.ports.read_store import DROPPED, Checkpoint, Condition, Select, Table
from twofold.runtime.applying import Applier
from twofold.runtime.folding import Change
from twofold.runtime.nearest import nearest
from twofold.runtime.parking.discards import discards_of, left_out
from twofold.runtime.parking.releasing import Discarding, NotParked, Released, Releasing
from twofold.runtime.parking.sequences import (
    Parked,
    event_of,
    parked_of,
    parked_table,
    tables_beside,
    waiting_table,
)
from twofold.runtime.parking.views import (
    DocumentView,
    ParkedView,
    Part,
    ReleaseView,
    SequenceView,
    WaitingView,
    field_views,
)
from twofold.runtime.system import System
from twofold.runtime.versions import table_name, version_of, versions_of
from twofold.wiring.foldings import Folding, Writing

_FEW = 5_000


class ParkedProjections:
    """Of all projections, in all versions that the store has."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._known: dict[str, Folding | Writing] = {
            **system.wired.foldings,
            **system.wired.writings,
        }

    def names(self) -> Sequence[str]:
        """Projections, handwritten ones too."""
        return sorted(self._known)

    async def part(self, name: str, state: str, cause: str, offset: int, size: int) -> Part:
        """All of one read model come before those of the next."""
        # All that wait come out of the index they are sorted by.
        where: tuple[Condition, ...] = (Condition("since", "at_least", (moment(0),)),)
        if state:
            where = (Condition("state", "any_of", (state,)),)
        if cause:
            where = (*where, Condition("cause", "any_of", (cause,)))
        waiting = await self._tables(name)
        few = sum(checkpoint.parked for _, checkpoint in waiting) <= _FEW
        narrowed = bool(state or cause)
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
                total=narrowed,
                facets=("cause",) if few else (),
            )
            found = await self._system.read_store.select(parked_table(applier.table), select)
            here = (found.total or 0) if narrowed else checkpoint.parked
            if begin < here and len(items) < size:
                seen = map(parked_of, found.documents)
                items += [_view(applier, checkpoint, parked) for parked in seen]
            total += here
            for one in found.facets.get("cause", ()):
                if one.value is not None:
                    causes[str(one.value)] = causes.get(str(one.value), 0) + one.count
        return Part(tuple(items), total, causes)

    async def show(self, name: str, sequence: str, limit: int) -> SequenceView:
        """One sequence. Raises NotFound."""
        applier, checkpoint, parked = await self._found(name, sequence)
        where = (Condition("sequence", "any_of", (sequence,)),)
        select = Select(where, sort=("position", False), limit=limit)
        found = await self._system.read_store.select(waiting_table(applier.table), select)
        events = tuple(self._event(event_of(raw)) for raw in found.documents)
        view = _view(applier, checkpoint, parked)
        return SequenceView(view, parked.traceback, events, found.total or 0)

    async def rehearse(
        self, name: str, sequence: str, discarding: Discarding | None
    ) -> ReleaseView:
        """In a transaction that is given up.

        Raises NotFound, and InvalidInput for handwritten projections on a store that can't take
        anything back.
        """
        applier, checkpoint, _ = await self._found(name, sequence)
        if isinstance(applier.projection, Writing) and not (
            self._system.read_store.lends_transactions
        ):
            why = f"{name} is handwritten, and what it writes to this store can't be undone"
            raise InvalidInput([Problem("projection", why)])
        released = await self._releasing(applier).release(
            sequence, discarding=discarding, rehearsing=True
        )
        return _released(applier, checkpoint, released)

    async def release(
        self, name: str, sequence: str, *, actor: str, seen: int | None
    ) -> ReleaseView:
        """Apply what waits. Raises Outdated too, where the read model was made by other code."""
        return await self._act(name, sequence, seen, None)

    async def discard(
        self, name: str, sequence: str, discarding: Discarding, *, seen: int | None
    ) -> ReleaseView:
        """The event that is left out has a mark of its own. Raises as ``release``."""
        return await self._act(name, sequence, seen, discarding)

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
                discards = await discards_of(self._system.read_store, applier.table)
                applier.left_out = left_out(discards)
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
        """The versions that somebody works on, those of this code first, and where they are."""
        checkpoints = await self._system.read_store.checkpoints()
        found = []
        for name in [projection] if projection else self.names():
            for number in _worked_on(self._known[name], checkpoints):
                applier = self._system.choosing.applier(self._known[name], number)
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


def document_view(change: Change) -> DocumentView:
    """A change field by field."""
    before = msgspec.json.decode(change.before) if change.before is not None else {}
    after = msgspec.json.decode(change.after) if change.after is not None else {}
    fields = field_views(before, after)
    what = "changed" if fields else "unchanged"
    if change.before is None:
        what = "unchanged" if change.after is None else "created"
    elif change.after is None:
        what = "removed"
    return DocumentView(change.key, what, fields)


def _worked_on(
    projection: Folding | Writing, checkpoints: Mapping[str, Checkpoint]
) -> Sequence[int]:
    """What this code reads, what is built, and what other code may be reading.

    What this code read before is nobody's business until it is switched back to.
    """
    found = versions_of(projection.name, checkpoints)
    mine = version_of(projection.name, projection.fingerprint, checkpoints).number
    others = [
        number
        for number, one in found.items()
        if number != mine
        and one.chosen_us != DROPPED
        and (one.beside or one.fingerprint != projection.fingerprint)
    ]
    return [*([mine] if mine in found else []), *sorted(others, reverse=True)]
