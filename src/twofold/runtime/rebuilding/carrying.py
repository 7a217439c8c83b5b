"""Discards go with a read model: what was left out of one version is left out of the next."""

from __future__ import annotations

from collections.abc import Sequence

from twofold.ports.read_store import ReadStore
from twofold.runtime.applying import Applier
from twofold.runtime.parking.discards import carry_over, discards_of, left_out
from twofold.runtime.parking.releasing import Discarding, NotParked, Releasing
from twofold.runtime.parking.sequences import Parked, parked_of, parked_table, tables_beside
from twofold.wiring.event_types import EventTypes


async def carry_new(
    store: ReadStore, types: EventTypes, source: str, applier: Applier
) -> Sequence[Parked]:
    """Leave out of ``applier`` what was discarded beside the table ``source`` meanwhile.

    Answers the discards that come too late: ``applier`` has applied those events already.
    """
    await store.open(tables_beside(source))
    known = left_out(await discards_of(store, applier.table))
    late: list[Parked] = []
    for one in await discards_of(store, source):
        if (one.sequence, one.position) in known:
            continue
        if not (await _ahead(store, applier, one) or await _parked(store, types, applier, one)):
            late.append(one)
    return late


async def _ahead(store: ReadStore, applier: Applier, discarded: Parked) -> bool:
    """Marked, if the event has not come yet."""
    async with store.transaction() as transaction:
        held = await transaction.hold(applier.table)
        reached = max([held.position, *(p.position for p in held.parts)]) if held else 0
        if held is None or reached >= discarded.position:
            return False
        applier.left_out |= await carry_over(transaction, applier.table, [discarded])
    return True


async def _parked(store: ReadStore, types: EventTypes, applier: Applier, discarded: Parked) -> bool:
    """Discarded there too, if the event waits there."""
    raw = await store.get(parked_table(applier.table), discarded.sequence)
    if raw is None or (parked := parked_of(raw)).position != discarded.position:
        return False
    discarding = Discarding(discarded.actor, discarded.reason)
    try:
        await Releasing(applier, store, types).release(
            discarded.sequence, seen=parked.last_us, discarding=discarding
        )
    except NotParked:
        return False
    return True
