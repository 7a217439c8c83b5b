"""Projections shared by partitions, from the log and over a transport, on every backend."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.integration.conftest import Start, Stores
from tests.integration.test_commands import ANN, RITA, draft
from tests.integration.test_projections import item
from tests.proposals import Accept
from tests.waiting import until
from twofold import Sent, System
from twofold.adapters.memory.transport import MemoryBroker, MemoryTransport
from twofold.ports.transport import Message
from twofold.runtime.partitions.wire import WATERMARK
from twofold.runtime.verification import Verification

API = frozenset({"api"})
PROJECTOR = frozenset({"projector"})
RELAY = frozenset({"relay"})
LEASE_SECONDS = 0.6
SHARED = {"partitions": 4, "lease_seconds": LEASE_SECONDS}

MONGODB_TOO = pytest.mark.parametrize(
    "stores", ["memory", "sqlite", "postgres", "mongodb"], indirect=True
)
Connect = Callable[[], MemoryTransport | None]


@pytest.fixture(params=["log", "transport"])
def connect(request: pytest.FixtureRequest) -> Connect:
    """Makes transports at one broker, or none: then projectors share the log."""
    broker = MemoryBroker()
    return lambda: MemoryTransport(broker) if request.param == "transport" else None


async def proven(system: System, stores: Stores) -> None:
    """All read models equal a replay of the log."""
    from twofold.adapters.memory.read_store import MemoryReadStore

    head = await system.log.head()
    await system.progress.reach(list(system.tables.values()), head, 15)
    for applier in system.appliers:
        shadow = MemoryReadStore()
        await shadow.open(applier.tables)
        verified = await Verification(
            applier, system.log, system.read_store, shadow, system.wired.events, system.clock, 500
        ).run()
        assert verified.differences == ()
        assert verified.position == head


async def busy(system: System, count: int) -> None:
    """Proposals, each accepted and read back by the token of what was done."""

    async def one() -> None:
        done = await system.send(draft(), Sent(caller=ANN))
        token = system.tokens.token(done.position)
        assert (await item(system, done.identity, token))["status"] == "submitted"
        done = await system.send(Accept(proposal_id=done.identity), Sent(caller=RITA))
        token = system.tokens.token(done.position)
        assert (await item(system, done.identity, token))["status"] == "accepted"

    for begin in range(0, count, 10):
        await asyncio.gather(*(one() for _ in range(min(10, count - begin))))


@MONGODB_TOO
async def test_one_process_does_it_all(start: Start, stores: Stores, connect: Connect) -> None:
    roles = API | PROJECTOR | RELAY
    system = await start("async", roles=roles, transport=connect(), **SHARED)
    await busy(system, 40)
    await proven(system, stores)
    checkpoint = (await system.read_store.checkpoints())[system.tables["portfolio_item"]]
    assert len(checkpoint.parts) == 4


@MONGODB_TOO
async def test_projectors_share_join_and_leave(
    start: Start, stores: Stores, connect: Connect
) -> None:
    api = await start("async", roles=API | RELAY, transport=connect(), **SHARED)
    first = await start("async", roles=PROJECTOR, transport=connect(), **SHARED)
    await busy(api, 20)
    second = await start("async", roles=PROJECTOR, transport=connect(), **SHARED)

    async def shared(*systems: System) -> None:
        fair = {4 // len(systems)}
        await until(lambda: {len(held(one)) for one in systems} == fair)

    def held(system: System) -> set[int]:
        return {n for one in system.sharing._memberships for n in one.held}

    await shared(first, second)
    await busy(api, 20)
    await first.stop()
    await shared(second)
    await busy(api, 20)
    await proven(api, stores)


async def test_what_came_before_is_not_repeated_when_a_broker_joins(
    start: Start, stores: Stores
) -> None:
    """From inline to a broker and back to the log, by settings alone."""
    system = await start("inline")
    for _ in range(5):
        await system.send(draft(), Sent(caller=ANN))
    await system.stop()
    broker = MemoryBroker()
    roles = API | PROJECTOR | RELAY
    system = await start("async", roles=roles, transport=MemoryTransport(broker), **SHARED)
    await busy(system, 10)
    await proven(system, stores)
    await system.stop()
    system = await start("async")
    await busy(system, 10)
    await proven(system, stores)
    await system.stop()
    system = await start("inline")
    await busy(system, 10)
    await proven(system, stores)


async def test_partitions_that_stand_apart_are_levelled_for_others(
    start: Start, stores: Stores
) -> None:
    """One of two projectors has ended, and then the work is not shared any more."""
    api = await start("async", roles=API, **SHARED)
    one = await start("async", roles=PROJECTOR, **SHARED)
    await busy(api, 10)
    # It still applies what it holds, and nobody takes over the rest.
    membership = one.sharing._memberships[0]
    stuck = _Stuck({n: lease for n, lease in membership.held.items() if n in (1, 2)})
    membership._leases = stuck  # type: ignore[assignment]
    # Until it is asked, an answer with all partitions may be underway.
    await until(lambda: stuck.asked and membership.held.keys() == {1, 2})
    for _ in range(20):
        await api.send(draft(), Sent(caller=ANN))
    head = await api.log.head()
    table = api.tables["portfolio_item"]
    await until(lambda: _moved(api, table, 1, head))
    assert (await _parts(api, table))[0] < head
    await one.stop()
    await api.stop()
    for settings in ({"partitions": 3, "lease_seconds": LEASE_SECONDS}, {}):
        system = await start("async", **settings)
        await busy(system, 5)
        await proven(system, stores)
        await system.stop()
    system = await start("inline")
    await busy(system, 5)
    await proven(system, stores)


class _Stuck:
    """Leases that never change."""

    def __init__(self, held: object) -> None:
        self.asked = False
        self._held = held

    async def share(self, *_: object) -> object:
        self.asked = True
        return self._held

    async def leave(self, *_: object) -> None:
        return


async def _moved(system: System, table: str, partition: int, position: int) -> bool:
    return (await _parts(system, table))[partition] >= position


async def _parts(system: System, table: str) -> list[int]:
    checkpoint = (await system.read_store.checkpoints())[table]
    return [part.position for part in checkpoint.parts] or [checkpoint.position] * 4


@MONGODB_TOO
async def test_what_the_broker_lost_comes_from_the_log(start: Start, stores: Stores) -> None:
    broker = MemoryBroker()
    roles = API | RELAY
    api = await start("async", roles=roles, transport=MemoryTransport(broker), **SHARED)
    lost = 0
    for n in range(60):
        await api.send(draft(), Sent(caller=ANN))
        if n % 7 == 0:
            await until(lambda n=n: api.sharing.relay.published.position > n)
            for kept in broker.kept.values():
                lost += len(kept[1::3])
                del kept[1::3]
    assert lost > 20
    await start("async", roles=PROJECTOR, transport=MemoryTransport(broker), **SHARED)
    await busy(api, 5)
    await proven(api, stores)


async def test_copies_are_told_by_their_positions(start: Start, stores: Stores) -> None:
    """As after a relay's crash between publishing and marking, or a paused one that woke up."""
    broker = MemoryBroker()
    roles = API | RELAY | PROJECTOR
    system = await start("async", roles=roles, transport=MemoryTransport(broker), **SHARED)
    await busy(system, 10)
    for kept in broker.kept.values():
        kept.extend(kept[: len(kept) // 2])
    broker.announce()
    await busy(system, 10)
    await proven(system, stores)


async def test_relays_take_over_where_the_other_was(start: Start, stores: Stores) -> None:
    broker = MemoryBroker()
    api = await start("async", roles=API, **SHARED, transport=MemoryTransport(broker))
    await start("async", roles=PROJECTOR, transport=MemoryTransport(broker), **SHARED)
    relays = [
        await start("async", roles=RELAY, transport=MemoryTransport(broker), **SHARED)
        for _ in range(3)
    ]
    while relays:
        await busy(api, 10)
        await until(lambda: any(map(_leads, relays)))
        leading = [one for one in relays if _leads(one)]
        assert len(leading) == 1
        if len(relays) == 1:
            break
        relays.remove(leading[0])
        await leading[0].stop()
    await busy(api, 10)
    await proven(api, stores)
    positions = [
        int(one.attributes["position"])
        for kept in broker.kept.values()
        for one in kept
        if one.attributes["type"] != WATERMARK
    ]
    assert sorted(set(positions)) == list(range(1, await api.log.head() + 1))


def _leads(system: System) -> bool:
    return system.sharing.relay is not None and system.sharing.relay.leads


async def test_a_channel_of_another_system_is_not_written_into(start: Start) -> None:
    broker = MemoryBroker()
    system = await start("async", roles=API, transport=MemoryTransport(broker), **SHARED)
    other = MemoryTransport(broker)
    await other.open([system.sharing.channel])
    said = {"logepoch": "another", "position": "1", "previous": "0", "partitions": "4"}
    await other.publish(system.sharing.channel.name, [Message(0, "s", said, b"{}")])
    relay = await start("async", roles=RELAY, transport=MemoryTransport(broker), **SHARED)
    await until(lambda: "another" in relay.sharing.stopped().get("relay", ""))
    await system.send(draft(), Sent(caller=ANN))
    assert sum(map(len, broker.kept.values())) == 1


async def test_what_is_not_ours_in_the_channel_is_seen_and_left(
    start: Start, stores: Stores
) -> None:
    broker = MemoryBroker()
    roles = API | RELAY | PROJECTOR
    system = await start("async", roles=roles, transport=MemoryTransport(broker), **SHARED)
    await busy(system, 3)
    garbage = [Message(n, "k", {"type": "noise"}, b"\xff") for n in range(4)]
    await MemoryTransport(broker).publish(system.sharing.channel.name, garbage)
    await busy(system, 3)
    await proven(system, stores)
    assert system.sharing.rejected == 4
