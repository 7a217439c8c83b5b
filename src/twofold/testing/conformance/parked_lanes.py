"""Conformance of a log's parked lanes.

class TestMyParkedLanes(ParkedLanesConformance):
    @pytest.fixture
    def connect(self): return lambda: MyLog(address_of_a_fresh_database)
"""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from twofold.ports.agenda import Later
from twofold.ports.inbox import Accepted
from twofold.ports.log import Append, Log
from twofold.ports.parked_lanes import LaneCount, LaneState, ParkedLane
from twofold.testing.conformance.inbox import accepted, ids
from twofold.testing.conformance.log import Connect, append, opened, record, written

_PATIENCE_SECONDS = 20.0


def of_lane(lane: str, name: str) -> Accepted:
    """A command of a test, in a lane."""
    return msgspec.structs.replace(accepted(name), lane=lane)


def parked(
    lane: str, name: str, *, state: LaneState = "parked", cause: str = "c", at: int = 10
) -> ParkedLane:
    """A lane that stands still since ``at`` because of one of its commands."""
    return ParkedLane(
        lane=lane,
        state=state,
        command_id=name,
        operation="order.Place",
        error="ZeroDivisionError: zoë's fault",
        cause=cause,
        traceback="Traceback …\n  日本",
        attempts=5,
        code="f",
        since_us=at,
        last_us=at,
    )


async def park(log: Log, lane: str, name: str, at: int = 10) -> None:
    """Park ``lane`` with a command that is not in the inbox, or is."""
    assert await log.parked_lanes.park(parked(lane, name, at=at), 0, of_lane(lane, name))


class ParkedLanesConformance:
    """The rules of ``twofold.ports.parked_lanes``."""

    @pytest.fixture
    def connect(self) -> Connect:
        """Makes logs that share one fresh database."""
        raise NotImplementedError("an adapter's test gives its logs here")

    async def test_commands_of_a_parked_lane_wait_and_others_flow(self, connect: Connect) -> None:
        first, second = connect(), connect()
        async with opened(first, second):
            lanes = [("l", "a"), ("m", "b"), ("l", "c")]
            await first.inbox.accept([(0, of_lane(lane, name)) for lane, name in lanes])
            await park(first, "l", "a")
            await second.inbox.accept([(0, of_lane("l", "d")), (0, of_lane("m", "e"))])
            assert await ids(second.inbox, 0) == ["b", "e"]
            assert await second.parked_lanes.find("l") == parked("l", "a")
            assert await second.parked_lanes.find("m") is None
            (found,) = (await second.parked_lanes.commands(["l"], 10)).values()
            assert [one.command_id for one in found] == ["a", "c", "d"]

    async def test_a_command_that_was_not_in_the_inbox_is_kept(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            await park(log, "l", "a")
            await log.inbox.accept([(0, of_lane("l", "b"))])
            await park(log, "l", "a", at=20)
            assert await ids(log.inbox, 0) == []
            assert await log.inbox.find(["a"]) == {"a": of_lane("l", "a")}
            found = await log.parked_lanes.commands(["l", "none"], 10)
            assert {k: [one.command_id for one in v] for k, v in found.items()} == {"l": ["a", "b"]}
            first = await log.parked_lanes.commands(["l"], 1)
            assert [one.command_id for one in first["l"]] == ["a"]
            assert await log.parked_lanes.waiting("l") == 2
            assert await log.parked_lanes.waiting("none") == 0
            assert (await log.parked_lanes.find("l")) == parked("l", "a", at=20)

    async def test_what_has_an_outcome_parks_nothing(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            await written(log, Append("s:1", 0, (), record("a")))
            lanes = log.parked_lanes
            assert not await lanes.park(parked("l", "a"), 0, of_lane("l", "a"))
            assert await lanes.find("l") is None
            assert await log.inbox.find(["a"]) == {}

    async def test_a_lane_flows_once_its_command_has_left_the_inbox(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            for lane, name in [("l", "a"), ("m", "b"), ("n", "c")]:
                await park(log, lane, name)
                await log.inbox.accept([(0, of_lane(lane, name * 2))])
            await log.inbox.settle(["a", "unknown"])
            assert await ids(log.inbox, 0) == ["aa"]
            await written(log, Append("s:2", 0, (), record("b"), later=Later(settled=("b",))))
            assert await ids(log.inbox, 0) == ["aa", "bb"]
            conflict = append("s:2", 7, key="c")
            await written(log, msgspec.structs.replace(conflict, later=Later(settled=("c",))))
            assert await ids(log.inbox, 0) == ["aa", "bb"]
            await log.inbox.settle(["cc"])
            assert [one.lane for one in await log.parked_lanes.page(0, 10)] == ["n"]

    async def test_lanes_with_anything_in_the_inbox_are_held(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            await park(log, "l", "a")
            await log.inbox.accept([(3, of_lane("m", "b"))])
            assert await log.parked_lanes.held(["l", "m", "n", "ß"]) == {"l", "m"}
            assert await log.parked_lanes.held([]) == set()
            await log.inbox.settle(["a", "b"])
            assert await log.parked_lanes.held(["l", "m"]) == set()

    async def test_the_longest_parked_come_first_in_pages(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            for lane, at in [("b", 30), ("a", 20), ("d", 10), ("c", 20)]:
                await park(log, lane, lane, at)
            retrying = parked("d", "d", state="retrying", cause="other", at=10)
            assert await log.parked_lanes.change(retrying, 10)
            lanes = log.parked_lanes
            assert [one.lane for one in await lanes.page(0, 10)] == ["d", "a", "c", "b"]
            assert [one.lane for one in await lanes.page(1, 2)] == ["a", "c"]
            assert [one.lane for one in await lanes.page(1, 5, "parked")] == ["c", "b"]
            assert await lanes.page(0, 5, "retrying") == [retrying]
            expected = [LaneCount("parked", "c", 3), LaneCount("retrying", "other", 1)]
            assert await lanes.counts() == expected

    async def test_of_two_who_change_a_lane_one_is_told(self, connect: Connect) -> None:
        first, second = connect(), connect()
        async with opened(first, second):
            await park(first, "l", "a")
            changed = parked("l", "a", state="retrying", at=11)
            told = await asyncio.gather(
                first.parked_lanes.change(changed, 10), second.parked_lanes.change(changed, 10)
            )
            assert sorted(told) == [False, True]
            assert not await first.parked_lanes.change(parked("none", "a"), 10)
            assert await second.parked_lanes.find("l") == changed

    async def test_one_who_waits_is_told_of_a_released_lane(self, connect: Connect) -> None:
        first, second = connect(), connect()
        async with opened(first, second):
            for at, log in enumerate((first, second), 10):
                await park(first, "l", "a", at)
                waiting = asyncio.ensure_future(log.inbox.waiting([0], [], 10, _PATIENCE_SECONDS))
                # Whether it has looked already or not, it is told.
                await asyncio.sleep(0)
                released = parked("l", "a", state="retrying", at=20)
                assert await first.parked_lanes.change(released, at)
                assert [one.command_id for one in await waiting] == ["a"]

    async def test_what_is_parked_is_counted_and_is_not_what_workers_are_late_with(
        self, connect: Connect
    ) -> None:
        log = connect()
        async with opened(log):
            await log.inbox.accept([(0, accepted("b", 40))])
            await park(log, "l", "a")
            depth = await log.inbox.depth()
            assert (depth.waiting, depth.oldest_us, depth.parked) == (2, 40, 1)
            await log.inbox.settle(["b"])
            depth = await log.inbox.depth()
            assert (depth.waiting, depth.oldest_us, depth.parked) == (1, 0, 1)
            await log.parked_lanes.change(parked("l", "a", state="retrying", at=20), 10)
            assert (await log.inbox.depth()).oldest_us == 1_000
