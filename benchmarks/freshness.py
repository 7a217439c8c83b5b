"""From the commit of a command to the moment in which a query shows it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from benchmarks.workload import Move, OrderId, on_fast_loop, system
from twofold import Asked, Sent, System
from twofold.wiring.routes import Route

COMMANDS_PER_SECOND, SECONDS = 1_000, 10
# Below the interval of a poll: whatever is slower waited for one.
_TICK_SECONDS = 0.005


def visible_after(
    address: str,
    roles: frozenset[str] = frozenset({"api", "projector"}),
    given: Mapping[str, str] | None = None,
    per_second: int = COMMANDS_PER_SECOND,
) -> list[float]:
    """Milliseconds, sorted: a query with the command's token, asked as soon as it was answered.

    Commands come at ``per_second``, whatever becomes of those before; with the roles as they are,
    the projection follows the log in the same process.
    """

    async def measured() -> list[float]:
        async with system(address, "async", roles, given) as running:
            route = route_of_document(running)
            await paced(running, route, per_second, per_second)
            return sorted(await paced(running, route, per_second, per_second * SECONDS))

    times: list[float] = on_fast_loop(measured)
    return times


def route_of_document(running: System) -> Route:
    """Where one order is asked for."""
    (route,) = [one for one in running.wired.routes if one.path == "/orders/{id}"]
    return route


async def paced(running: System, route: Route, per_second: int, commands: int) -> list[float]:
    """Send ``commands`` at a steady rate; milliseconds from commit to visible."""
    begun, tasks = time.perf_counter(), []
    while len(tasks) < commands:
        due = int((time.perf_counter() - begun) * per_second) + 1
        while len(tasks) < min(due, commands):
            tasks.append(asyncio.create_task(_shown(running, route, len(tasks))))
        await asyncio.sleep(_TICK_SECONDS)
    return list(await asyncio.gather(*tasks))


async def _shown(running: System, route: Route, number: int) -> float:
    key = OrderId(f"o-{number % 1_000:05}")
    done = await running.send(Move(order_id=key, amount=1), Sent())
    begun = time.perf_counter()
    asked = Asked(token=running.tokens.token(done.position), wait_seconds=10)
    answered = await running.queries.one(route, key, asked)
    assert answered.position >= done.position
    return (time.perf_counter() - begun) * 1e3
