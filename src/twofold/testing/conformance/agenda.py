"""Conformance of a log's agenda.

class TestMyAgenda(AgendaConformance):
    @pytest.fixture
    def connect(self): return lambda: MyLog(address_of_a_fresh_database)
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from twofold.ports.agenda import RETRY, Consumer, DueTimer, Later, Postponed, QueuedCommand
from twofold.ports.log import STORED, Append, Appended, Conflict, Log, Snapshot
from twofold.testing.conformance.log import Connect, append, event, opened, written

P, Q = "booking", "billing"
BOTH = (P, Q)


def step(stream: str, expected: int, later: Later, state: bytes = b"{}") -> Append:
    """One event for ``stream``, with its state and what changes on the agenda."""
    new, snapshot = event(stream, expected + 1), Snapshot(expected + 1, 0, STORED, state)
    return Append(stream, expected, (new,), None, snapshot, later=later)


def timer(stream: str, name: str, due_us: int, process: str = P) -> DueTimer:
    """A timer of ``process``."""
    return DueTimer(process, stream, name, due_us)


def command(stream: str, version: int, number: int = 1, due_us: int = 0) -> QueuedCommand:
    """A command of P."""
    return QueuedCommand(
        f"{stream}-{version}.{number}",
        P,
        stream,
        version,
        number,
        "offer.Hold",
        b'{"\xc3\xbc":1}',
        "correlation",
        "trace",
        due_us,
    )


async def queued_ids(log: Log, *streams: str) -> dict[str, list[str]]:
    """The ids of queued commands by stream."""
    queued = await log.agenda.queued(streams)
    return {stream: [one.command_id for one in found] for stream, found in queued.items()}


async def names(log: Log, until_us: int, processes: Sequence[str] = BOTH) -> list[str]:
    """The names of timers that are due."""
    return [one.name for one in await log.agenda.due_timers(processes, until_us, 100)]


class AgendaConformance:
    """The rules of ``twofold.ports.agenda``."""

    @pytest.fixture
    def connect(self) -> Connect:
        """Makes logs that share one fresh database."""
        raise NotImplementedError("an adapter's test gives its logs here")

    async def test_timers_come_in_the_order_in_which_they_are_due(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            first = Later((timer("p:1", "late", 30), timer("p:1", "early", 10)))
            second = Later((timer("p:2", "middle", 20, Q),))
            await written(log, step("p:1", 0, first), step("p:2", 0, second))
            assert await names(log, 9) == []
            assert await names(log, 20) == ["early", "middle"]
            assert await names(log, 99) == ["early", "middle", "late"]
            assert await names(log, 99, [Q]) == ["middle"]
            assert await names(log, 99, []) == []
            two = await log.agenda.due_timers(BOTH, 99, 2)
            assert two == [timer("p:1", "early", 10), timer("p:2", "middle", 20, Q)]
            assert await log.agenda.next_timer(BOTH) == 10
            assert await log.agenda.next_timer([Q]) == 20
            assert await log.agenda.next_timer(["none"]) is None

    async def test_a_timer_set_again_is_replaced(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            await written(log, step("p:1", 0, Later((timer("p:1", "t", 10),))))
            await written(log, step("p:1", 1, Later((timer("p:1", "t", 50),))))
            assert await names(log, 49) == []
            assert await log.agenda.pending_timers("p:1") == [timer("p:1", "t", 50)]

    async def test_a_timer_cancelled_and_set_in_one_step_is_set(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            await written(log, step("p:1", 0, Later((timer("p:1", "t", 10),))))
            await written(log, step("p:1", 1, Later((timer("p:1", "t", 70),), ("t", "never"))))
            assert await log.agenda.pending_timers("p:1") == [timer("p:1", "t", 70)]
            await written(log, step("p:1", 2, Later(cancelled=("t",))))
            assert await log.agenda.pending_timers("p:1") == []

    async def test_stuck_streams_are_counted_by_process(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            assert await log.agenda.stuck() == {}
            again, other = Later((timer("p:1", RETRY, 10),)), Later((timer("p:2", "t", 10),))
            third = Later((timer("p:3", RETRY, 10, Q), timer("p:3", "t", 20, Q)))
            await written(log, step("p:1", 0, again), step("p:2", 0, other), step("p:3", 0, third))
            assert await log.agenda.stuck() == {P: 1, Q: 1}
            await written(log, step("p:1", 1, Later(cancelled=(RETRY,))))
            assert await log.agenda.stuck() == {Q: 1}

    async def test_stuck_streams_are_listed_in_pages(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            for stream, process in (("p:2", P), ("p:1", P), ("p:3", Q), ("p:4", "other")):
                later = Later((timer(stream, RETRY, 10, process), timer(stream, "t", 5, process)))
                await written(log, step(stream, 0, later))
            everything = sorted([(P, "p:1"), (P, "p:2"), (Q, "p:3")])
            assert list(await log.agenda.stuck_streams([Q, P], 0, 9)) == everything
            assert list(await log.agenda.stuck_streams([Q, P], 1, 1)) == everything[1:2]
            assert list(await log.agenda.stuck_streams([Q], 0, 9)) == [(Q, "p:3")]
            assert list(await log.agenda.stuck_streams([], 0, 9)) == []

    async def test_steps_of_one_batch_change_timers_in_their_order(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            outcomes = await written(
                log,
                step("p:1", 0, Later((timer("p:1", "gone", 10), timer("p:1", "kept", 20)))),
                step("p:1", 1, Later(cancelled=("gone", "kept"))),
                step("p:1", 2, Later((timer("p:1", "kept", 30),))),
            )
            assert all(isinstance(outcome, Appended) for outcome in outcomes)
            assert await log.agenda.pending_timers("p:1") == [timer("p:1", "kept", 30)]

    async def test_what_did_not_hold_changes_nothing(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            await written(log, append("p:1", 0))
            later = Later((timer("p:1", "t", 10),), enqueued=(command("p:1", 1),))
            outcomes = await written(log, step("p:1", 0, later), step("p:2", 0, Later()))
            assert outcomes == [Conflict(1), Appended(2)]
            with pytest.raises(ZeroDivisionError):
                async with log.transaction() as transaction:
                    await transaction.append([step("p:1", 1, later)])
                    raise ZeroDivisionError
            assert await names(log, 99) == []
            assert await queued_ids(log, "p:1") == {}

    async def test_an_append_without_events_changes_the_agenda_too(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            await written(log, step("p:1", 0, Later(enqueued=(command("p:1", 1),))))
            done = Append("p:1", 1, (), later=Later(dequeued=("p:1-1.1",)))
            assert await written(log, done) == [Appended(0)]
            assert await queued_ids(log, "p:1") == {}

    async def test_commands_wait_in_the_order_of_their_steps(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            one = Later(enqueued=tuple(command("p:1", 1, number) for number in (1, 2, 10)))
            await written(log, step("p:1", 0, one))
            await written(log, step("p:1", 1, Later(enqueued=(command("p:1", 2),))))
            await written(log, step("p:2", 0, Later(enqueued=(command("p:2", 1),))))
            assert await queued_ids(log, "p:1", "p:2", "p:3") == {
                "p:1": ["p:1-1.1", "p:1-1.2", "p:1-1.10", "p:1-2.1"],
                "p:2": ["p:2-1.1"],
            }
            await log.agenda.dequeue(["p:1-1.1", "p:1-1.10", "unknown"])
            assert await queued_ids(log, "p:1") == {"p:1": ["p:1-1.2", "p:1-2.1"]}

    async def test_a_command_comes_back_as_it_was_queued(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            queued = command("p:ü/1", 1, due_us=7)
            await written(log, step("p:ü/1", 0, Later(enqueued=(queued,))))
            assert (await log.agenda.queued(["p:ü/1"]))["p:ü/1"] == [queued]

    async def test_queues_are_found_once_they_are_due(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            for stream, due_us in (("p:1", 30), ("p:2", 10), ("p:3", 20)):
                later = Later(
                    enqueued=(command(stream, 1, 1, due_us), command(stream, 1, 2, due_us))
                )
                await written(log, step(stream, 0, later))
            assert await log.agenda.due_queues([P], 9, 10) == []
            assert set(await log.agenda.due_queues([P], 20, 10)) == {"p:2", "p:3"}
            assert await log.agenda.due_queues([Q], 99, 10) == []
            assert len(await log.agenda.due_queues([P], 99, 4)) == 2
            assert await log.agenda.next_queue([P, Q]) == 10
            assert await log.agenda.next_queue([Q]) is None

    async def test_a_failed_command_postpones_its_stream(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            enqueued = (command("p:1", 1, 1, 10), command("p:1", 1, 2, 90))
            await written(log, step("p:1", 0, Later(enqueued=enqueued)))
            await written(log, step("p:2", 0, Later(enqueued=(command("p:2", 1, 1, 10),))))
            for error in ("it failed", "it failed again"):
                await log.agenda.postpone([Postponed("p:1-1.1", "p:1", 50, error)])
            first, second = (await log.agenda.queued(["p:1"]))["p:1"]
            assert (first.attempts, first.error, first.due_us) == (2, "it failed again", 50)
            assert (second.attempts, second.error, second.due_us) == (0, "", 90)
            assert await log.agenda.due_queues([P], 49, 10) == ["p:2"]

    async def test_commands_that_failed_are_counted_and_listed(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            for stream in ("p:2", "p:1"):
                enqueued = (command(stream, 1, 1, 10), command(stream, 1, 2, 10))
                await written(log, step(stream, 0, Later(enqueued=enqueued)))
            assert await log.agenda.failing([P]) == {}
            for stream in ("p:2", "p:1"):
                await log.agenda.postpone([Postponed(f"{stream}-1.1", stream, 50, "it failed")])
            assert await log.agenda.failing([P, Q]) == {P: 2}
            assert await log.agenda.failing([Q]) == {}
            found = await log.agenda.failing_commands([P], 0, 9)
            assert [(one.command_id, one.error) for one in found] == [
                ("p:1-1.1", "it failed"),
                ("p:2-1.1", "it failed"),
            ]
            assert await log.agenda.failing_commands([P], 1, 9) == found[1:]
            assert list(await log.agenda.failing_commands([Q], 0, 9)) == []
            await log.agenda.dequeue(["p:1-1.1"])
            assert await log.agenda.failing([P]) == {P: 1}

    async def test_a_consumer_begins_once_and_never_goes_back(self, connect: Connect) -> None:
        first, second = connect(), connect()
        async with opened(first, second):
            await first.agenda.register(Consumer("c", 5, "epoch"))
            await second.agenda.register(Consumer("c", 9, "other"))
            assert await second.agenda.consumers() == {"c": Consumer("c", 5, "epoch")}
            await first.agenda.advance("c", 8)
            await second.agenda.advance("c", 7)
            assert (await first.agenda.consumers())["c"].position == 8

    async def test_instances_are_listed_by_stream(self, connect: Connect) -> None:
        log = connect()
        async with opened(log):
            streams = ("process-a:1", "process-a:10", "process-a:2", "process-ab:1", "process-b:1")
            for stream in streams:
                await written(log, step(stream, 0, Later(), stream.encode()))
            other = msgspec.structs.replace(
                step("process-a:3", 0, Later()), snapshot=Snapshot(1, 0, "another fold", b"")
            )
            await written(log, other)
            page = list(await log.agenda.instances("process-a", "", 2))
            assert page == [("process-a:1", b"process-a:1"), ("process-a:10", b"process-a:10")]
            rest = await log.agenda.instances("process-a", "process-a:10", 9)
            assert [stream for stream, _ in rest] == ["process-a:2"]

    async def test_racing_steps_set_and_cancel_each_timer_once(self, connect: Connect) -> None:
        logs = [connect() for _ in range(3)]
        async with opened(*logs):
            await written(logs[0], step("p:1", 0, Later((timer("p:1", "t", 1),))))
            fired = step("p:1", 1, Later(enqueued=(command("p:1", 2),), cancelled=("t",)))
            outcomes = await asyncio.gather(*(written(log, fired) for log in logs))
            held = [o for (o,) in outcomes if isinstance(o, Appended)]
            assert len(held) == 1
            assert await names(logs[0], 99) == []
            assert await queued_ids(logs[0], "p:1") == {"p:1": ["p:1-2.1"]}
