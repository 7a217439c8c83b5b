"""Canaries in virtual time: what does not come through is told, whatever the lag says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from tests.proposals import Level, Submit, app
from twofold import Caller, RuntimeSettings, Sent, System
from twofold.adapters.memory.log import MemoryLog, MemoryStorage
from twofold.adapters.memory.read_store import MemoryReadStore, MemoryTables
from twofold.adapters.memory.transport import MemoryBroker, MemoryTransport
from twofold.runtime.canary import CANARY
from twofold.runtime.clock import SeededChance
from twofold.runtime.readiness import Readiness
from twofold.testing import FaultPlan, FaultyReadStore, VirtualClock, run_virtual
from twofold.testing.faulty_transport import FaultyTransport

INTERVAL_SECONDS, LIMIT_SECONDS = 20.0, 5.0
PROJECTIONS = {"portfolio_item", "author_page", "acceptances"}


class Company:
    """Processes of one role each on shared stores; ``plans`` hurt their read store and broker."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.clock = VirtualClock()
        self.plans: dict[str, FaultPlan] = {}
        self._started = 0
        self._stack = stack
        self._storage, self._tables, self._broker = MemoryStorage(), MemoryTables(), MemoryBroker()

    async def start(self, role: str) -> System:
        self._started += 1
        plan = self.plans[role] = FaultPlan(self.clock)
        system = System(
            app,
            MemoryLog(self._storage),
            FaultyReadStore(MemoryReadStore(self._tables), plan),
            clock=self.clock,
            # Of two with the same each would take the other for itself.
            chance=SeededChance(self._started),
            settings=RuntimeSettings(
                projections="async",
                partitions=4,
                canary_seconds=INTERVAL_SECONDS,
                canary_limit_seconds=LIMIT_SECONDS,
            ),
            roles=frozenset({role}),
            transport=FaultyTransport(MemoryTransport(self._broker), plan),
        )
        self._stack.push_async_callback(system.stop)
        self._stack.callback(plan.heal)
        await system.start()
        return system


def virtually(story: Callable[[Company], Awaitable[None]]) -> None:
    async def lived() -> None:
        async with AsyncExitStack() as stack:
            await story(Company(stack))

    run_virtual(lived)


async def canaries(system: System) -> int:
    return sum(event.type == CANARY for event in await system.log.read(0, 10_000))


async def degraded(system: System) -> dict[str, str]:
    return dict((await Readiness(system).look()).degraded)


def test_a_log_in_which_nothing_happens_has_one_canary_for_each_interval() -> None:
    async def story(company: Company) -> None:
        api = await company.start("api")
        await company.start("api")
        await company.start("relay")
        await company.start("projector")
        await company.clock.sleep(10.5 * INTERVAL_SECONDS)
        assert await canaries(api) == await api.log.head() == 10
        assert api.canary is not None
        assert api.canary.seconds.keys() == PROJECTIONS
        assert max(api.canary.seconds.values()) < 2
        assert await degraded(api) == {}

    virtually(story)


def test_what_happens_anyway_is_the_canary() -> None:
    async def story(company: Company) -> None:
        api = await company.start("api")
        await company.start("relay")
        await company.start("projector")
        draft = Submit(title="Safety at work", level=Level.BEGINNER)
        for _ in range(30):
            await api.send(draft, Sent(caller=Caller("ann")))
            await company.clock.sleep(INTERVAL_SECONDS / 3)
        assert await canaries(api) == 0
        assert api.canary is not None
        assert api.canary.seconds.keys() == PROJECTIONS

    virtually(story)


def test_a_projector_that_lives_and_does_nothing_is_told_although_nothing_waits() -> None:
    async def story(company: Company) -> None:
        api = await company.start("api")
        await company.start("relay")
        projector = await company.start("projector")
        await company.clock.sleep(1.5 * INTERVAL_SECONDS)
        assert await degraded(api) == {}
        company.plans["projector"].pause()
        await company.clock.sleep(1.0)
        heads = [api.progress.checkpoint(table).position for table in api.tables.values()]
        assert set(heads) == {await api.log.head()}
        await company.clock.sleep(INTERVAL_SECONDS / 2 + LIMIT_SECONDS)
        told = await degraded(api)
        assert told.keys() == PROJECTIONS
        assert "has not come through" in told["portfolio_item"]
        report = await Readiness(api).look()
        assert {one.state for one in report.projections.values()} == {"stopped"}
        assert report.status == "ready"
        company.plans["projector"].resume()
        await company.clock.sleep(LIMIT_SECONDS)
        assert await degraded(api) == {}
        assert projector.sharing.stopped() == {}

    virtually(story)


def test_a_relay_that_lives_and_publishes_nothing_is_told() -> None:
    async def story(company: Company) -> None:
        api = await company.start("api")
        await company.start("relay")
        await company.start("projector")
        await company.clock.sleep(1.5 * INTERVAL_SECONDS)
        company.plans["relay"].pause()
        await company.clock.sleep(INTERVAL_SECONDS + LIMIT_SECONDS)
        assert (await degraded(api)).keys() == PROJECTIONS

    virtually(story)


def test_without_anybody_to_send_canaries_nothing_is_known() -> None:
    async def story(company: Company) -> None:
        api = await company.start("api")
        projector = await company.start("projector")
        await company.start("relay")
        await company.clock.sleep(2.5 * INTERVAL_SECONDS)
        assert "canary" not in await degraded(projector)
        await api.stop()
        await company.clock.sleep(4 * INTERVAL_SECONDS)
        assert "no canary was sent" in (await degraded(projector))["canary"]

    virtually(story)
