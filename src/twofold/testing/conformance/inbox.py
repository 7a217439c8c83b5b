"""Conformance of a log's inbox.

class TestMyInbox(InboxConformance):
    @pytest.fixture
    def connect(self): return lambda: MyLog(address_of_a_fresh_database)
"""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from twofold.ports.agenda import Later
from twofold.ports.inbox import Accepted, Depth, Dismissal, Inbox, Rejected
from twofold.ports.log import Append, Appended, Conflict, Duplicate
from twofold.testing.conformance.log import Connect, append, opened, record, written

_PATIENCE_SECONDS = 20.0


def accepted(name: str, accepted_us: int = 1_000, data: str = '{"n":1}') -> Accepted:
    """A command of a test."""
    return Accepted(
        command_id=name,
        lane=f"order:{name}",
        operation="order.Place",
        data=msgspec.Raw(data.encode()),
        accepted_us=accepted_us,
        digest="d",
        key="k",
        subject="zoë",
        name="Zoë",
        roles=("customer", "service"),
        correlation_id="c",
        trace="t",
    )


def rejected(offset: str, reason: str = "no seal") -> Rejected:
    """A message of a test."""
    return Rejected(
        channel="app.commands",
        partition=1,
        offset=offset,
        reason=reason,
        attributes={"id": "x", "type": "ü"},
        data=b"\x00\xff no JSON",
        time_us=7,
    )


async def ids(inbox: Inbox, *partitions: int, without: tuple[str, ...] = ()) -> list[str]:
    """The ids of what waits in these partitions."""
    found = await inbox.waiting(partitions, without, 100, 0.0)
    return [one.command_id for one in found]


class InboxConformance:
    """The rules of ``twofold.ports.inbox``."""

    @pytest.fixture
    def connect(self) -> Connect:
        """Makes logs that share one fresh database."""
        raise NotImplementedError("an adapter's test gives its logs here")

    async def test_a_command_comes_back_as_it_was_accepted(self, connect: Connect) -> None:
        first, second = connect(), connect()
        async with opened(first, second):
            given = accepted("a", data='{"text":"ß 日本", "list":[1, 2]}')
            assert await first.inbox.accept([(0, given)]) == {}
            assert await second.inbox.waiting([0], [], 10, 0.0) == [given]
            assert await second.inbox.find(["a", "unknown"]) == {"a": given}

    async def test_commands_wait_in_the_order_in_which_they_came(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            await log.inbox.accept([(1, accepted("b")), (0, accepted("a")), (1, accepted("d"))])
            await log.inbox.accept([(2, accepted("x")), (1, accepted("c"))])
            assert await ids(log.inbox, 1) == ["b", "d", "c"]
            assert await ids(log.inbox, 0, 1) == ["b", "a", "d", "c"]
            assert await ids(log.inbox) == []
            assert await ids(log.inbox, 0, 1, without=("b", "d", "gone")) == ["a", "c"]
            assert len(await log.inbox.waiting([0, 1], [], 2, 0.0)) == 2

    async def test_a_command_that_is_there_stays_as_it_is(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            first = accepted("a")
            await log.inbox.accept([(0, first)])
            again = msgspec.structs.replace(first, digest="other")
            assert await log.inbox.accept([(0, again), (0, accepted("b"))]) == {"a": first}
            assert await ids(log.inbox, 0) == ["a", "b"]
            assert (await log.inbox.find(["a"]))["a"] == first

    async def test_an_append_takes_its_command_out(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            await log.inbox.accept([(0, accepted(name)) for name in ("a", "b", "c", "d")])
            settled = {name: Later(settled=(name,)) for name in ("a", "b", "c")}
            outcomes = await written(
                log,
                msgspec.structs.replace(append("s:1", 0, key="a"), later=settled["a"]),
                Append("s:2", 0, (), record("b"), later=settled["b"]),
                msgspec.structs.replace(append("s:1", 7, key="c"), later=settled["c"]),
            )
            assert outcomes == [Appended(1), Appended(0), Conflict(1)]
            assert await ids(log.inbox, 0) == ["c", "d"]
            again = msgspec.structs.replace(append("s:3", 0, key="a"), later=settled["c"])
            (outcome,) = await written(log, again)
            assert isinstance(outcome, Duplicate)
            with pytest.raises(ZeroDivisionError):
                async with log.transaction() as transaction:
                    await transaction.append([Append("s:4", 0, (), later=settled["c"])])
                    raise ZeroDivisionError
            assert await ids(log.inbox, 0) == ["c", "d"]

    async def test_a_command_taken_out_can_be_accepted_again(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            await log.inbox.accept([(0, accepted("a")), (0, accepted("b"))])
            await log.inbox.settle(["a", "unknown"])
            assert await ids(log.inbox, 0) == ["b"]
            assert await log.inbox.accept([(0, accepted("a"))]) == {}
            assert await ids(log.inbox, 0) == ["b", "a"]

    async def test_one_who_waits_is_told_of_new_commands(self, connect: Connect) -> None:
        first, second = connect(), connect()
        async with opened(first, second):
            for log in (first, second):
                waiting = asyncio.ensure_future(log.inbox.waiting([0], [], 10, _PATIENCE_SECONDS))
                # Whether it has looked already or not, it is told.
                await asyncio.sleep(0)
                await first.inbox.accept([(0, accepted("a"))])
                assert [one.command_id for one in await waiting] == ["a"]
                await first.inbox.settle(["a"])

    async def test_one_who_waits_in_vain_is_told_after_the_timeout(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            await log.inbox.accept([(1, accepted("a"))])
            assert await log.inbox.waiting([0], [], 10, 0.05) == []

    async def test_the_depth_tells_how_many_wait_and_since_when(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            assert await log.inbox.depth() == Depth(0, 0, 0)
            await log.inbox.accept([(0, accepted("a", 50)), (1, accepted("b", 40))])
            await log.inbox.reject([rejected("1")])
            assert await log.inbox.depth() == Depth(2, 40, 1)

    async def test_rejected_messages_are_kept_once(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            await log.inbox.reject([rejected("1"), rejected("2")])
            await log.inbox.reject([rejected("2", "another reason"), rejected("10")])
            await log.inbox.reject([])
            kept = await log.inbox.rejected(10)
            assert kept == [rejected("10"), rejected("2"), rejected("1")]
            assert await log.inbox.rejected(1) == [rejected("10")]

    async def test_many_accept_at_once_and_none_is_lost(self, connect: Connect) -> None:
        logs = [connect() for _ in range(3)]
        async with opened(*logs):
            await asyncio.gather(
                *(
                    logs[number % 3].inbox.accept([(number % 4, accepted(f"c{number}"))])
                    for number in range(60)
                )
            )
            assert sorted(await ids(logs[0].inbox, 0, 1, 2, 3)) == sorted(
                f"c{number}" for number in range(60)
            )

    async def test_no_more_messages_are_kept_than_the_limit_says(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            assert await log.inbox.reject([rejected(str(n)) for n in range(3)], 5) == 0
            assert await log.inbox.reject([rejected(str(n)) for n in range(2, 8)], 5) == 3
            assert (await log.inbox.depth()).rejected == 5
            other = msgspec.structs.replace(rejected("1"), channel="another")
            assert await log.inbox.reject([rejected("9"), other, rejected("0")], 5) == 1
            dismissal = Dismissal("noise", "ann", 9)
            assert await log.inbox.dismiss(rejected("1"), dismissal)
            assert await log.inbox.reject([rejected("9")], 5) == 0

    async def test_what_is_dismissed_is_seen_as_such_and_counted_no_more(
        self, connect: Connect
    ) -> None:
        first, second = connect(), connect()
        async with opened(first, second):
            await first.inbox.reject([rejected("1"), rejected("2")])
            dismissal = Dismissal("noise of zoë", "ann", 9)
            assert await first.inbox.dismiss(rejected("1"), dismissal)
            assert not await second.inbox.dismiss(rejected("1"), Dismissal("again", "bob", 10))
            assert not await second.inbox.dismiss(rejected("7"), dismissal)
            known = msgspec.structs.replace(rejected("1"), dismissed=dismissal)
            assert await second.inbox.find_rejected("app.commands", 1, "1") == known
            assert await second.inbox.rejected(10) == [rejected("2")]
            assert await second.inbox.rejected(10, dismissed=True) == [known]
            assert await first.inbox.reject([rejected("1")]) == 0
            assert await first.inbox.rejected(10, dismissed=True) == [known]
            assert (await second.inbox.depth()).rejected == 1

    async def test_what_is_released_is_gone(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            await log.inbox.reject([rejected("1"), rejected("2")])
            assert await log.inbox.release(rejected("1"))
            assert not await log.inbox.release(rejected("1"))
            assert await log.inbox.find_rejected("app.commands", 1, "1") is None
            assert await log.inbox.rejected(10) == [rejected("2")]
