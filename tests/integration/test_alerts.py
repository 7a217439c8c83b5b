"""Alerts in virtual time: each trouble is told once, and its end as well."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

from tests.proposals import Level, Submit, app
from twofold import Caller, RuntimeSettings, Sent, System
from twofold.adapters.memory.log import MemoryLog, MemoryStorage
from twofold.adapters.memory.read_store import MemoryReadStore, MemoryTables
from twofold.adapters.memory.transport import MemoryBroker, MemoryTransport
from twofold.errors import NotDelivered
from twofold.messages.recorded import microseconds
from twofold.ports.alerts import Message
from twofold.ports.vitals import Vitals
from twofold.runtime.alerting.alerting import Alerting
from twofold.runtime.alerting.desk import look_at_alerts
from twofold.runtime.alerting.limits import AlertLimits
from twofold.runtime.clock import SeededChance
from twofold.testing import Fault, FaultPlan, FaultyLog, FaultyReadStore, VirtualClock, run_virtual
from twofold.testing.faulty_transport import FaultyTransport

AUTHOR = Sent(caller=Caller("ada", roles=frozenset({"author"})))
LIMITS = AlertLimits(seconds=5.0, reminder_seconds=600.0, relay_seconds=60.0)


class Receiver:
    """A channel that keeps what it is sent, and takes nothing while ``broken``."""

    def __init__(self, name: str = "webhook") -> None:
        self.name = name
        self.got: list[Message] = []
        self.broken = False

    async def send(self, message: Message) -> None:
        if self.broken:
            raise NotDelivered(self.name, "500")
        self.got.append(message)

    def about(self, key: str) -> list[str]:
        return [one.occasion for one in self.got if one.key == key]


class Database:
    """Vitals that tests set."""

    name = "write database"

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.ahead_seconds = 0.0
        self.free_bytes = 10 * 1024**3
        self.horizon_seconds = 0.0

    async def look(self) -> Vitals:
        now_us = microseconds(self._clock.now()) + round(self.ahead_seconds * 1e6)
        return Vitals(
            time_us=now_us,
            free_bytes=self.free_bytes,
            horizon_seconds=self.horizon_seconds,
            horizon="session 7 of shop, idle in transaction",
        )


class Company:
    """Processes of one role each on shared stores, with one receiver of alerts."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.clock = VirtualClock()
        self.receiver = Receiver()
        self.database = Database(self.clock)
        self.plans: dict[str, FaultPlan] = {}
        self._started = 0
        self._stack = stack
        self._storage, self._tables, self._broker = MemoryStorage(), MemoryTables(), MemoryBroker()

    async def start(self, role: str, *, canary_seconds: float = 0.0) -> System:
        self._started += 1
        plan = self.plans[role] = FaultPlan(self.clock)
        system = System(
            app,
            FaultyLog(MemoryLog(self._storage), plan),
            FaultyReadStore(MemoryReadStore(self._tables), plan),
            clock=self.clock,
            chance=SeededChance(self._started),
            settings=RuntimeSettings(
                projections="async", partitions=4, canary_seconds=canary_seconds, alerts=LIMITS
            ),
            roles=frozenset({role}),
            transport=FaultyTransport(MemoryTransport(self._broker), plan),
            beside=[
                partial(Alerting, channels=[self.receiver], vitals=[self.database], host="one")
            ],
        )
        self._stack.push_async_callback(system.stop)
        self._stack.callback(plan.heal)
        await system.start()
        return system

    async def all(self) -> System:
        """One process of each role that is needed; answers the api."""
        systems = [await self.start(role) for role in ("api", "relay", "projector")]
        return systems[0]


def virtually(story: Callable[[Company], Awaitable[None]]) -> None:
    async def lived() -> None:
        async with AsyncExitStack() as stack:
            await story(Company(stack))

    run_virtual(lived)


async def submit(system: System, title: str = "Safety at work") -> None:
    await system.send(Submit(title=title, level=Level.BEGINNER), AUTHOR)


async def open_keys(system: System) -> list[str]:
    return [alert.key for alert in (await look_at_alerts(system.log)).open]


def test_a_day_on_which_nothing_is_wrong_tells_nothing() -> None:
    async def story(company: Company) -> None:
        api = await company.all()
        for _ in range(24):
            await submit(api)
            await company.clock.sleep(3600)
        assert company.receiver.got == []

    virtually(story)


def test_a_dead_projector_is_told_once_and_its_return_as_well() -> None:
    async def story(company: Company) -> None:
        api = await company.start("api")
        await company.start("relay")
        projector = await company.start("projector")
        await company.clock.sleep(60)
        assert company.receiver.got == []
        await projector.stop()
        await company.clock.sleep(30)
        assert company.receiver.about("role/projector") == ["opened"]
        assert await open_keys(api) == ["role/projector"]
        await company.clock.sleep(300)
        assert company.receiver.about("role/projector") == ["opened"]
        await company.start("projector")
        await company.clock.sleep(60)
        assert company.receiver.about("role/projector") == ["opened", "recovered"]
        assert await open_keys(api) == []

    virtually(story)


def test_a_relay_that_publishes_nothing_is_told_and_that_it_goes_on() -> None:
    async def story(company: Company) -> None:
        api = await company.all()
        await submit(api)
        await company.clock.sleep(30)
        company.plans["relay"].order("transport.publish.commit", *[Fault.FAILS] * 10_000)
        await submit(api)
        await company.clock.sleep(50)
        assert company.receiver.about("relay") == []
        await company.clock.sleep(30)
        assert company.receiver.about("relay") == ["opened"]
        company.plans["relay"].heal()
        await company.clock.sleep(200)
        assert company.receiver.about("relay") == ["opened", "recovered"]
        assert await open_keys(api) == []

    virtually(story)


def test_a_projector_that_does_not_get_what_is_published_is_told_by_canaries() -> None:
    async def story(company: Company) -> None:
        for role in ("api", "relay", "projector"):
            await company.start(role, canary_seconds=20.0)
        await company.clock.sleep(60)
        company.plans["projector"].hold_projections()
        await company.clock.sleep(90)
        told = {one.key for one in company.receiver.got if one.kind == "canary"}
        assert "canary/portfolio_item" in told
        company.plans["projector"].heal()
        await company.clock.sleep(300)
        assert company.receiver.about("canary/portfolio_item") == ["opened", "recovered"]

    virtually(story)


def test_a_clock_that_is_wrong_is_told_and_that_it_is_right_again() -> None:
    async def story(company: Company) -> None:
        await company.all()
        await company.clock.sleep(30)
        company.database.ahead_seconds = -7.0
        await company.clock.sleep(30)
        assert company.receiver.about("clock/write database (one)") == ["opened"]
        assert "differ by 7.0 s" in company.receiver.got[0].summary
        company.database.ahead_seconds = 0.5
        await company.clock.sleep(60)
        assert company.receiver.about("clock/write database (one)") == ["opened", "recovered"]

    virtually(story)
