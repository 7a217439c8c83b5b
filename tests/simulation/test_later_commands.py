"""Accepted commands on bad days: each has one outcome, those of one aggregate in their order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from random import Random

import pytest
from msgspec.structs import replace

from tests import ledgers
from tests.ledgers import Add, LedgerId, app
from twofold import RuntimeSettings, Sent, System
from twofold.adapters.memory.log import MemoryLog, MemoryStorage
from twofold.adapters.memory.read_store import MemoryReadStore, MemoryTables
from twofold.adapters.memory.transport import MemoryBroker, MemoryTransport
from twofold.errors import StoreUnavailable
from twofold.ports.log import CommandRecord
from twofold.runtime.clock import SeededChance
from twofold.testing.fault_plan import FaultPlan
from twofold.testing.faults import FaultyLog, FaultyReadStore
from twofold.testing.faulty_transport import FaultyTransport
from twofold.testing.virtual_time import VirtualClock, run_virtual

LEDGERS, NUMBERS, SECONDS = 6, 12, 600.0
SETTINGS = RuntimeSettings(
    commands="async", command_partitions=4, commands_in_hand=20, retry_limit_seconds=2.0
)


class BadDay:
    """One database, perhaps a broker, api processes, and workers that come and go."""

    def __init__(self, seed: int, *, broker: bool) -> None:
        self.clock = VirtualClock()
        self.chance = Random(seed)
        self.storage, self.tables = MemoryStorage(), MemoryTables()
        self.broker = MemoryBroker() if broker else None
        self.plan = FaultPlan(
            self.clock,
            seed=seed,
            failures=self.chance.choice((0.0, 0.1, 0.2)),
            lost_answers=self.chance.choice((0.0, 0.1, 0.2)),
            delays=self.chance.choice((0.0, 0.5)),
            delay_seconds=0.5,
            lost_notifications=self.chance.choice((0.0, 0.5)),
        )
        self.accepted: dict[str, list[str]] = {}
        self.parked: set[str] = set()

    def system(self, role: str) -> System:
        """One process."""
        transport = MemoryTransport(self.broker) if self.broker else None
        return System(
            app,
            FaultyLog(MemoryLog(self.storage), self.plan),
            FaultyReadStore(MemoryReadStore(self.tables), self.plan),
            clock=self.clock,
            chance=SeededChance(self.chance.randrange(2**32)),
            settings=SETTINGS,
            roles=frozenset({role}),
            transport=FaultyTransport(transport, self.plan) if transport else None,
        )

    async def started(self, stack: AsyncExitStack, role: str) -> System:
        """One process; a store that fails while it starts is tried again."""
        while True:
            system = self.system(role)
            try:
                await system.start()
            except StoreUnavailable:
                continue
            stack.push_async_callback(system.stop)
            return system

    async def live(self) -> None:
        """Accept everything while workers come and go; then nothing may be missing."""
        async with AsyncExitStack() as stack:
            apis = [await self.started(stack, "api") for _ in range(2)]
            await self.started(stack, "commands")
            going = asyncio.create_task(self._come_and_go())
            operating = asyncio.create_task(self._release_again_and_again())
            await asyncio.gather(
                *(self._send(apis, LedgerId(f"l{number}")) for number in range(LEDGERS))
            )
            await going
            async with asyncio.timeout(SECONDS):
                while len(self.parked) < LEDGERS:
                    await self.clock.sleep(0.5)
            self.plan.heal()
            ledgers.BREAKING.clear()
            async with asyncio.timeout(SECONDS):
                while self._undecided():
                    await self.clock.sleep(0.5)
            operating.cancel()
            assert (await MemoryLog(self.storage).inbox.depth()).waiting == 0

    async def _send(self, apis: list[System], ledger: LedgerId) -> None:
        """Each number once the one before is accepted; some of them twice."""
        for number in range(1, NUMBERS + 1):
            sent = Sent(key=f"{ledger}-{number}")
            times = self.chance.choice((1, 1, 2))
            while times:
                api = self.chance.choice(apis)
                try:
                    known_as = await api.queued.accept(Add(ledger_id=ledger, number=number), sent)
                except StoreUnavailable:
                    await self.clock.sleep(0.05)
                    continue
                times -= 1
            self.accepted.setdefault(ledger, []).append(known_as.partition(".")[0])

    async def _come_and_go(self) -> None:
        for _ in range(3):
            async with AsyncExitStack() as stack:
                await self.started(stack, "commands")
                await self.clock.sleep(self.chance.random() * 8)

    async def _release_again_and_again(self) -> None:
        """An operator who hopes for the best, also while the code is broken."""
        lanes = self.storage.parked_lanes
        while True:
            await self.clock.sleep(self.chance.random() * 4)
            for parked in await lanes.page(0, 100, "parked"):
                self.parked.add(parked.lane)
                released = replace(parked, state="retrying", last_us=parked.last_us + 1)
                await lanes.change(released, parked.last_us)

    def _undecided(self) -> list[str]:
        known = self.storage.records
        return [one for ids in self.accepted.values() for one in ids if one not in known]


@pytest.fixture
def poison() -> Iterator[int]:
    """A number of which the decision is broken until the day is over."""
    before = set(ledgers.BREAKING)
    ledgers.BREAKING.add(5)
    yield 5
    ledgers.BREAKING.clear()
    ledgers.BREAKING.update(before)


@pytest.mark.parametrize("broker", [False, True], ids=["write database", "broker"])
@pytest.mark.parametrize("seed", range(12))
def test_every_command_has_one_outcome_in_the_order_of_its_aggregate(
    seed: int, broker: bool, poison: int
) -> None:
    day: list[BadDay] = []

    async def main() -> None:
        day.append(BadDay(seed, broker=broker))
        await day[0].live()

    run_virtual(main, seed=seed)
    storage = day[0].storage
    assert day[0].parked == {f"ledger:{ledger}" for ledger in day[0].accepted}
    assert storage.inbox.parked == {}
    for ledger, ids in day[0].accepted.items():
        assert len(set(ids)) == NUMBERS
        events = storage.streams[f"ledger:{ledger}"]
        numbers = [n for n in range(1, NUMBERS + 1) if n % 7]
        assert [event.causation_id for event in events] == [ids[n - 1] for n in numbers]
        records: list[CommandRecord] = [storage.records[one] for one in ids]
        refused = [n for n, record in enumerate(records, 1) if record.status == "refused"]
        assert refused == [7]
