"""How fast a read model is folded from the log."""

from __future__ import annotations

import time

from benchmarks.workload import on_fast_loop, send_all, system
from twofold.runtime.catching_up import catch_up

EVENTS, BATCH = 100_000, 5_000


def rebuild_rate(
    address: str, *, read: str = "", events: int = EVENTS, batch: int = BATCH
) -> float:
    """Events per second from the log at ``address`` into the order read model beside it.

    ``read``: the address of another read store.
    """

    async def ours() -> float:
        async with system(address, "async", frozenset({"api"}), read=read) as running:
            await send_all(running, events, 200)
            (applier,) = running.appliers
            begun = time.perf_counter()
            await catch_up(
                applier,
                running.log,
                running.read_store,
                running.wired.events,
                running.progress,
                batch,
            )
            return events / (time.perf_counter() - begun)

    rate: float = on_fast_loop(ours)
    return rate
