"""Conformance of a log's tallies.

class TestMyTallies(TalliesConformance):
    @pytest.fixture
    def connect(self): return lambda: MyLog(address_of_a_fresh_database)
"""

from __future__ import annotations

import asyncio

import pytest

from twofold.ports.tallies import Tally
from twofold.testing.conformance.log import Connect, opened

_EVERYTHING = {300: 0, 3600: 0}
_RACERS, _ROUNDS = 4, 10


def tally(
    since_us: int = 0, answers: int = 1, late: int = 0, *, name: str = "q", span: int = 300
) -> Tally:
    """Of "q" and five minutes unless told otherwise."""
    return Tally(span, since_us, name, answers, late)


class TalliesConformance:
    """The rules of ``twofold.ports.tallies``."""

    @pytest.fixture
    def connect(self) -> Connect:
        """Makes logs that share one fresh database."""
        raise NotImplementedError("an adapter's test gives its logs here")

    async def test_what_all_writers_counted_is_added_up_and_stays(self, connect: Connect) -> None:
        first, second = connect(), connect()
        async with opened(first, second):
            await first.tallies.add("a", 1, [tally(0, 5, 1), tally(0, 5, 1, span=3600)])
            await second.tallies.add("b", 1, [tally(0, 2, 2), tally(300, 1)])
            await first.tallies.add("a", 2, [tally(300, 3)])
        after = connect()
        async with opened(after):
            assert await after.tallies.since(_EVERYTHING) == [
                tally(0, 7, 3),
                tally(300, 4),
                tally(0, 5, 1, span=3600),
            ]

    async def test_names_are_told_apart_whatever_they_look_like(self, connect: Connect) -> None:
        log = connect()
        names = ["", "Z'; --", "a", "a ", "ß 日"]
        async with opened(log):
            await log.tallies.add("a", 1, [tally(name=name) for name in reversed(names)])
            found = await log.tallies.since(_EVERYTHING)
            assert [one.name for one in found] == names

    async def test_what_is_said_again_is_added_once(self, connect: Connect) -> None:
        first, second = connect(), connect()
        async with opened(first, second):
            for log in (first, second, first):
                await log.tallies.add("a", 7, [tally(0, 5, 1), tally(300, 1)])
            await first.tallies.add("a", 6, [tally(0, 100)])
            assert await second.tallies.since(_EVERYTHING) == [tally(0, 5, 1), tally(300, 1)]

    async def test_to_add_nothing_is_no_error_and_uses_up_no_number(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            await log.tallies.add("a", 1, [])
            await log.tallies.add("a", 1, [tally()])
            assert await log.tallies.since(_EVERYTHING) == [tally()]

    async def test_racing_writers_lose_nothing(self, connect: Connect) -> None:
        logs = [connect() for _ in range(_RACERS)]
        async with opened(*logs):

            async def race(n: int) -> None:
                for number in range(1, _ROUNDS + 1):
                    # In different orders: nobody waits for somebody who waits for him.
                    names = ["x", "y", "z"] if n % 2 else ["z", "y", "x"]
                    rows = [tally(0, 2, 1, name=name) for name in names]
                    await logs[n].tallies.add(f"w{n}", number, rows)

            await asyncio.gather(*(race(n) for n in range(_RACERS)))
            total = _RACERS * _ROUNDS
            found = await logs[0].tallies.since(_EVERYTHING)
            assert found == [tally(0, 2 * total, total, name=name) for name in "xyz"]

    async def test_each_span_is_looked_at_from_its_moment_on(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            stretches = [(300, 0), (300, 300), (3600, 0), (3600, 3600), (60, 300)]
            rows = [tally(since, span=span) for span, since in stretches]
            await log.tallies.add("a", 1, rows)
            found = await log.tallies.since({3600: 3600, 300: 1})
            assert found == [tally(300), tally(3600, span=3600)]
            assert await log.tallies.since({}) == []

    async def test_what_is_forgotten_is_gone_and_the_rest_is_there(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            stretches = [(300, 0), (300, 300), (3600, 0), (3600, 3600)]
            await log.tallies.add("a", 1, [tally(since, span=span) for span, since in stretches])
            await log.tallies.forget({300: 300, 3600: 0})
            await log.tallies.add("a", 1, [tally(0)])
            assert await log.tallies.since(_EVERYTHING) == [
                tally(300),
                tally(0, span=3600),
                tally(3600, span=3600),
            ]

    async def test_writers_are_forgotten_when_all_they_added_is(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            await log.tallies.add("old", 5, [tally(0)])
            await log.tallies.add("new", 5, [tally(900)])
            await log.tallies.forget({300: 600})
            # The number of a forgotten writer is free again.
            await log.tallies.add("old", 5, [tally(1200)])
            await log.tallies.add("new", 5, [tally(1200)])
            assert await log.tallies.since(_EVERYTHING) == [tally(900), tally(1200)]
