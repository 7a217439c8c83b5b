"""Conformance of the log.

class TestMyLog(LogConformance):
    @pytest.fixture
    def connect(self): return lambda: MyLog(address_of_a_fresh_database)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeAlias

import pytest

from twofold.messages.recorded import NewEvent, Recorded
from twofold.ports.log import Append, Appended, CommandRecord, Conflict, Duplicate, Log, Snapshot

Connect: TypeAlias = Callable[[], Log]


def event(stream: str, version: int, data: bytes = b"{}", kind: str = "thing.Happened") -> NewEvent:
    """An event with everything filled in."""
    return NewEvent(
        f"{stream}@{version}",
        stream,
        version,
        kind,
        1,
        1_000_000 + version,
        "c",
        "k",
        "ann",
        "",
        data,
    )


def append(stream: str, expected: int, count: int = 1, key: str = "") -> Append:
    """``count`` events for ``stream``, with a record if there is a key."""
    events = tuple(event(stream, expected + n) for n in range(1, count + 1))
    return Append(stream, expected, events, record(key) if key else None)


def failed(key: str, at: int) -> Append:
    """Nothing but a record that the command came to nothing."""
    found = CommandRecord(key, "do", "", "failed", b'{"why":"w"}', 0, at, "ann", "")
    return Append(f"command:{key}", 0, (), found)


def record(key: str, answer: bytes = b"{}") -> CommandRecord:
    """A record without a position."""
    return CommandRecord(key, "do", "digest", "succeeded", answer, 0, 5, "ann", "thing")


@asynccontextmanager
async def opened(*logs: Log) -> AsyncIterator[None]:
    """All ``logs`` open for the block."""
    async with AsyncExitStack() as stack:
        for log in logs:
            await log.open()
            stack.push_async_callback(log.close)
        yield


async def written(log: Log, *appends: Append) -> list[object]:
    """Append in one transaction; the outcomes."""
    async with log.transaction() as transaction:
        return list(await transaction.append(appends))


class LogConformance:
    """The rules of ``twofold.ports.log``."""

    @pytest.fixture
    def connect(self) -> Connect:
        """Makes logs that share one fresh database."""
        raise NotImplementedError("an adapter's test gives its logs here")

    async def test_positions_are_dense_and_follow_the_order_of_appends(
        self, connect: Connect
    ) -> None:
        log = connect()
        async with opened(log):
            outcomes = await written(log, append("a:1", 0, 2), append("b:1", 0), append("a:1", 2))
            assert outcomes == [Appended(2), Appended(3), Appended(4)]
            read = await log.read(0, 10)
            assert [(r.position, r.stream, r.version) for r in read] == [
                (1, "a:1", 1),
                (2, "a:1", 2),
                (3, "b:1", 1),
                (4, "a:1", 3),
            ]
            assert await log.head() == 4

    async def test_an_event_comes_back_as_it_was_written(self, connect: Connect) -> None:
        log = connect()
        data = '{"text":"ß 日本 \\u0000"}'.encode() + b" " * 1_000_000
        async with opened(log):
            new = event("a:ü/1", 1, data)
            await written(log, Append("a:ü/1", 0, (new,)))
            assert await log.read(0, 1) == [Recorded.at(1, new)]

    async def test_a_conflict_fails_its_own_append_alone(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            await written(log, append("a:1", 0))
            outcomes = await written(log, append("b:1", 0), append("a:1", 0), append("c:1", 0))
            assert outcomes == [Appended(2), Conflict(1), Appended(3)]

    async def test_appends_built_on_a_conflicting_one_conflict_too(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            await written(log, append("a:1", 0))
            outcomes = await written(log, append("a:1", 0), append("a:1", 1), append("b:1", 0))
            assert outcomes == [Conflict(1), Conflict(1), Appended(2)]

    async def test_an_append_begins_other_streams_or_nothing(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            begins = (event("b:1", 1),)
            first = Append("a:1", 0, (event("a:1", 1),), begins=begins)
            late = Append("a:1", 0, (event("a:1", 1),), begins=(event("b:2", 1),))
            outcomes = await written(log, first, late, append("a:1", 0), append("c:1", 0))
            assert outcomes == [Appended(2), Conflict(1), Conflict(1), Appended(3)]
            streams = [recorded.stream for recorded in await log.read(0, 10)]
            assert streams == ["a:1", "b:1", "c:1"]
            assert len(await log.read_stream("b:1", 0, 10)) == 1
            assert await written(log, append("b:1", 1)) == [Appended(4)]

    async def test_what_another_instance_wrote_is_not_overlooked(self, connect: Connect) -> None:
        """Whatever a log remembers of its own writing: others write too, or roll back."""
        ours, theirs = connect(), connect()
        async with opened(ours, theirs):
            assert await written(ours, append("a", 0), append("b", 0)) == [Appended(1), Appended(2)]
            assert await written(theirs, append("a", 1)) == [Appended(3)]
            assert await written(ours, append("a", 1), append("b", 1)) == [Conflict(2), Appended(4)]
            with pytest.raises(RuntimeError, match="undone"):
                async with ours.transaction() as transaction:
                    await transaction.append([append("b", 2)])
                    raise RuntimeError("undone")
            assert await written(ours, append("b", 2)) == [Appended(5)]
            assert await written(theirs, append("b", 2)) == [Conflict(3)]

    async def test_an_append_without_events_checks_the_version(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            await written(log, append("a:1", 0))
            refusal = Append("a:1", 1, (), record("r"))
            outcomes = await written(log, refusal, Append("a:1", 0, ()))
            assert outcomes == [Appended(0), Conflict(1)]
            assert (await log.records(["r"]))["r"].position == 0

    async def test_a_command_is_recorded_once(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            await written(log, append("a:1", 0, key="k"))
            kept = (await log.records(["k", "other"]))["k"]
            assert (kept.position, kept.subject, kept.identity) == (1, "ann", "thing")
            outcomes = await written(log, append("b:1", 0, key="k"), append("c:1", 0, key="new"))
            assert outcomes == [Duplicate(kept), Appended(2)]

    async def test_commands_that_failed_are_listed_the_latest_first(self, connect: Connect) -> None:
        first, second = connect(), connect()
        async with opened(first, second):
            await written(first, append("a:1", 0, key="fine"))
            assert (await first.failed(0, 10), await first.count_failed()) == ([], 0)
            at = {"b": 7, "c": 9, "a": 7, "d": 1}
            await written(first, *(failed(key, time_us) for key, time_us in at.items()))
            assert [one.command_id for one in await second.failed(0, 10)] == ["c", "b", "a", "d"]
            assert [one.command_id for one in await second.failed(1, 2)] == ["b", "a"]
            assert await second.failed(4, 2) == []
            assert await second.count_failed() == 4
            (latest,) = await second.failed(0, 1)
            assert latest == (await first.records(["c"]))["c"]

    async def test_a_command_twice_in_one_batch_is_a_duplicate(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            first, second = await written(log, append("a:1", 0, key="k"), append("a:1", 1, key="k"))
            assert first == Appended(1)
            assert isinstance(second, Duplicate)
            assert await log.head() == 1

    async def test_a_transaction_that_fails_leaves_nothing(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            with pytest.raises(ZeroDivisionError):
                async with log.transaction() as transaction:
                    await transaction.append([append("a:1", 0, key="k")])
                    raise ZeroDivisionError
            assert await log.head() == 0
            assert await log.records(["k"]) == {}
            assert await written(log, append("a:1", 0, key="k")) == [Appended(1)]

    async def test_reading_is_paged_and_filtered_by_type(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            for version in range(1, 8):
                kind = "thing.Rare" if version % 3 == 0 else "thing.Happened"
                await written(log, Append("a:1", version - 1, (event("a:1", version, kind=kind),)))
            assert [r.position for r in await log.read(2, 3)] == [3, 4, 5]
            rare = await log.read(0, 10, frozenset({"thing.Rare"}))
            assert [r.position for r in rare] == [3, 6]
            assert [r.position for r in await log.read(3, 1, frozenset({"thing.Rare"}))] == [6]
            assert [r.version for r in await log.read_stream("a:1", 5, 10)] == [6, 7]

    async def test_streams_load_from_their_snapshot(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            snapshot = Snapshot(2, 0, "fold-1", b"state")
            await written(log, Append("a:1", 0, (event("a:1", 1), event("a:1", 2)), None, snapshot))
            await written(log, append("a:1", 2))
            loaded = await log.load({"a:1": "fold-1", "none:1": "fold-1"})
            assert loaded["a:1"].snapshot == Snapshot(2, 2, "fold-1", b"state")
            assert [r.version for r in loaded["a:1"].events] == [3]
            assert list(loaded["none:1"].events) == []

    async def test_a_snapshot_of_another_fold_is_ignored(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            snapshot = Snapshot(1, 0, "old", b"state")
            await written(log, Append("a:1", 0, (event("a:1", 1),), None, snapshot))
            loaded = (await log.load({"a:1": "new"}))["a:1"]
            assert loaded.snapshot is None
            assert [r.version for r in loaded.events] == [1]

    async def test_the_identity_stays_with_the_database(self, connect: Connect) -> None:
        first, second = connect(), connect()
        async with opened(first):
            epoch, secret = first.epoch, first.secret
        async with opened(second):
            assert (second.epoch, second.secret) == (epoch, secret)
            assert len(epoch) == 36
            assert len(secret) == 32

    async def test_numbers_are_never_given_twice(self, connect: Connect) -> None:
        logs = [connect() for _ in range(3)]
        async with opened(*logs):
            taken = await asyncio.gather(
                *(log.take_numbers("n", 2) for log in logs for _ in range(10))
            )
            assert sorted(taken) == list(range(1, 60, 2))
            assert await logs[0].take_numbers("other", 1) == 1

    async def test_waiting_ends_with_an_append_of_another_instance(self, connect: Connect) -> None:
        reader, writer = connect(), connect()
        async with opened(reader, writer):
            waiting = asyncio.create_task(reader.wait(0, 30.0))
            await asyncio.sleep(0)
            await written(writer, append("a:1", 0))
            async with asyncio.timeout(10):
                while not await reader.read(0, 1):
                    await reader.wait(0, 1.0)
                await waiting

    async def test_waiting_ends_in_time_without_news(self, connect: Connect) -> None:
        log = connect()
        async with opened(log), asyncio.timeout(10):
            await log.wait(0, 0.05)

    async def test_racing_writers_keep_every_stream_in_order(self, connect: Connect) -> None:
        logs = [connect() for _ in range(4)]
        async with opened(*logs):
            await asyncio.gather(*(_count_up(log, n) for n, log in enumerate(logs)))
            read = await logs[0].read(0, 1_000)
            assert [r.position for r in read] == list(range(1, len(read) + 1))
            shared = [r.version for r in read if r.stream == "shared:1"]
            assert shared == list(range(1, len(shared) + 1))
            assert len(shared) == 4 * 10


async def _count_up(log: Log, writer: int) -> None:
    """Ten events each on a shared stream, again after every conflict, and ten on one's own."""
    version = 0
    for number in range(10):
        while True:
            own = append(f"own:{writer}", number)
            shared = append("shared:1", version)
            async with log.transaction() as transaction:
                outcome = (await transaction.append([shared]))[0]
                if isinstance(outcome, Appended):
                    await transaction.append([own])
            if isinstance(outcome, Appended):
                version += 1
                break
            assert isinstance(outcome, Conflict)
            version = outcome.actual_version
