"""What parked sequences cost: the others while they wait, and operators who look at many."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from benchmarks.workload import on_fast_loop, send_all, system
from twofold import Recorded, System
from twofold.ports.read_store import Checkpoint, Row
from twofold.runtime.catching_up import catch_up
from twofold.runtime.parking.desk import ParkedDesk
from twofold.runtime.parking.sequences import (
    Parked,
    of_document,
    parked_row,
    parked_table,
    waiting_row,
    waiting_table,
)

EVENTS, BATCH, ROUNDS = 50_000, 500, 5
SEQUENCES, LOOKS, _AT_ONCE = 100_000, 40, 5_000


class Costs(msgspec.Struct, frozen=True):
    """Events per second without and with a parked sequence: medians."""

    without: float
    beside: float


class Times(msgspec.Struct, frozen=True):
    """Milliseconds, the 95th of a hundred."""

    listing: float
    showing: float
    releasing: float

    @property
    def worst(self) -> float:
        """The longest of them."""
        return max(self.listing, self.showing, self.releasing)


def throughput(address: str) -> Costs:
    """A read model is filled again and again, in the batches of a projector."""

    async def ours() -> Costs:
        async with system(address, "async", frozenset({"api"})) as running:
            await send_all(running, EVENTS, 200)
            rates: dict[bool, list[float]] = {False: [], True: []}
            for _ in range(ROUNDS):
                for broken in rates:
                    rates[broken].append(await _filled(running, broken=broken))
            return Costs(statistics.median(rates[False]), statistics.median(rates[True]))

    costs: Costs = on_fast_loop(ours)
    return costs


async def _filled(running: System, *, broken: bool) -> float:
    (applier,) = running.appliers
    await running.read_store.clear(applier.table, applier.table)
    await running.progress.reread(applier.table)
    folds = running.wired.foldings[applier.name].folds
    (name, kept), *_ = folds.items()
    (first,) = await running.log.read(0, 1)

    def fold(row: Any, event: Any, meta: Recorded) -> Any:
        if broken and meta.stream == first.stream:
            raise ValueError("as told")
        return kept[0].function(row, event, meta)

    folds[name] = (msgspec.structs.replace(kept[0], function=fold),)
    try:
        begun = time.perf_counter()
        await catch_up(
            applier,
            running.log,
            running.read_store,
            running.wired.events,
            running.progress,
            BATCH,
        )
        return EVENTS / (time.perf_counter() - begun)
    finally:
        folds[name] = kept


def desk(address: str) -> Times:
    """List, show and release with 100,000 sequences parked, each of one event."""

    async def ours() -> Times:
        limit = SEQUENCES * 2
        limits = {"parked_limit": limit, "parked_limit_per_cause": limit}
        async with system(address, "async", frozenset({"api"}), **limits) as running:
            await send_all(running, 1, 1)
            await _park(running)
            looking = ParkedDesk(running)
            (applier,) = running.appliers
            keys = (of_document(f"p-{n * 997 % SEQUENCES}") for n in range(3 * LOOKS))
            return Times(
                await _p95(lambda: looking.page(size=50)),
                await _p95(lambda: looking.show(applier.name, next(keys))),
                await _p95(lambda: looking.release(applier.name, next(keys), actor="bench")),
            )

    times: Times = on_fast_loop(ours)
    return times


async def _p95(work: Callable[[], Awaitable[Any]]) -> float:
    await work()
    taken = []
    for _ in range(LOOKS):
        begun = time.perf_counter()
        await work()
        taken.append(1000 * (time.perf_counter() - begun))
    return sorted(taken)[int(0.95 * LOOKS)]


async def _park(running: System) -> None:
    (applier,) = running.appliers
    (event,) = await running.log.read(0, 1)
    for begin in range(0, SEQUENCES, _AT_ONCE):
        parked, waiting = list[Row](), list[Row]()
        for number in range(begin, begin + _AT_ONCE):
            one = msgspec.structs.replace(event, stream=f"order:p-{number}")
            parked.append(parked_row(_parked(one, number)))
            waiting.append(waiting_row(of_document(one.stream_id), one))
        async with running.read_store.transaction() as transaction:
            if begin == 0:
                moved = Checkpoint(applier.table, event.position, event.time_us, running.log.epoch)
                known = running.progress.checkpoint(applier.table)
                moved = msgspec.structs.replace(moved, fingerprint=known.fingerprint)
                await transaction.advance(moved, known.position)
            else:
                await transaction.hold(applier.table)
            await transaction.write(parked_table(applier.table), parked, [])
            await transaction.write(waiting_table(applier.table), waiting, [])
            await transaction.mend(applier.table, len(parked))


def _parked(event: Recorded, number: int) -> Parked:
    return Parked(
        sequence=of_document(event.stream_id),
        state="parked",
        position=event.position,
        event=event.type,
        stream=event.stream,
        event_time_us=event.time_us,
        error=f"ValueError: {number}",
        cause=f"ValueError in fold, views.py:{number % 20}",
        traceback="Traceback (most recent call last):\n" + "  File …\n" * 20,
        attempts=5,
        code="",
        since_us=event.time_us + number,
        last_us=event.time_us + number,
        next_us=0,
    )
