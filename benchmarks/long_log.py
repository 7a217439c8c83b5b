"""Whether a log of millions of events is as fast as a short one, and memory stays flat."""

from __future__ import annotations

import os
import resource
import time
from typing import NamedTuple

from benchmarks.figures import Figures
from benchmarks.workload import NOTE, STREAMS, on_fast_loop, system
from twofold import System
from twofold.messages.recorded import NewEvent, stream_name
from twofold.ports.log import Append
from twofold.runtime.catching_up import catch_up

EVENTS = int(os.environ.get("BENCHMARK_EVENTS", "5_000_000"))
SHORT, AT_ONCE, REBUILD_BATCH = 100_000, 1_000, 5_000
_DATA = b'{"amount":1,"note":"%s"}' % NOTE.encode()


class _Rates(NamedTuple):
    """Events per second, and the peak of memory so far."""

    append: float
    rebuild: float
    memory_mb: float


def kept_speed(address: str) -> Figures:
    """The slower of both rates on the long log, as a share of the same rate on a short one."""

    async def measured() -> tuple[_Rates, _Rates]:
        short = await _rates(address, 0, SHORT)
        async with _opened(address) as running:
            await _append(running, SHORT, EVENTS - SHORT)
        return short, await _rates(address, EVENTS - SHORT, EVENTS)

    short, long = on_fast_loop(measured)
    details = {
        "events": EVENTS,
        "append_short": round(short.append),
        "append_long": round(long.append),
        "rebuild_short": round(short.rebuild),
        "rebuild_long": round(long.rebuild),
        "memory_short_mb": round(short.memory_mb),
        "memory_long_mb": round(long.memory_mb),
    }
    return Figures(
        min(long.append / short.append, long.rebuild / short.rebuild), 1.0, None, details
    )


def _opened(address: str) -> System:
    return system(address, "async", frozenset({"api"}))


async def _rates(address: str, after: int, until: int) -> _Rates:
    """While the log grows from ``after`` to ``until``, and of a rebuild from its beginning."""
    async with _opened(address) as running:
        (applier,) = running.appliers
        begun = time.perf_counter()
        await _append(running, after, until)
        append = (until - after) / (time.perf_counter() - begun)
        await running.read_store.clear(applier.table, applier.table)
    async with _opened(address) as running:
        begun = time.perf_counter()
        await catch_up(
            running.appliers[0],
            running.log,
            running.read_store,
            running.wired.events,
            running.progress,
            REBUILD_BATCH,
        )
        rebuild = until / (time.perf_counter() - begun)
    return _Rates(append, rebuild, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


async def _append(running: System, after: int, until: int) -> None:
    """Whole batches as the command bus makes them, without deciding."""
    for first in range(after, until, AT_ONCE):
        batch = [_one(running, first + number) for number in range(AT_ONCE)]
        async with running.log.transaction() as transaction:
            await transaction.append(batch)


def _one(running: System, number: int) -> Append:
    turn, which = divmod(number, STREAMS)
    stream = stream_name("order", f"o-{which:05}")
    identity = running.chance.new_id(running.clock.now())
    event = NewEvent(
        identity, stream, turn + 1, "order.Moved", 1, 1, identity, identity, "", "", _DATA
    )
    return Append(stream, turn, (event,))
