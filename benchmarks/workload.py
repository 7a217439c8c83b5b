"""The application that Twofold's own benchmarks run: orders that are placed and moved on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NewType

from twofold import (
    Application,
    Command,
    Event,
    EventSourced,
    Facet,
    Key,
    Module,
    Projection,
    ReadModel,
    Recorded,
    RuntimeSettings,
    Sent,
    Sort,
    System,
    Value,
    anyone,
    get,
    internal,
)
from twofold.assembly.assemble import assemble
from twofold.assembly.settings import read_settings
from twofold.ports.tracing import Tracing

OrderId = NewType("OrderId", str)
STREAMS = 1_000
# With its other fields an event is 589 bytes, the size of the raw measurements.
NOTE = "x" * 520


class Move(Command):
    """One step of an order."""

    order_id: OrderId
    amount: int
    note: str = NOTE


class Moved(Event):
    """It took the step."""

    amount: int
    note: str


class Order(Value):
    """What deciding needs."""

    steps: int = 0
    amount: int = 0


class OrderRow(ReadModel):
    """What a list shows."""

    order_id: Key[OrderId]
    steps: Sort[int]
    amount: int
    parity: Facet[str]


order = EventSourced(Order, OrderId)
rows = Projection(OrderRow)


@order.decides
def move(state: Order | None, command: Move) -> Moved:
    """Always possible."""
    return Moved(amount=command.amount, note=command.note)


@order.evolves
def moved(state: Order | None, event: Moved) -> Order:
    """Count and add."""
    known = state or Order()
    return Order(steps=known.steps + 1, amount=known.amount + event.amount)


@rows.on
def shown(row: OrderRow | None, event: Moved, meta: Recorded) -> OrderRow:
    """Count and add, for reading."""
    steps = (row.steps if row else 0) + 1
    amount = (row.amount if row else 0) + event.amount
    return OrderRow(
        order_id=OrderId(meta.stream_id),
        steps=steps,
        amount=amount,
        parity="odd" if steps % 2 else "even",
    )


app = Application(
    "benchmark",
    Module(
        "orders",
        order,
        rows,
        internal(Move, may=anyone),
        get("/orders", rows.page, may=anyone),
        get("/orders/{id}", rows.one, may=anyone),
    ),
)


def system(
    address: str,
    projections: str,
    roles: frozenset[str],
    given: Mapping[str, str] | None = None,
    *,
    read: str = "",
    tracing: Tracing | None = None,
    **settings: Any,
) -> System:
    """The application on the database at ``address``, its read models in it or at ``read``.

    ``given`` are further settings by their names.
    """
    given = {
        "TWOFOLD_LOG": address,
        "TWOFOLD_READ": read,
        "TWOFOLD_PROJECTIONS": projections,
        **(given or {}),
    }
    runtime = RuntimeSettings(**settings)
    return assemble(
        app, read_settings("benchmark", given), roles=roles, runtime=runtime, tracing=tracing
    )


async def send_all(running: System, commands: int, clients: int) -> tuple[float, list[float]]:
    """Commands per second of ``clients`` that send one after another; milliseconds of each."""
    times: list[float] = []

    async def client(number: int) -> None:
        for step in range(commands // clients):
            target = OrderId(f"o-{(number * 7_919 + step * 104_729) % STREAMS:05}")
            begun = time.perf_counter()
            await running.send(Move(order_id=target, amount=step), Sent())
            times.append((time.perf_counter() - begun) * 1e3)

    begun = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(clients)))
    return commands / (time.perf_counter() - begun), sorted(times)


def on_fast_loop(work: Callable[[], Awaitable[Any]]) -> Any:
    """Run ``work`` on uvloop with the interpreter set as ``twofold run`` sets it."""
    import uvloop

    from twofold.ops.tuning import tune_interpreter

    tune_interpreter()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:

        async def awaited() -> Any:
            return await work()

        return runner.run(awaited())


def percentile(ordered: list[float], share: float) -> float:
    """The value that ``share`` of the sorted values do not exceed."""
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2)
