"""A rebuild rests as long as it is told to, and waits while others are late: in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from twofold.errors import InvalidInput
from twofold.runtime.lag import ProjectionLag
from twofold.runtime.rebuilding.throttling import Throttle, Throttling
from twofold.testing.virtual_time import VirtualClock, virtual_runner


class Live:
    """Read models in use: how far behind they are, and whether they move."""

    def __init__(self) -> None:
        self.lag_seconds = 0.0
        self.applied = 0
        self.moves = True
        self.told: list[str] = []

    async def lags(self) -> Mapping[str, ProjectionLag]:
        self.applied += self.moves
        return {"orders": ProjectionLag(self.applied, 7, self.lag_seconds, None)}

    async def tell(self, why: str) -> None:
        self.told.append(why)


def throttled(live: Live, throttle: Throttle) -> Throttling:
    return Throttling(throttle, live.lags, live.tell, VirtualClock())


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 1.0])
def test_no_more_than_its_share_of_the_time_is_worked(share: float) -> None:
    async def work() -> float:
        throttling = throttled(Live(), Throttle(share=share))
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for _ in range(20):
            await asyncio.sleep(0.03)
            await throttling.worked(0.03, throttling.events)
        return 20 * 0.03 / (loop.time() - begun)

    with virtual_runner() as runner:
        assert runner.run(work()) == pytest.approx(share, rel=0.01)


def test_it_waits_until_who_is_in_use_has_caught_up() -> None:
    async def work() -> tuple[float, list[str]]:
        live = Live()
        live.lag_seconds = 3.0
        throttling = throttled(live, Throttle(lag_seconds=0.5))
        loop = asyncio.get_running_loop()
        loop.call_later(60.0, setattr, live, "lag_seconds", 0.5)
        begun = loop.time()
        await throttling.worked(0.01, 1)
        return loop.time() - begun, live.told

    with virtual_runner() as runner:
        waited, told = runner.run(work())
    assert waited == pytest.approx(60, abs=0.5)
    assert told[0] == "orders is 3.0 s behind"
    assert told[-1] == ""


def test_who_does_not_move_at_all_is_not_waited_for() -> None:
    async def work() -> float:
        live = Live()
        live.lag_seconds, live.moves = 3_600.0, False
        throttling = throttled(live, Throttle())
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await throttling.worked(0.01, 1)
        stood = loop.time() - begun
        live.moves = True
        loop.call_later(30.0, setattr, live, "lag_seconds", 0.0)
        await asyncio.sleep(1)
        await throttling.worked(0.01, 1)
        assert loop.time() - begun >= 30
        return stood

    with virtual_runner() as runner:
        assert 10 <= runner.run(work()) < 11


def test_all_who_do_not_move_stand_for_the_same_time() -> None:
    async def lags() -> Mapping[str, ProjectionLag]:
        return {f"p{number}": ProjectionLag(7, 7, 3_600.0, None) for number in range(10)}

    async def work() -> float:
        throttling = Throttling(Throttle(), lags, Live().tell, VirtualClock())
        begun = asyncio.get_running_loop().time()
        await throttling.worked(0.01, 1)
        return asyncio.get_running_loop().time() - begun

    with virtual_runner() as runner:
        assert 10 <= runner.run(work()) < 11


def test_batches_become_as_long_as_a_transaction_may_take() -> None:
    async def work(share: float, seconds_per_event: float) -> int:
        throttling = throttled(Live(), Throttle(share=share))
        for _ in range(50):
            await throttling.worked(throttling.events * seconds_per_event, throttling.events)
        return throttling.events

    with virtual_runner() as runner:
        assert runner.run(work(1.0, 0.00005)) == pytest.approx(2_000, rel=0.1)
        assert runner.run(work(0.5, 0.00005)) == pytest.approx(200, rel=0.1)
        assert runner.run(work(0.5, 0.1)) == 20


def test_every_wrong_limit_is_named() -> None:
    with pytest.raises(InvalidInput) as told:
        Throttle(lag_seconds=0, share=1.5)
    assert [one.field for one in told.value.problems] == ["throttleLag", "throttleShare"]
