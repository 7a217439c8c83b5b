"""How fast a read model is compared with the log, beside how fast it is built from it."""

from __future__ import annotations

import time

import msgspec

from benchmarks.workload import on_fast_loop, send_all, system
from twofold.assembly.assemble import shadow_store
from twofold.runtime.catching_up import catch_up
from twofold.runtime.verification import Verification

EVENTS, BATCH = 100_000, 5_000


class Rates(msgspec.Struct, frozen=True):
    """Events per second of a rebuild, and of a verification that begins from nothing."""

    rebuild: float
    verification: float
    events: int = EVENTS


def verification_rate(address: str, *, events: int = EVENTS) -> Rates:
    """Both for the order read model beside the log at ``address``, one after the other."""

    async def ours() -> Rates:
        async with system(address, "async", frozenset({"api"})) as running:
            await send_all(running, events, 200)
            (applier,) = running.appliers
            begun = time.perf_counter()
            await catch_up(
                applier,
                running.log,
                running.read_store,
                running.wired.events,
                running.progress,
                BATCH,
            )
            built = time.perf_counter()
            async with shadow_store() as shadow:
                await shadow.open(applier.tables)
                verified = await Verification(
                    applier,
                    running.log,
                    running.read_store,
                    shadow,
                    running.wired.events,
                    running.clock,
                    BATCH,
                ).run()
            ended = time.perf_counter()
            assert verified.rows
            assert not verified.differences
            return Rates(events / (built - begun), events / (ended - built), events)

    rates: Rates = on_fast_loop(ours)
    return rates
