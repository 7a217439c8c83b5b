"""Commands over a real broker that can't be decided park their lane; the broker is done with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.brokers.faults import fresh_channel
from tests.integration.conftest import Start
from tests.integration.test_parked_commands import (
    API,
    PATIENCE_SECONDS,
    POISON,
    WORKER,
    decided,
    mend,
    numbers,
    parked,
    send,
)
from tests.ledgers import app
from tests.waiting import until
from twofold import System
from twofold.assembly.brokers import transport_of
from twofold.runtime.parking.desk import ParkedDesk

__all__ = ["mend"]
LEDGERS, PARTITIONS = 12, 4


@pytest.mark.parametrize("broker", ["redis"])
@pytest.mark.parametrize("stores", ["sqlite", "postgres"], indirect=True)
async def test_others_flow_and_nothing_overtakes_what_waits(
    start: Start, broker: str, mend: Callable[[], None], request: pytest.FixtureRequest
) -> None:
    address = request.getfixturevalue(f"{broker}_server")
    settings = {
        "commands": "async",
        "channel_prefix": f"{fresh_channel().name}.",
        "command_partitions": PARTITIONS,
        "lease_seconds": 1.0,
        "retry_seconds": 0.01,
        "command_attempts": 2,
        "wait_seconds": PATIENCE_SECONDS,
    }

    async def one(roles: frozenset[str]) -> System:
        transport = transport_of(address)
        system: System = await start("inline", app, roles, transport=transport, **settings)
        return system

    api, worker, _ = await one(API), await one(WORKER), await one(WORKER)
    ids = await send(api, "l", 1, 2, POISON, 3)
    others = [each for n in range(LEDGERS) for each in await send(api, f"m{n}", 1, 2, 3)]
    await decided(api, others)
    await parked(api, waiting=2)
    await worker.stop()
    ids += await send(api, "l", 4, 5)
    await decided(api, await send(api, "m0", 4))
    await parked(api, waiting=4)

    async def done_at_the_broker() -> bool:
        marks = await api.log.leases.marks(api.queued.work)
        assert api.transport is not None
        last = await api.transport.last(api.queued.channel.name)
        return all(marks.get(part, "") == newest.offset for part, newest in last.items())

    await until(done_at_the_broker, PATIENCE_SECONDS)
    mend()
    released = await ParkedDesk(api).release("commands", "lane:ledger:l", actor="olga")
    assert (released.applied, released.again) == (4, None)
    await decided(api, ids)
    assert await numbers(api) == [1, 2, POISON, 3, 4, 5]
