"""Events that were left out on purpose, and are left out again when a read model is built anew."""

from __future__ import annotations

from collections.abc import Sequence

from twofold.ports.read_store import Condition, ReadStore, ReadTransaction, Row, Select
from twofold.runtime.parking.parking import LeftOut
from twofold.runtime.parking.sequences import Parked, parked_of, parked_row, parked_table

_PAGE = 1_000
_DISCARDED = (Condition("state", "any_of", ("discarded",)),)


async def discards_of(store: ReadStore, table: str) -> Sequence[Parked]:
    """What was discarded of a read model. Raises StoreUnavailable."""
    found: list[Parked] = []
    after: tuple[None, str] | None = None
    while True:
        select = Select(_DISCARDED, after=after, limit=_PAGE, total=False)
        page = await store.select(parked_table(table), select)
        found += map(parked_of, page.documents)
        if page.last is None:
            return found
        after = (None, page.last[1])


def left_out(discards: Sequence[Parked]) -> LeftOut:
    """The events that are not to be applied, each with the sequence it is left out of."""
    return frozenset((one.sequence, one.position) for one in discards)


async def carry_over(
    transaction: ReadTransaction, table: str, discards: Sequence[Parked]
) -> LeftOut:
    """Mark them beside ``table`` too, before anything is applied to it; answers ``left_out``."""
    rows: list[Row] = [parked_row(one) for one in discards]
    if rows:
        await transaction.write(parked_table(table), rows, [])
    return left_out(discards)
