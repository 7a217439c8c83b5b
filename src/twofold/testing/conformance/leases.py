"""Conformance of a log's leases.

class TestMyLeases(LeasesConformance):
    @pytest.fixture
    def connect(self): return lambda: MyLog(address_of_a_fresh_database)
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping

import pytest

from twofold.errors import LeaseLost
from twofold.ports.leases import Lease, Leases
from twofold.testing.conformance.log import Connect, opened

WORK = "projector catalogue"
_LONG_SECONDS = 300.0
_SHORT_SECONDS = 0.05
_PATIENCE_SECONDS = 20.0


async def settled(
    leases: Leases, members: int, parts: int, seconds: float = _LONG_SECONDS
) -> dict[str, Mapping[int, Lease]]:
    """What "m0", "m1", … hold when each has said twice that it is there."""
    held: dict[str, Mapping[int, Lease]] = {}
    for _ in range(2):
        for name in (f"m{n}" for n in range(members)):
            held[name] = await leases.share(WORK, name, parts, seconds)
    return held


async def until_held(leases: Leases, member: str, parts: int) -> Mapping[int, Lease]:
    """What ``member`` holds once it holds all parts."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            held = await leases.share(WORK, member, parts, _LONG_SECONDS)
            if len(held) == parts:
                return held
            await asyncio.sleep(0.01)


class LeasesConformance:
    """The rules of ``twofold.ports.leases``."""

    @pytest.fixture
    def connect(self) -> Connect:
        """Makes logs that share one fresh database."""
        raise NotImplementedError("an adapter's test gives its logs here")

    async def test_a_member_alone_holds_everything(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            held = await log.leases.share(WORK, "m0", 3, _LONG_SECONDS)
            assert held == {part: Lease(part, 1) for part in range(3)}
            assert await log.leases.share(WORK, "m0", 3, _LONG_SECONDS) == held
            assert await log.leases.members(WORK) == {"m0": 3}
            assert await log.leases.members("another work") == {}

    async def test_one_who_joins_gets_a_fair_share_and_the_others_keep_the_rest(
        self, connect: Connect
    ) -> None:
        first, second = connect(), connect()
        async with opened(first, second):
            before = await first.leases.share(WORK, "m0", 5, _LONG_SECONDS)
            assert await second.leases.share(WORK, "m1", 5, _LONG_SECONDS) == {}
            kept = await first.leases.share(WORK, "m0", 5, _LONG_SECONDS)
            assert kept == {part: before[part] for part in (0, 1, 2)}
            taken = await second.leases.share(WORK, "m1", 5, _LONG_SECONDS)
            assert taken == {part: Lease(part, 2) for part in (3, 4)}
            assert await first.leases.share(WORK, "m0", 5, _LONG_SECONDS) == kept

    async def test_what_one_who_leaves_held_goes_to_the_others_at_once(
        self, connect: Connect
    ) -> None:
        log = connect()
        async with opened(log):
            held = await settled(log.leases, 2, 4)
            assert [len(leases) for leases in held.values()] == [2, 2]
            await log.leases.leave(WORK, "m0")
            await log.leases.leave(WORK, "nobody")
            assert await log.leases.members(WORK) == {"m1": 2}
            assert len(await log.leases.share(WORK, "m1", 4, _LONG_SECONDS)) == 4

    @pytest.mark.parametrize(("members", "parts"), [(3, 4), (3, 8), (5, 5), (4, 2), (1, 16)])
    async def test_shares_differ_by_one_at_most(
        self, connect: Connect, members: int, parts: int
    ) -> None:
        log = connect()
        async with opened(log):
            held = await settled(log.leases, members, parts)
            counts = sorted(len(leases) for leases in held.values())
            assert sum(counts) == parts
            assert counts[-1] - counts[0] <= 1

    async def test_a_silent_member_loses_its_parts_after_the_lease(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            await log.leases.share(WORK, "silent", 2, _SHORT_SECONDS)
            await log.leases.mark(WORK, {1: (1, "here")})
            held = await until_held(log.leases, "m1", 2)
            assert held == {0: Lease(0, 2), 1: Lease(1, 2, "here")}
            assert await log.leases.members(WORK) == {"m1": 2}

    async def test_a_member_that_speaks_in_time_loses_nothing(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            held = await log.leases.share(WORK, "m0", 1, _LONG_SECONDS)
            for _ in range(10):
                assert await log.leases.share(WORK, "m1", 1, _LONG_SECONDS) == {}
            assert await log.leases.share(WORK, "m0", 1, _LONG_SECONDS) == held

    async def test_one_who_wakes_before_anybody_came_goes_on(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            held = await log.leases.share(WORK, "m0", 2, 0.0)
            assert await log.leases.members(WORK) == {}
            again = await log.leases.share(WORK, "m0", 2, _LONG_SECONDS)
            assert again.keys() == held.keys()
            assert await log.leases.members(WORK) == {"m0": 2}

    async def test_marks_stay_when_parts_change_hands(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            assert await log.leases.marks(WORK) == {}
            await log.leases.share(WORK, "m0", 2, _LONG_SECONDS)
            await log.leases.mark(WORK, {0: (1, "7-0"), 1: (1, "ü")})
            assert (await log.leases.share(WORK, "m0", 2, _LONG_SECONDS))[1] == Lease(1, 1, "ü")
            await log.leases.leave(WORK, "m0")
            held = await log.leases.share(WORK, "m1", 2, _LONG_SECONDS)
            assert held == {0: Lease(0, 2, "7-0"), 1: Lease(1, 2, "ü")}
            assert await log.leases.marks(WORK) == {0: "7-0", 1: "ü"}
            assert await log.leases.marks("another work") == {}

    async def test_a_former_holder_marks_nothing(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            await log.leases.share(WORK, "m0", 2, _LONG_SECONDS)
            await log.leases.share(WORK, "m1", 2, _LONG_SECONDS)
            assert (await log.leases.share(WORK, "m0", 2, _LONG_SECONDS)).keys() == {0}
            # Given back and not taken yet: what was under way may still be noted.
            await log.leases.mark(WORK, {0: (1, "a"), 1: (1, "b")})
            await log.leases.share(WORK, "m1", 2, _LONG_SECONDS)
            with pytest.raises(LeaseLost) as lost:
                await log.leases.mark(WORK, {0: (1, "c"), 1: (1, "d")})
            assert (lost.value.group, lost.value.part) == (WORK, 1)
            with pytest.raises(LeaseLost):
                await log.leases.mark(WORK, {9: (1, "never held")})
            assert await log.leases.marks(WORK) == {0: "a", 1: "b"}

    async def test_the_number_of_parts_may_change(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            assert len(await log.leases.share(WORK, "m0", 2, _LONG_SECONDS)) == 2
            assert (await log.leases.share(WORK, "m0", 4, _LONG_SECONDS)).keys() == {0, 1, 2, 3}
            assert (await log.leases.share(WORK, "m0", 1, _LONG_SECONDS)).keys() == {0}
            assert (await log.leases.marks(WORK)).keys() == {0, 1, 2, 3}

    async def test_signs_of_life_ask_for_no_parts(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            await log.leases.share(WORK, "m0", 2, _LONG_SECONDS)
            await log.leases.sign([WORK, "another work"], "m1", _LONG_SECONDS)
            assert await log.leases.members(WORK) == {"m0": 2, "m1": 0}
            signs = await log.leases.signs([WORK, "another work", "no work"])
            assert {name: [one.member for one in found] for name, found in signs.items()} == {
                WORK: ["m1", "m0"],
                "another work": ["m1"],
                "no work": [],
            }
            assert all(one.alive and one.age_seconds < 30 for one in signs[WORK])
            await log.leases.leave(WORK, "m1")
            assert [one.member for one in (await log.leases.signs([WORK]))[WORK]] == ["m0"]

    async def test_of_the_silent_the_last_sign_is_known_until_others_come(
        self, connect: Connect
    ) -> None:
        log = connect()
        async with opened(log):
            await log.leases.sign([WORK], "silent", 0.0)
            (first,) = (await log.leases.signs([WORK]))[WORK]
            assert (first.member, first.alive) == ("silent", False)
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while True:
                    (later,) = (await log.leases.signs([WORK]))[WORK]
                    if later.age_seconds > first.age_seconds:
                        break
            assert await log.leases.members(WORK) == {}
            await log.leases.sign([WORK], "silent", _LONG_SECONDS)
            (sign,) = (await log.leases.signs([WORK]))[WORK]
            assert sign.alive
            await log.leases.sign([WORK], "silent", 0.0)
            await log.leases.sign([WORK], "m1", _LONG_SECONDS)
            assert [one.member for one in (await log.leases.signs([WORK]))[WORK]] == ["m1"]

    async def test_works_know_nothing_of_each_other(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            for work in ("relay", "commands"):
                assert len(await log.leases.share(work, f"one of {work}", 2, _LONG_SECONDS)) == 2
            await log.leases.mark("relay", {0: (1, "far")})
            assert await log.leases.marks("commands") == {0: "", 1: ""}

    async def test_a_part_never_has_two_holders_however_many_come_and_go(
        self, connect: Connect
    ) -> None:
        logs, parts, chance = [connect() for _ in range(3)], 7, random.Random(5)
        believed: dict[str, set[int]] = {}
        tokens: dict[tuple[int, int], str] = {}

        async def member(number: int) -> None:
            leases, name = logs[number % 3].leases, f"m{number}"
            for _ in range(chance.randint(3, 8)):
                # What a member gives back is free before it is told so.
                believed[name] = set()
                held = await leases.share(WORK, name, parts, _LONG_SECONDS)
                for lease in held.values():
                    assert tokens.setdefault((lease.part, lease.token), name) == name
                believed[name] = set(held)
                assert sum(len(theirs) for theirs in believed.values()) == len(
                    set().union(*believed.values())
                )
            believed[name] = set()
            await leases.leave(WORK, name)

        async with opened(*logs):
            await asyncio.gather(*(member(number) for number in range(12)))
            assert await logs[0].leases.members(WORK) == {}
            assert len(await logs[0].leases.share(WORK, "last", parts, _LONG_SECONDS)) == parts

    async def test_many_members_at_once_come_to_fair_shares(self, connect: Connect) -> None:
        logs, parts = [connect() for _ in range(4)], 16
        async with opened(*logs):
            for _ in range(3):
                held = await asyncio.gather(
                    *(
                        logs[number % 4].leases.share(WORK, f"m{number}", parts, _LONG_SECONDS)
                        for number in range(8)
                    )
                )
            assert sorted(len(leases) for leases in held) == [2] * 8
            assert set().union(*held) == set(range(parts))
