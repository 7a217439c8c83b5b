"""Proof that a read model equals the log: a shadow is folded from zero and compared."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
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
        position = await self._fold_shadow(report)
        suspects, rows = [], 0
        async for key, mine, theirs in self._pairs():
            rows += 1
            if _differs(mine, theirs):
                suspects.append(key)
        differences: list[Difference] = []
        for _ in range(_ROUNDS):
            if not suspects:
                break
            suspects, differences, position = await self._look_again(suspects, position)
        parked = Excused(self._applier, self._live, self._log, self._types)
        waiting, left_out = await parked.documents()
        told = [one for one in differences if one.key not in waiting | left_out]
        return Verified(
            self._applier.name,
            rows,
            position,
            tuple(told),
            len(suspects),
            parked=len(waiting),
            deviating=sum(one.key in left_out - waiting for one in differences),
        )

    async def _look_again(
        self, suspects: list[str], before: int
    ) -> tuple[list[str], list[Difference], int]:
        position = await self._fold_shadow(None)
        moving, differences = [], []
        for key in suspects:
            mine = await self._shadow.row(self._applier.table, key)
            theirs = await self._live.row(self._applier.table, key)
            if not _differs(mine, theirs):
                continue
            if theirs is not None and theirs.position > position:
                moving.append(key)
            else:
                differences.append(_difference(self._applier.name, key, mine, theirs))
        if position != before:
            # The model moved on between reading its position and its rows: look once more.
            return [*moving, *(d.key for d in differences)], differences, position
        return moving, differences, position

    async def _fold_shadow(self, report: Callable[[int, int], None] | None) -> int:
        checkpoint = (await self._live.checkpoints()).get(self._applier.table)
        until = checkpoint.position if checkpoint else 0
        await catch_up(
            self._applier,
            self._log,
            self._shadow,
            self._types,
            self._progress,
            self._batch_size,
            report,
            until=until,
        )
        return until

    async def _pairs(self) -> AsyncIterator[tuple[str, Row | None, Row | None]]:
        mine, theirs = (
            _rows(self._shadow, self._applier.table),
            _rows(self._live, self._applier.table),
        )
        left, right = await anext(mine, None), await anext(theirs, None)
        while left is not None or right is not None:
            if right is None or (left is not None and left.key < right.key):
                assert left is not None
                yield left.key, left, None
                left = await anext(mine, None)
            elif left is None or right.key < left.key:
                yield right.key, None, right
                right = await anext(theirs, None)
            else:
                yield left.key, left, right
                left, right = await anext(mine, None), await anext(theirs, None)


async def _rows(store: ReadStore, table: str) -> AsyncIterator[Row]:
    after: str | None = None
    while page := await store.rows(table, after, _PAGE_ROWS):
        for row in page:
            yield row
        after = page[-1].key


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
