"""What a rebuild costs those who are served meanwhile: the time until a command is visible.

As a program: rebuild again and again in a process of its own, like an operator's, until its input
ends.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import msgspec

from benchmarks.freshness import paced, route_of_document
from benchmarks.worker import beside
from benchmarks.workload import on_fast_loop, percentile, send_all, system
from twofold.runtime.rebuilding.desk import VersionsDesk
from twofold.runtime.rebuilding.throttling import Throttle

EVENTS, COMMANDS_PER_SECOND, SECONDS, ROUNDS = 100_000, 500, 10, 3
THROTTLE = Throttle(lag_seconds=0.05, share=0.1)


class Live(msgspec.Struct, frozen=True):
    """Milliseconds from commit to visible, medians over the rounds."""

    p50_without: float
    p99_without: float
    p50_beside: float
    p99_beside: float
    events_per_second: float


def live(
    address: str, events: int = EVENTS, seconds: float = SECONDS, rounds: int = ROUNDS
) -> Live:
    """Commands at a steady rate, without and beside a rebuild in turn."""

    async def measured() -> Live:
        async with system(address, "async", frozenset({"api", "projector"})) as running:
            await send_all(running, events, 200)
            route = route_of_document(running)
            commands = int(seconds * COMMANDS_PER_SECOND)
            times: dict[bool, list[list[float]]] = {False: [], True: []}
            await paced(running, route, COMMANDS_PER_SECOND, COMMANDS_PER_SECOND)
            applied = 0
            for _ in range(rounds):
                times[False].append(await paced(running, route, COMMANDS_PER_SECOND, commands))
                async with rebuilding(address) as found:
                    times[True].append(await paced(running, route, COMMANDS_PER_SECOND, commands))
                applied += found[0]
            return Live(
                *(_median(times[beside], share) for beside in times for share in (0.5, 0.99)),
                applied / (rounds * seconds),
            )

    found: Live = on_fast_loop(measured)
    return found


def _median(rounds: list[list[float]], share: float) -> float:
    return statistics.median(percentile(sorted(times), share) for times in rounds)


@asynccontextmanager
async def rebuilding(address: str) -> AsyncIterator[list[int]]:
    """A process that rebuilds; afterwards, how many events it has applied."""
    found: list[int] = []
    with ExitStack() as stack:
        # Those who are served go on while it starts and ends: it waits for their transactions.
        starting = beside("benchmarks.rebuilding_live", address)
        process = await asyncio.to_thread(stack.enter_context, starting)
        yield found
        await asyncio.to_thread(stack.close)
    found.append(json.loads(process.said.splitlines()[-1]))


async def rebuild_again_and_again(address: str) -> int:
    """Until nobody listens any more; answers how many events were applied."""
    applied, last = 0, 0
    async with system(address, "async", frozenset()) as looking:
        desk = VersionsDesk(looking)
        (applier,) = looking.appliers

        def report(note: object) -> None:
            nonlocal applied, last
            position = getattr(note, "applied", 0)
            applied += max(0, position - last)
            last = position

        async def work() -> None:
            while True:
                await desk.rebuild(
                    applier.name, actor="bench", verify=False, throttle=THROTTLE, report=report
                )

        working = asyncio.create_task(work())
        print("up", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    return applied


if __name__ == "__main__":
    print(json.dumps(on_fast_loop(lambda: rebuild_again_and_again(sys.argv[1]))), flush=True)
