"""Commands over a real broker that can't be decided park their lane; the broker is done with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.brokers.parking import channel, connect
from tests.integration.conftest import Start
from tests.integration.test_parked_commands import (
    API,
    PATIENCE_SECONDS,
    POISON,
    WORKER,
    decided,
    doomed,
    later,
    mend,
    numbers,
    parked,
    send,
    test_a_lane_that_is_released_too_early_parks_again,
    test_a_lane_waits_in_order_from_what_fails_and_others_flow,
    test_a_worker_that_dies_before_it_has_noted_what_is_parked_loses_nothing,
)
from tests.waiting import until
from twofold.runtime.parking.desk import ParkedDesk

__all__ = [
    "channel",
    "connect",
    "doomed",
    "later",
    "mend",
    "test_a_lane_that_is_released_too_early_parks_again",
    "test_a_lane_waits_in_order_from_what_fails_and_others_flow",
    "test_a_worker_that_dies_before_it_has_noted_what_is_parked_loses_nothing",
]
pytestmark = pytest.mark.parametrize("stores", ["postgres"], indirect=True)
LEDGERS = 12


async def test_nothing_is_left_at_the_broker_and_all_is_decided_once(
    later: Start, mend: Callable[[], None]
) -> None:
    api, worker, _ = await later(API), await later(WORKER), await later(WORKER)
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
    assert await numbers(api, "m0") == [1, 2, 3, 4]
    for n in range(1, LEDGERS):
        assert await numbers(api, f"m{n}") == [1, 2, 3]
