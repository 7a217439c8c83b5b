"""Proof that a read model equals the log: a shadow is folded from zero and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from twofold.ports.log import Log
from twofold.ports.read_store import ReadStore, Row
from twofold.ports.time_and_chance import Clock
from twofold.runtime.applying import Applier
from twofold.runtime.catching_up import catch_up
from twofold.runtime.parking.excused import Excused
from twofold.runtime.progress import Progress
from twofold.wiring.event_types import EventTypes

_PAGE_ROWS = 2_000
_ROUNDS = 10


class Difference(msgspec.Struct, frozen=True):
    """A document that is not what the log says. ``fields``: name → (in the log, in the model).

    ``kind``: "missing" from the read model, "foreign" to the log, or "changed".
    """

    projection: str
    key: str
    kind: str
    position: int
    fields: dict[str, tuple[Any, Any]]


class Verified(msgspec.Struct, frozen=True):
    """What a verification saw: rows compared, the position they were compared at, differences.

    ``moving`` counts documents that changed in every round and so were never compared, ``parked``
    those of which events wait, and ``deviating`` those of which events were discarded on purpose.
    """

    projection: str
    rows: int
    position: int
    differences: tuple[Difference, ...]
    moving: int
    parked: int = 0
    deviating: int = 0


class Compared(msgspec.Struct, frozen=True):
    """A stretch of keys that was compared: up to ``end`` (None: to the last one), which rows are
    not equal, and how many were looked at.
    """

    end: str | None
    rows: int
    suspects: tuple[str, ...]


class Settled(msgspec.Struct, frozen=True):
    """What suspects turned out to be: different, or moving all the time, or ``excused`` because
    they are parked or deviate on purpose; the rest is equal.
    """

    differences: tuple[Difference, ...]
    moving: int
    excused: int = 0
    parked: int = 0
    deviating: int = 0


class _Suspect(msgspec.Struct, frozen=True):
    """A row as it was seen, and the position up to which what it holds must be applied by now."""

    row: Row | None
    reach: int


class Verification:
    """Verifies one projection of a running or resting system, without disturbing it."""

    def __init__(
        self,
        applier: Applier,
        log: Log,
        live: ReadStore,
        shadow: ReadStore,
        types: EventTypes,
        clock: Clock,
        batch_size: int,
    ) -> None:
        self._applier = applier
        self._log = log
        self._live = live
        self._shadow = shadow
        self._types = types
        self._progress = Progress([applier.table], shadow, log, clock)
        self._batch_size = batch_size

    async def run(self, report: Callable[[int, int], None] | None = None) -> Verified:
        """Compare everything. Rows that changed meanwhile are looked at again."""
        await self.follow(report=report)
        suspects: list[str] = []
        rows, after = 0, None
        while True:
            compared = await self.compare(after, _PAGE_ROWS)
            rows += compared.rows
            suspects += compared.suspects
            if compared.end is None:
                break
            after = compared.end
        settled = await self.settle(suspects)
        return Verified(
            self._applier.name,
            rows,
            self.position,
            settled.differences,
            settled.moving,
            parked=settled.parked,
            deviating=settled.deviating,
        )

    @property
    def position(self) -> int:
        """How far the shadow has come."""
        return self._progress.checkpoint(self._applier.table).position

    async def target(self) -> int:
        """How far the read model has come: the shadow goes no further."""
        checkpoint = (await self._live.checkpoints()).get(self._applier.table)
        return checkpoint.position if checkpoint else 0

    async def follow(
        self, until: int | None = None, report: Callable[[int, int], None] | None = None
    ) -> None:
        """Fold the shadow up to ``until`` or as far as the read model has come."""
        await catch_up(
            self._applier,
            self._log,
            self._shadow,
            self._types,
            self._progress,
            self._batch_size,
            report,
            until=await self.target() if until is None else until,
        )

    async def compare(self, after: str | None, limit: int) -> Compared:
        """The rows above ``after`` (None: from the first), about ``limit`` of each side."""
        table = self._applier.table
        mine = await self._shadow.rows(table, after, limit)
        theirs = await self._live.rows(table, after, limit)
        # Beyond the end of a full page nothing is known of that side.
        ends = [page[-1].key for page in (mine, theirs) if len(page) == limit]
        end = min(ends) if ends else None
        ours = {row.key: row for row in mine if end is None or row.key <= end}
        found = {row.key: row for row in theirs if end is None or row.key <= end}
        keys = sorted(ours.keys() | found.keys())
        suspects = tuple(key for key in keys if _differs(ours.get(key), found.get(key)))
        return Compared(end, len(keys), suspects)

    async def settle(self, suspects: Sequence[str]) -> Settled:
        """Tell rows that differ from those that moved while they were compared.

        Different is what stays as it was seen although the shadow has come to where the read model
        was then, in all partitions.
        """
        pending = await self._seen(suspects)
        differences: list[Difference] = []
        for _ in range(_ROUNDS if pending else 0):
            await self.follow()
            again = await self._seen(pending)
            for key, before in list(pending.items()):
                mine = await self._shadow.row(self._applier.table, key)
                now = again[key]
                if not _differs(mine, now.row):
                    del pending[key]
                elif now.row != before.row:
                    pending[key] = now
                elif self.position >= before.reach:
                    del pending[key]
                    differences.append(_difference(self._applier.name, key, mine, now.row))
            if not pending:
                break
        return await self._without_excused(differences, len(pending))

    async def _seen(self, keys: Iterable[str]) -> dict[str, _Suspect]:
        rows = {key: await self._live.row(self._applier.table, key) for key in keys}
        known = (await self._live.checkpoints()).get(self._applier.table)
        # Partitions may be ahead of the position up to which all of them have come.
        furthest = max((part.position for part in known.parts), default=0) if known else 0
        reach = max(furthest, known.position if known else 0)
        return {
            key: _Suspect(row, max(reach, row.position if row else 0)) for key, row in rows.items()
        }

    async def _without_excused(self, found: list[Difference], moving: int) -> Settled:
        excused = Excused(self._applier, self._live, self._log, self._types)
        waiting, left_out = await excused.documents()
        told = tuple(one for one in found if one.key not in waiting | left_out)
        return Settled(
            told,
            moving,
            len(found) - len(told),
            parked=len(waiting),
            # The shadow of whoever knows of the discards leaves those events out as well.
            deviating=len(left_out - waiting),
        )


def _differs(mine: Row | None, theirs: Row | None) -> bool:
    if mine is None or theirs is None:
        return mine is not theirs
    return mine.document != theirs.document or mine.values != theirs.values


def _difference(projection: str, key: str, mine: Row | None, theirs: Row | None) -> Difference:
    if theirs is None:
        return Difference(projection, key, "missing", mine.position if mine else 0, {})
    if mine is None:
        return Difference(projection, key, "foreign", theirs.position, {})
    try:
        expected = msgspec.json.decode(mine.document)
        actual = msgspec.json.decode(theirs.document)
    except msgspec.MsgspecError as exc:
        return Difference(projection, key, "changed", mine.position, {"": ("JSON", str(exc))})
    names = {**expected, **actual} if isinstance(actual, dict) else expected
    fields = {
        name: (expected.get(name), actual.get(name))
        for name in names
        if expected.get(name) != actual.get(name)
    }
    if not fields:
        fields = {"(columns)": (list(mine.values), list(theirs.values))}
    return Difference(projection, key, "changed", mine.position, fields)
