"""Commands decided later, on every write database and over every broker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.conftest import Start, Stores
from tests.ledgers import Add, LedgerId, Open, app
from tests.waiting import until
from twofold import Sent, System
from twofold.adapters.memory.transport import MemoryBroker, MemoryTransport
from twofold.assembly.brokers import transport_of
from twofold.domain.caller import NOBODY
from twofold.errors import BrokerUnavailable
from twofold.ports.transport import Channel, Message
from twofold.testing.fault_plan import Fault, FaultPlan
from twofold.testing.faulty_transport import FaultyTransport

API, WORKER = frozenset({"api"}), frozenset({"commands"})
LEASE_SECONDS = 0.6
LEDGERS, NUMBERS = 20, 15

Connect = Callable[[], Any]


@pytest.fixture(params=["write database", "memory", "redis", "rabbitmq", "kafka"])
def connect(request: pytest.FixtureRequest) -> Connect:
    """Makes transports at one broker, or none: then commands wait in the write database."""
    if request.param == "write database":
        return lambda: None
    if request.param == "memory":
        broker = MemoryBroker()
        return lambda: MemoryTransport(broker)
    address = request.getfixturevalue(f"{request.param}_server")
    return lambda: transport_of(address)


@pytest.fixture
def later(start: Start, connect: Connect) -> Start:
    """Starts systems that decide commands later, at channels of their own."""
    prefix = f"test{uuid4().hex[:8]}."

    async def started(roles: frozenset[str], transport: Any = None) -> System:
        system: System = await start(
            "inline",
            app,
            roles,
            transport=transport or connect(),
            commands="async",
            command_partitions=4,
            lease_seconds=LEASE_SECONDS,
            retry_seconds=0.02,
            channel_prefix=prefix,
        )
        return system

    return started


def add(ledger: str, number: int) -> Add:
    """A command."""
    return Add(ledger_id=LedgerId(ledger), number=number)


async def outcomes(system: System, ids: list[str]) -> list[str]:
    """What became of commands, in their order."""
    found = []
    for one in ids:
        state = await system.queued.look(one, NOBODY, everyones=True)
        assert state is not None
        found.append(state.status)
    return found


async def all_decided(system: System, ids: list[str]) -> None:
    """Wait until there is an outcome of each."""

    async def decided() -> bool:
        return not {"accepted", "running"} & set(await outcomes(system, ids))

    await until(decided, 60)


async def numbers_of(system: System, ledger: str) -> list[bytes]:
    """The numbers in a ledger, in the order in which they were added."""
    return [event.data for event in await system.log.read_stream(f"ledger:{ledger}", 0, 1_000)]


async def test_workers_share_the_work_join_and_leave(later: Start) -> None:
    api = await later(API)
    first, second = await later(WORKER), await later(WORKER)

    async def fairly_shared() -> bool:
        held = await api.log.leases.members(api.queued.work)
        return sorted(held.values()) == [2, 2]

    await until(fairly_shared)

    async def send(ledger: str) -> list[str]:
        return [await api.queued.accept(add(ledger, n)) for n in range(1, NUMBERS + 1)]

    sending = asyncio.gather(*(send(f"l{n}") for n in range(LEDGERS)))
    await until(lambda: second.queued.handled["decided"] > 0)
    await first.stop()
    third = await later(WORKER)
    ids = [one for ids in await sending for one in ids]
    await all_decided(api, ids)
    assert (await outcomes(api, ids)).count("refused") == 2 * LEDGERS
    expected = [b'{"number":%d}' % n for n in range(1, NUMBERS + 1) if n % 7]
    for ledger in range(LEDGERS):
        assert await numbers_of(api, f"l{ledger}") == expected
    assert second.queued.stopped() == third.queued.stopped() == {}


async def test_what_was_accepted_waits_for_a_worker(later: Start) -> None:
    api = await later(API)
    ids = [await api.queued.accept(Open(name=f"n{number}")) for number in range(30)]
    assert set(await outcomes(api, ids)) == {"accepted"}
    worker = await later(WORKER)
    await all_decided(api, ids)
    assert await outcomes(api, ids) == ["succeeded"] * 30
    await until(lambda: worker.queued.handled["decided"] == 30)
    assert await worker.queued.oldest_seconds() == 0.0


async def test_the_same_key_is_decided_once(later: Start) -> None:
    api = await later(API)
    sent = Sent(key="k")
    ids = {await api.queued.accept(Open(name="n"), sent) for _ in range(5)}
    assert len(ids) == 1
    await later(WORKER)
    await all_decided(api, list(ids))
    assert ids == {await api.queued.accept(Open(name="n"), sent)}
    ids.add(last := await api.queued.accept(Open(name="another")))
    await all_decided(api, [last])
    assert await api.log.head() == 2


async def test_a_worker_that_stops_leaves_the_rest_to_others(later: Start) -> None:
    api, worker = await later(API), await later(WORKER)
    sent = [api.queued.accept(add(f"l{n % 9}", n // 9 * 7 + 1)) for n in range(270)]
    accepting = asyncio.gather(*sent)
    await until(lambda: worker.queued.handled["decided"] > 0)
    await worker.stop()
    ids = await accepting
    await later(WORKER)
    await all_decided(api, ids)
    assert await api.log.head() == 270


async def test_messages_that_are_no_commands_are_kept_and_seen(
    start: Start, later: Start, connect: Connect
) -> None:
    if connect() is None:
        # Nobody else writes into the tables of the write database.
        return
    system = await later(API | WORKER)
    first = await system.queued.accept(Open(name="first"))
    await all_decided(system, [first])
    channel = system.settings.channel("ledgers", "commands")
    foreign = connect()
    await foreign.open([Channel(channel, 4, "queue")])
    attributes = {"specversion": "1.0", "id": "x", "source": "urn:other", "type": "other.Thing"}
    attributes["datacontenttype"] = "application/json"
    messages = [Message(part, "k", attributes, b"\xff no JSON") for part in range(4)]
    await foreign.publish(channel, messages)
    await foreign.close()
    second = [await system.queued.accept(Open(name=f"n{n}")) for n in range(12)]
    await all_decided(system, second)

    async def kept() -> bool:
        return (await system.log.inbox.depth()).rejected == 4

    await until(kept)
    rejected = await system.log.inbox.rejected(10)
    assert {one.partition for one in rejected} == {0, 1, 2, 3}
    assert {one.data for one in rejected} == {b"\xff no JSON"}
    assert all("urn:other" in one.reason for one in rejected)


async def test_health_says_when_the_queue_cannot_be_reached(
    start: Start, later: Start, stores: Stores
) -> None:
    broker = MemoryBroker()
    system = await later(API, MemoryTransport(broker))
    plan = FaultPlan(system.clock)
    plan.order("reader.fetch", *[Fault.FAILS] * 40)
    worker = await later(WORKER, FaultyTransport(MemoryTransport(broker), plan))
    await until(lambda: "reader.fetch" in str(worker.queued.stopped()))
    plan.heal()
    one = await system.queued.accept(Open(name="n"))
    await all_decided(system, [one])
    await until(lambda: not worker.queued.stopped())


async def test_a_broker_that_does_not_answer_refuses_nothing_silently(
    later: Start,
) -> None:
    broker = MemoryBroker()
    plan: list[FaultPlan] = []
    api = await later(API | WORKER, MemoryTransport(broker))
    plan.append(FaultPlan(api.clock))
    plan[0].order("transport.publish.commit", Fault.LOSES_ANSWER)
    other = await later(API, FaultyTransport(MemoryTransport(broker), plan[0]))
    with pytest.raises(BrokerUnavailable):
        await other.queued.accept(Open(name="n"), Sent(key="k"))
    again = await other.queued.accept(Open(name="n"), Sent(key="k"))
    await all_decided(api, [again])
    last = await api.queued.accept(Open(name="last"))
    await all_decided(api, [last])
    assert await api.log.head() == 2
