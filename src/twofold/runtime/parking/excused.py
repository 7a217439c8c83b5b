"""Documents that may differ from the log: events of theirs wait, or were discarded on purpose."""

from __future__ import annotations

from collections.abc import AsyncIterator

from twofold.messages.recorded import Recorded
from twofold.ports.log import Log
from twofold.ports.read_store import Condition, ReadStore, Select
from twofold.runtime.applying import Applier
from twofold.runtime.folding import documents_of
from twofold.runtime.parking.sequences import (
    Parked,
    event_of,
    parked_of,
    parked_table,
    waiting_table,
)
from twofold.wiring.event_types import EventTypes
from twofold.wiring.foldings import Folding

_PAGE = 1_000


class Excused:
    """Finds them for one projection."""

    def __init__(
        self, applier: Applier, read_store: ReadStore, log: Log, types: EventTypes
    ) -> None:
        self._applier = applier
        self._store = read_store
        self._log = log
        self._types = types

    async def documents(self) -> tuple[set[str], set[str]]:
        """Keys of documents that wait, and of those that deviate on purpose."""
        waiting, left_out = set[str](), set[str]()
        async for parked in self._parked():
            found = left_out if parked.state == "discarded" else waiting
            if parked.document is not None:
                found.add(parked.document)
            else:
                async for event in self._events(parked):
                    found |= self._named(event)
        return waiting, left_out

    async def _parked(self) -> AsyncIterator[Parked]:
        table = parked_table(self._applier.table)
        after: str | None = None
        while rows := await self._store.rows(table, after, _PAGE):
            for row in rows:
                yield parked_of(row.document)
            after = rows[-1].key

    async def _events(self, parked: Parked) -> AsyncIterator[Recorded]:
        if parked.state == "discarded":
            for event in await self._log.read(parked.position - 1, 1):
                yield event
            return
        where = (Condition("sequence", "any_of", (parked.sequence,)),)
        offset = 0
        while True:
            select = Select(where, sort=("position", False), offset=offset, limit=_PAGE)
            found = await self._store.select(waiting_table(self._applier.table), select)
            for raw in found.documents:
                yield event_of(raw)
            offset += len(found.documents)
            if len(found.documents) < _PAGE:
                return

    def _named(self, event: Recorded) -> set[str]:
        assert isinstance(self._applier.projection, Folding)
        try:
            decoded = self._types.decode(event)
            return documents_of(self._applier.projection, event, decoded)
        except Exception:
            # What can't be read by this code either names nothing.
            return set()
