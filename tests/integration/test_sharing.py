"""What processes that share the work owe each other: room, and their leases when they leave."""

from __future__ import annotations

import asyncio

import pytest

from tests.integration.conftest import Start
from tests.integration.test_commands import ANN, RITA, draft
from tests.integration.test_partitions import PROJECTOR, RELAY, busy
from tests.integration.test_projections import item
from tests.proposals import Reject
from tests.waiting import until
from twofold import Sent, System
from twofold.adapters.memory.transport import MemoryBroker, MemoryTransport
from twofold.errors import NotCaughtUp, TooMuchParked
from twofold.ports.read_store import Checkpoint
from twofold.runtime.partitions.projector import SharedProjector
from twofold.runtime.partitions.stretches import Stretch

LEASE_SECONDS = 3.0
TAKEN_OVER_SECONDS = 1.5


async def test_a_projection_that_stands_still_leaves_room_for_the_others(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = MemoryTransport(MemoryBroker())
    roles = frozenset({"api", "projector", "relay"})
    system: System = await start(
        "async", roles=roles, transport=transport, partitions=2, tail_events=4
    )
    broken = next(one for one in system.sharing.projectors if one.applier.name == "author_page")

    async def poisoned(*_: object) -> Checkpoint:
        raise TooMuchParked("author_page", 1, "", "a test")

    monkeypatch.setattr(broken.applier, "apply_parts", poisoned)
    await busy(system, 40)


@pytest.mark.parametrize("stores", ["memory"], indirect=True)
async def test_large_events_that_wait_are_left_at_the_broker(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many are in memory as there is room for, while projections wait for their store."""
    kept_bytes, event_bytes, count = 400_000, 4_000, 300
    transport = MemoryTransport(MemoryBroker())
    roles = frozenset({"api", "projector", "relay"})
    system: System = await start(
        "async", roles=roles, transport=transport, partitions=2, tail_bytes=kept_bytes
    )
    opened = asyncio.Event()
    apply = SharedProjector._apply

    async def later(projector: SharedProjector, stretch: Stretch) -> None:
        await opened.wait()
        await apply(projector, stretch)

    monkeypatch.setattr(SharedProjector, "_apply", later)
    reason = "x" * event_bytes

    async def reject() -> None:
        done = await system.send(draft(), Sent(caller=ANN))
        await system.send(Reject(proposal_id=done.identity, reason=reason), Sent(caller=RITA))

    await asyncio.gather(*(reject() for _ in range(count)))
    feed, relay = system.sharing.feed, system.sharing.relay
    assert feed is not None
    assert relay is not None
    head = await system.log.head()
    await until(lambda: relay.published.position == head)
    await until(lambda: sum(one.size_bytes for one in feed.arrivals.values()) >= kept_bytes)
    most = 0
    opened.set()
    async with asyncio.timeout(60):
        while any(system.progress.checkpoint(t).position < head for t in system.tables.values()):
            most = max(most, sum(one.size_bytes for one in feed.arrivals.values()))
            await system.progress.next_move(1)
    assert kept_bytes <= most < 2 * kept_bytes < count * event_bytes


@pytest.mark.parametrize("role", [RELAY, PROJECTOR], ids=["relay", "projector"])
async def test_who_leaves_is_followed_at_once(start: Start, role: frozenset[str]) -> None:
    """Far earlier than its lease would end."""
    broker = MemoryBroker()
    settings = {"partitions": 2, "lease_seconds": LEASE_SECONDS}
    both: list[System] = [
        await start("async", roles=role, transport=MemoryTransport(broker), **settings)
        for _ in range(2)
    ]
    await until(lambda: sum(map(parts, both)) == (1 if role == RELAY else 2))
    leaving, staying = sorted(both, key=parts, reverse=True)
    had = parts(leaving) + parts(staying)
    await leaving.stop()
    await until(lambda: parts(staying) == had, TAKEN_OVER_SECONDS)


def parts(system: System) -> int:
    """How many it holds."""
    return sum(len(one.held) for one in system.sharing._memberships)


async def test_without_a_relay_the_token_is_refused_in_time(start: Start) -> None:
    """Commands go on; a query with their token says in bounded time that it can't be answered."""
    broker = MemoryBroker()
    api: System = await start(
        "async", roles=frozenset({"api"}), transport=MemoryTransport(broker), partitions=2
    )
    done = await api.send(draft(), Sent(caller=ANN))
    begun = asyncio.get_running_loop().time()
    with pytest.raises(NotCaughtUp) as refused:
        await item(api, done.identity, api.tokens.token(done.position), 0.5)
    assert asyncio.get_running_loop().time() - begun < 2
    assert refused.value.wanted == done.position
