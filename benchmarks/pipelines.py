"""From PostgreSQL through a broker into a read store, in separate processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, contextmanager
from pathlib import Path

from benchmarks.database import fresh_database, fresh_mongodb
from benchmarks.figures import Figures
from benchmarks.freshness import visible_after
from benchmarks.raw import mongodb_upserts, postgres_upserts
from benchmarks.transports import Carried, carried
from benchmarks.worker import working
from benchmarks.workload import on_fast_loop, percentile, send_all, system
from twofold import System
from twofold.assembly.brokers import transport_of
from twofold.ops.services import provided
from twofold.runtime.partitions.relay import GROUP, Published

PER_SECOND = 500
EVENTS = 100_000
_POLL_SECONDS = 0.05
API = frozenset({"api"})
BEHIND = frozenset({"relay", "projector"})


def freshness(broker: str, read: str) -> Figures:
    """Commit to visible, in ms: the api in one process, relay and projector in another.

    The raw limit is the transport alone, from publishing to fetching.
    """
    with _servers(broker, read) as (log, given):
        # First, as a broker that has just been started is a slow one: Kafka's takes 30 ms for what
        # takes it 5 ms once its code is compiled.
        alone = _carried(given)
        with working(log, BEHIND, given):
            times = visible_after(log, API, given, PER_SECOND)
    details = {"commands_per_second": PER_SECOND, "p99_ms": percentile(times, 0.99)}
    return Figures(percentile(times, 0.5), alone.p50_ms, None, details | {"p99_goal_ms": 60})


def relayed(broker: str) -> Figures:
    """Events per second that a relay publishes which has everything before it.

    The raw limit is the transport alone.
    """
    with _servers(broker, "same") as (log, given):
        on_fast_loop(lambda: _events(log, given))
        with working(log, frozenset({"relay"}), given) as worker:
            rate = on_fast_loop(lambda: _rate(log, given, _published))
            memory = _peak_mb(worker)
        alone = _carried(given)
    return Figures(rate, alone.published, None, {"events": EVENTS, "peak_mb": memory})


def caught_up(broker: str, read: str) -> Figures:
    """Events per second that a projector applies to an empty read store from a full channel.

    The raw limit is the store's plain bulk writes, one row for each event.
    """
    with _servers(broker, read) as (log, given):
        on_fast_loop(lambda: _events(log, given))
        with working(log, frozenset({"relay"}), given):
            on_fast_loop(lambda: _rate(log, given, _published))
        with working(log, frozenset({"projector"}), given) as worker:
            rate = on_fast_loop(lambda: _rate(log, given, _applied))
            memory = _peak_mb(worker)
        store = mongodb_upserts if read == "mongodb" else postgres_upserts
        raw = store(given["TWOFOLD_READ"]).figure
    return Figures(rate, raw, None, {"events": EVENTS, "peak_mb": memory})


@contextmanager
def _servers(broker: str, read: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """A fresh log, and the settings for a fresh read store and the broker."""
    with ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())

        def fresh(context: AbstractAsyncContextManager[str]) -> str:
            entered = AsyncExitStack()
            stack.callback(lambda: runner.run(entered.aclose()))
            return runner.run(entered.enter_async_context(context))

        postgres = stack.enter_context(provided("postgres"))
        given = {"TWOFOLD_BROKER": stack.enter_context(provided(broker))}
        if read == "mongodb":
            mongodb = stack.enter_context(provided("mongodb"))
            given["TWOFOLD_READ"] = fresh(fresh_mongodb(mongodb))
        elif read == "postgres":
            given["TWOFOLD_READ"] = fresh(fresh_database(postgres))
        yield fresh(fresh_database(postgres)), given


def _carried(given: Mapping[str, str]) -> Carried:
    found: Carried = on_fast_loop(lambda: carried(transport_of(given["TWOFOLD_BROKER"])))
    return found


async def _events(log: str, given: Mapping[str, str]) -> None:
    async with system(log, "async", API, given) as running:
        await send_all(running, EVENTS, 200)


async def _rate(
    log: str, given: Mapping[str, str], reached: Callable[[System], Awaitable[int]]
) -> float:
    """Events per second from the first look that finds any to the last: starting is not counted."""
    async with system(log, "async", frozenset(), given) as running:
        head, first = await running.log.head(), 0
        while not first:
            first, begun = await reached(running), time.perf_counter()
            await asyncio.sleep(_POLL_SECONDS)
        # Other processes do the work; nothing tells this one of their marks.
        while await reached(running) < head:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_SECONDS)
        return (head - first) / (time.perf_counter() - begun)


async def _published(running: System) -> int:
    return Published.of((await running.log.leases.marks(GROUP)).get(0, "")).position


async def _applied(running: System) -> int:
    (applier,) = running.appliers
    checkpoint = (await running.read_store.checkpoints()).get(applier.table)
    return checkpoint.position if checkpoint else 0


def _peak_mb(process: int) -> int:
    """The most memory that the process ever had."""
    status = Path(f"/proc/{process}/status").read_text().splitlines()
    (peak,) = [line for line in status if line.startswith("VmHWM:")]
    return round(int(peak.split()[1]) / 1024)
