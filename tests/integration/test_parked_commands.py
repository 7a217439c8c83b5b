"""Commands that can't be decided park their lane, wherever they waited; all others flow."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import msgspec
import pytest

from tests import ledgers
from tests.integration.conftest import Start, Stores
from tests.ledgers import Add, LedgerId, app
from tests.waiting import until
from twofold import RuntimeSettings, System
from twofold.adapters.memory.transport import MemoryBroker, MemoryTransport
from twofold.domain.caller import NOBODY
from twofold.ports.parked_lanes import ParkedLane
from twofold.runtime.clock import SeededChance, SystemClock
from twofold.testing.fault_plan import Fault, FaultPlan
from twofold.testing.faults import FaultyLog
from twofold.testing.faulty_inbox import FaultyInbox
from twofold.testing.faulty_parked_lanes import FaultyParkedLanes

API, WORKER = frozenset({"api"}), frozenset({"commands"})
POISON = 1000
PATIENCE_SECONDS = 60


@pytest.fixture(params=["write database", "broker"])
def connect(request: pytest.FixtureRequest) -> Callable[[], Any]:
    """Makes transports at one broker, or none: then commands wait in the write database."""
    broker = MemoryBroker()
    if request.param == "write database":
        return lambda: None
    return lambda: MemoryTransport(broker)


@pytest.fixture
def channel() -> dict[str, str]:
    """Settings of the channel, for brokers that others use as well."""
    return {}


@pytest.fixture(autouse=True)
def mend() -> Iterator[Callable[[], None]]:
    """Call it to mend the code; each test begins with the broken one."""
    before = set(ledgers.BREAKING)
    yield ledgers.BREAKING.clear
    ledgers.BREAKING |= before


@pytest.fixture
def later(start: Start, connect: Callable[[], Any], channel: dict[str, str]) -> Start:
    """Starts systems that decide commands later."""

    async def started(roles: frozenset[str] = API | WORKER, **settings: Any) -> System:
        given = {"command_partitions": 4, "lease_seconds": 1.0, "retry_seconds": 0.01}
        given |= {"retry_limit_seconds": 0.05, "command_attempts": 2, **channel, **settings}
        system: System = await start(
            "inline", app, roles, transport=connect(), commands="async", **given
        )
        return system

    return started


async def send(system: System, ledger: str, *numbers: int) -> list[str]:
    """Accept commands one after another."""
    return [await system.queued.accept(Add(ledger_id=LedgerId(ledger), number=n)) for n in numbers]


async def statuses(system: System, ids: list[str]) -> list[str]:
    """What became of commands, in their order."""
    found = [await system.queued.look(one, NOBODY, everyones=True) for one in ids]
    return [state.status if state else "unknown" for state in found]


async def decided(system: System, ids: list[str]) -> None:
    """Wait until each has succeeded."""

    async def all_are() -> bool:
        return set(await statuses(system, ids)) <= {"succeeded"}

    await until(all_are, PATIENCE_SECONDS)


async def parked(system: System, ledger: str = "l", waiting: int = 1) -> ParkedLane:
    """Wait until the ledger's lane stands still, with so many commands."""
    lanes, lane = system.log.parked_lanes, f"ledger:{ledger}"

    async def stands() -> bool:
        known = await lanes.find(lane)
        at_hand = known is not None and known.state == "parked"
        return at_hand and await lanes.waiting(lane) == waiting

    await until(stands, PATIENCE_SECONDS)
    known = await lanes.find(lane)
    assert known is not None
    return known


async def release(system: System, known: ParkedLane) -> None:
    """Have workers try the lane again."""
    released = msgspec.structs.replace(known, state="retrying", last_us=known.last_us + 1)
    assert await system.log.parked_lanes.change(released, known.last_us)


async def numbers(system: System, ledger: str = "l") -> list[int]:
    """The numbers in a ledger, in the order in which they were added."""
    events = await system.log.read_stream(f"ledger:{ledger}", 0, 1_000)
    return [msgspec.json.decode(event.data)["number"] for event in events]


@pytest.mark.parametrize("at", [0, 2, 4], ids=["first", "middle", "last"])
async def test_a_lane_waits_in_order_from_what_fails_and_others_flow(
    later: Start, mend: Callable[[], None], at: int
) -> None:
    api, worker = await later(API), await later(WORKER)
    sent = [1, 2, 3, 4]
    sent.insert(at, POISON)
    ids = await send(api, "l", *sent)
    others = [one for n in range(8) for one in await send(api, f"m{n}", 1, 2, 3)]
    await decided(api, others)
    known = await parked(api, waiting=5 - at)
    assert known.command_id == ids[at].partition(".")[0]
    assert (known.operation, known.attempts, known.error) == (
        "ledger.Add",
        2,
        "ZeroDivisionError: broken on purpose",
    )
    assert "in add, ledgers.py" in known.cause
    assert "broken on purpose" in known.traceback
    # What comes now waits its turn as well.
    ids += await send(api, "l", 5, 6)
    others = await send(api, "m0", 4)
    await decided(api, others)
    await parked(api, waiting=7 - at)
    assert await statuses(api, ids) == ["succeeded"] * at + ["accepted"] * (7 - at)
    assert await numbers(api) == sent[:at]
    mend()
    await release(api, known)
    await decided(api, ids)
    assert await numbers(api) == [*sent, 5, 6]
    assert await api.log.parked_lanes.find("ledger:l") is None
    assert worker.queued.stopped() == {}

    async def empty() -> bool:
        return (await api.log.inbox.depth()).waiting == 0

    await until(empty)
    # From here on nothing of the lane waits anywhere, and it is as any other.
    await decided(api, await send(api, "l", 8))
    assert await numbers(api) == [*sent, 5, 6, 8]


async def test_a_lane_that_is_released_too_early_parks_again(
    later: Start, mend: Callable[[], None]
) -> None:
    system = await later()
    ids = await send(system, "l", 1, POISON, 2)
    known = await parked(system, waiting=2)
    await release(system, known)

    async def again() -> bool:
        now = await system.log.parked_lanes.find("ledger:l")
        return now is not None and now.attempts == 3

    await until(again, PATIENCE_SECONDS)
    known = await parked(system, waiting=2)
    assert known.since_us < known.last_us
    assert await numbers(system) == [1]
    mend()
    await release(system, known)
    await decided(system, ids)
    assert await numbers(system) == [1, POISON, 2]


async def test_a_command_that_nobody_knows_any_more_parks_its_lane(later: Start) -> None:
    system = await later(API)
    (first,) = await send(system, "l", 1)
    (known,) = (await system.log.inbox.find([first])).values() if "." not in first else (None,)
    if known is None:
        # At a broker: sealed with its name, which only a process of ours could have written.
        return
    unknown = msgspec.structs.replace(known, command_id="u", operation="ledger.Gone")
    await system.log.inbox.settle([first])
    await system.log.inbox.accept([(0, unknown)])
    await later(WORKER)
    assert "ledger.Gone" in (await parked(system)).error


async def test_a_new_worker_goes_on_where_a_lane_stands(
    later: Start, mend: Callable[[], None]
) -> None:
    api, worker = await later(API), await later(WORKER)
    ids = await send(api, "l", 1, POISON, 2)
    await parked(api, waiting=2)
    await worker.stop()
    ids += await send(api, "l", 3)
    await later(WORKER)
    known = await parked(api, waiting=3)
    mend()
    await release(api, known)
    await decided(api, ids)
    assert await numbers(api) == [1, POISON, 2, 3]


@pytest.mark.parametrize("call", ["lanes.park.commit", "inbox.accept.commit", "lanes.held"])
@pytest.mark.parametrize("fault", [Fault.FAILS, Fault.LOSES_ANSWER])
async def test_a_store_that_fails_while_a_lane_is_parked_lets_nothing_overtake(
    later: Start,
    mend: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    fault: Fault,
) -> None:
    if call == "lanes.held" and fault is Fault.LOSES_ANSWER:
        # A read has no answer to lose that it could not fail to give.
        return
    api, worker = await later(API), await later(WORKER)
    plan = FaultPlan(worker.clock)
    kind, log = type(worker.log), worker.log
    inbox, lanes = FaultyInbox(log.inbox, plan), FaultyParkedLanes(log.parked_lanes, plan)
    monkeypatch.setattr(
        kind, "inbox", property(lambda self, kept=kind.inbox: _of(self, log, inbox, kept))
    )
    monkeypatch.setattr(
        kind,
        "parked_lanes",
        property(lambda self, kept=kind.parked_lanes: _of(self, log, lanes, kept)),
    )
    plan.order(call, *[fault] * 3)
    ids = await send(api, "l", 1, POISON, 2, 3)
    await parked(api, waiting=3)
    known = await parked(api, waiting=3)
    mend()
    await release(api, known)
    await decided(api, ids)
    assert await numbers(api) == [1, POISON, 2, 3]


def _of(one: object, log: object, faulty: object, kept: Any) -> Any:
    return faulty if one is log else kept.fget(one)


async def test_too_many_parked_lanes_stop_the_workers_with_the_reason(
    later: Start, mend: Callable[[], None]
) -> None:
    system = await later(parked_limit_per_cause=2)
    ids = []
    for ledger in ("a", "b"):
        ids += await send(system, ledger, POISON, 1)
        await parked(system, ledger, waiting=2)
    ids += await send(system, "c", POISON, 1)

    def why() -> str:
        return " ".join(system.queued.stopped().values())

    await until(lambda: "TWOFOLD_PARKED_LIMIT_PER_CAUSE" in why(), PATIENCE_SECONDS)
    assert "broken on purpose" in why()
    assert await system.log.parked_lanes.find("ledger:c") is None
    mend()
    # What could not be parked is still tried, and the worker goes on by itself.
    await decided(system, ids[4:])
    await until(lambda: why() == "", PATIENCE_SECONDS)
    for ledger in ("a", "b"):
        await release(system, await parked(system, ledger, waiting=2))
    await decided(system, ids)


@pytest.fixture
async def doomed(
    stores: Stores, connect: Callable[[], Any], channel: dict[str, str]
) -> AsyncIterator[tuple[System, FaultPlan]]:
    """A worker whose write database behaves as planned; not started yet."""
    log, read_store = stores()
    clock = SystemClock()
    plan = FaultPlan(clock)
    settings: dict[str, Any] = {"command_partitions": 4, "lease_seconds": 1.0}
    system = System(
        app,
        FaultyLog(log, plan),
        read_store,
        clock=clock,
        chance=SeededChance(),
        settings=RuntimeSettings(
            commands="async",
            command_attempts=3,
            drain_seconds=0.1,
            retry_seconds=0.01,
            **settings,
            **channel,
        ),
        roles=WORKER,
        transport=connect(),
    )
    yield system, plan
    plan.heal()
    await system.stop()


async def test_a_worker_that_dies_before_it_has_noted_what_is_parked_loses_nothing(
    later: Start, doomed: tuple[System, FaultPlan], mend: Callable[[], None]
) -> None:
    api = await later(API)
    worker, plan = doomed
    await worker.start()
    plan.order("leases.mark.commit", *[Fault.FAILS] * 10_000)
    ids = await send(api, "l", 1, POISON, 2)
    await parked(api, waiting=2)
    await worker.stop()
    ids += await send(api, "l", 3)
    await later(WORKER)
    known = await parked(api, waiting=3)
    mend()
    await release(api, known)
    await decided(api, ids)
    assert await numbers(api) == [1, POISON, 2, 3]


async def test_a_worker_that_stood_still_meets_what_others_have_made_of_a_parked_lane(
    later: Start, doomed: tuple[System, FaultPlan], mend: Callable[[], None]
) -> None:
    api = await later(API)
    zombie, plan = doomed
    await zombie.start()
    await decided(api, await send(api, "m", 1))
    plan.pause()
    ids = await send(api, "l", 1, POISON, 2)
    await later(WORKER)
    known = await parked(api, waiting=2)
    mend()
    await release(api, known)
    await decided(api, ids)
    plan.resume()
    ids = await send(api, "l", 3, 4)
    await decided(api, ids)
    assert await numbers(api) == [1, POISON, 2, 3, 4]
    assert await api.log.parked_lanes.counts() == []
