"""Alerts in virtual time: each trouble is told once, and its end as well."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial

from msgspec import Raw
from msgspec.structs import replace

from tests.proposals import Level, Submit, app
from twofold import Caller, RuntimeSettings, Sent, System
from twofold.adapters.memory.log import MemoryLog, MemoryStorage
from twofold.adapters.memory.read_store import MemoryReadStore, MemoryTables
from twofold.adapters.memory.transport import MemoryBroker, MemoryTransport
from twofold.errors import NotDelivered
from twofold.messages.recorded import microseconds
from twofold.ports.alerts import Message
from twofold.ports.inbox import Accepted
from twofold.ports.parked_lanes import ParkedLane
from twofold.ports.vitals import Vitals
from twofold.runtime.alerting.alerting import Alerting
from twofold.runtime.alerting.desk import look_at_alerts
from twofold.runtime.alerting.limits import AlertLimits
from twofold.runtime.clock import SeededChance
from twofold.testing import Fault, FaultPlan, FaultyLog, FaultyReadStore, VirtualClock, run_virtual
from twofold.testing.faulty_transport import FaultyTransport
from twofold.testing.virtual_time import START

AUTHOR = Sent(caller=Caller("ada", roles=frozenset({"author"})))
LIMITS = AlertLimits(seconds=5.0, reminder_seconds=600.0, relay_seconds=60.0)


class Receiver:
    """A channel that keeps what it is sent, and takes nothing while ``broken``, nor messages of
    kinds that are ``refused``. While ``mistaken``, it fails as no channel should.
    """

    def __init__(self, name: str = "webhook") -> None:
        self.name = name
        self.got: list[Message] = []
        self.broken = self.mistaken = False
        self.refused: set[str] = set()

    async def send(self, message: Message) -> None:
        if self.mistaken:
            raise ValueError("ada@example.org")
        if self.broken or message.kind in self.refused:
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
        self.receiver, self.mail = Receiver(), Receiver("e-mail")
        self.database = Database(self.clock)
        self.plans: dict[str, FaultPlan] = {}
        self._started = 0
        self._stack = stack
        self._storage, self.tables, self._broker = MemoryStorage(), MemoryTables(), MemoryBroker()

    async def start(
        self,
        role: str,
        *,
        canary_seconds: float = 0.0,
        ahead_seconds: float = 0.0,
        poll_seconds: float = 5.0,
        broker: bool = True,
    ) -> System:
        self._started += 1
        plan = self.plans[role] = FaultPlan(self.clock)
        system = System(
            app,
            FaultyLog(MemoryLog(self._storage), plan),
            FaultyReadStore(MemoryReadStore(self.tables), plan),
            clock=VirtualClock(START + timedelta(seconds=ahead_seconds)),
            chance=SeededChance(self._started),
            settings=RuntimeSettings(
                projections="async",
                partitions=4,
                poll_seconds=poll_seconds,
                lease_seconds=6.0,
                canary_seconds=canary_seconds,
                alerts=LIMITS,
            ),
            roles=frozenset({role}),
            transport=FaultyTransport(MemoryTransport(self._broker), plan) if broker else None,
            beside=[
                partial(
                    Alerting,
                    channels=[self.receiver, self.mail],
                    vitals=[self.database],
                    host="one",
                )
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


def test_twenty_minutes_in_which_nothing_is_wrong_tells_nothing() -> None:
    async def story(company: Company) -> None:
        api = await company.all()
        for _ in range(4):
            await submit(api)
            await company.clock.sleep(300)
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


def test_what_can_no_longer_be_wrong_is_over() -> None:
    """The broker that could not be reached is no longer in the settings, nor are canaries."""

    async def story(company: Company) -> None:
        roles = ("api", "relay", "projector")
        systems = [await company.start(role, canary_seconds=20.0) for role in roles]
        await company.clock.sleep(60)
        company.plans["relay"].order("transport.publish.commit", *[Fault.FAILS] * 10_000)
        await submit(systems[0])
        await company.clock.sleep(200)
        assert company.receiver.about("relay") == ["opened"]
        assert company.receiver.about("canary/portfolio_item") == ["opened"]
        for system in systems:
            await system.stop()
        for role in ("api", "projector"):
            await company.start(role, broker=False)
        await company.clock.sleep(200)
        assert company.receiver.about("relay") == ["opened", "recovered"]
        assert company.receiver.about("canary/portfolio_item") == ["opened", "recovered"]

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


def test_events_from_the_future_are_told() -> None:
    async def story(company: Company) -> None:
        api = await company.all()
        await company.clock.sleep(30)
        ahead = await company.start("api", ahead_seconds=100.0)
        await submit(ahead)
        await company.clock.sleep(30)
        assert company.receiver.about("clock/events") == ["opened"]
        await company.clock.sleep(120)
        assert company.receiver.about("clock/events") == ["opened", "recovered"]
        # Its clock still is what it was.
        assert await open_keys(api) == ["clock/write database (one)"]

    virtually(story)


def test_little_space_is_told_and_again_when_it_is_a_tenth_of_that() -> None:
    async def story(company: Company) -> None:
        await company.all()
        key = "disk/write database (one)"
        company.database.free_bytes = 900 * 1024**2
        await company.clock.sleep(30)
        company.database.free_bytes = 800 * 1024**2
        await company.clock.sleep(30)
        assert company.receiver.about(key) == ["opened"]
        company.database.free_bytes = 80 * 1024**2
        await company.clock.sleep(30)
        assert company.receiver.about(key) == ["opened", "changed"]
        assert "80 MiB" in company.receiver.got[-1].summary
        company.database.free_bytes = 8 * 1024**3
        await company.clock.sleep(60)
        assert company.receiver.about(key) == ["opened", "changed", "recovered"]

    virtually(story)


def test_a_transaction_left_open_is_told() -> None:
    async def story(company: Company) -> None:
        await company.all()
        company.database.horizon_seconds = LIMITS.horizon_seconds + 1
        await company.clock.sleep(30)
        assert company.receiver.about("horizon/write database") == ["opened"]
        assert "session 7" in company.receiver.got[0].summary
        company.database.horizon_seconds = 0.0
        await company.clock.sleep(60)
        assert company.receiver.about("horizon/write database") == ["opened", "recovered"]

    virtually(story)


def test_an_alert_that_stays_open_is_told_again_after_a_while() -> None:
    async def story(company: Company) -> None:
        await company.all()
        company.database.horizon_seconds = LIMITS.horizon_seconds + 1
        await company.clock.sleep(LIMITS.reminder_seconds * 2 + 60)
        told = company.receiver.about("horizon/write database")
        assert told == ["opened", "reminder", "reminder"]
        assert len({one.delivery for one in company.receiver.got}) == 3
        assert len({one.alert for one in company.receiver.got}) == 1

    virtually(story)


def test_what_nobody_takes_is_tried_again_and_taken_once() -> None:
    async def story(company: Company) -> None:
        api = await company.all()
        company.receiver.broken = True
        company.database.horizon_seconds = LIMITS.horizon_seconds + 1
        await company.clock.sleep(120)
        assert (await look_at_alerts(api.log)).failing == {"webhook": "500"}
        company.receiver.broken = False
        await company.clock.sleep(60)
        assert company.receiver.about("horizon/write database") == ["opened"]
        assert (await look_at_alerts(api.log)).failing == {}

    virtually(story)


def test_what_was_over_before_anybody_took_it_is_told_as_over() -> None:
    async def story(company: Company) -> None:
        await company.all()
        company.receiver.broken = True
        company.database.horizon_seconds = LIMITS.horizon_seconds + 1
        await company.clock.sleep(60)
        company.database.horizon_seconds = 0.0
        await company.clock.sleep(60)
        company.receiver.broken = False
        await company.clock.sleep(60)
        assert company.receiver.about("horizon/write database") == ["recovered"]

    virtually(story)


def test_a_restart_neither_repeats_nor_forgets() -> None:
    async def story(company: Company) -> None:
        systems = [await company.start(role) for role in ("api", "relay", "projector")]
        company.database.horizon_seconds = LIMITS.horizon_seconds + 1
        await company.clock.sleep(60)
        for system in systems:
            await system.stop()
        await company.clock.sleep(400)
        await company.all()
        await company.clock.sleep(120)
        assert company.receiver.about("horizon/write database") == ["opened"]
        company.database.horizon_seconds = 0.0
        await company.clock.sleep(60)
        assert company.receiver.about("horizon/write database") == ["opened", "recovered"]

    virtually(story)


def test_a_recovery_is_not_told_where_nobody_looks() -> None:
    """Only processes with read models know what is parked, so others can't say that it is over."""

    async def story(company: Company) -> None:
        systems = [await company.start(role) for role in ("api", "projector")]
        relay = await company.start("relay")
        await company.clock.sleep(30)
        for system in systems:
            system.progress.stopped["portfolio_item_1"] = "for this test"
        await company.clock.sleep(60)
        assert company.receiver.about("stopped/portfolio_item") == ["opened"]
        for system in systems:
            await system.stop()
        await company.clock.sleep(600)
        assert "stopped/portfolio_item" in await open_keys(relay)
        await company.start("projector")
        await company.clock.sleep(120)
        told = company.receiver.about("stopped/portfolio_item")
        assert [one for one in told if one != "reminder"] == ["opened", "recovered"]

    virtually(story)


def test_of_many_processes_one_sends_whoever_is_killed_meanwhile() -> None:
    async def story(company: Company) -> None:
        for _ in range(3):
            await company.all()
        company.database.horizon_seconds = LIMITS.horizon_seconds + 1
        await company.clock.sleep(60)
        company.plans["api"].pause()
        await company.clock.sleep(60)
        company.plans["api"].resume()
        await company.clock.sleep(60)
        company.database.horizon_seconds = 0.0
        await company.clock.sleep(90)
        assert company.receiver.about("horizon/write database") == ["opened", "recovered"]

    virtually(story)


def test_what_is_told_holds_no_data_of_events_and_no_errors_of_folds() -> None:
    async def story(company: Company) -> None:
        systems = [await company.start(role) for role in ("api", "relay", "projector")]
        await company.clock.sleep(30)
        systems[2].progress.stopped["portfolio_item_1"] = "ValueError: ada@example.org"
        await company.clock.sleep(60)
        assert company.receiver.about("stopped/portfolio_item") == ["opened"]
        assert "ada" not in repr(company.receiver.got)

    virtually(story)


def test_a_write_database_that_does_not_answer_is_told_without_it() -> None:
    async def story(company: Company) -> None:
        await company.all()
        await company.clock.sleep(60)
        for plan in company.plans.values():
            for call in ("leases.share.commit", "leases.sign.commit", "leases.marks", "log.head"):
                plan.order(call, *[Fault.FAILS] * 10_000)
        await company.clock.sleep(60)
        assert company.receiver.about("database") == ["opened"]
        for plan in company.plans.values():
            plan.heal()
        await company.clock.sleep(60)
        assert company.receiver.about("database") == ["opened", "recovered"]

    virtually(story)


def test_what_came_of_an_outage_is_not_told_when_both_are_over() -> None:
    async def story(company: Company) -> None:
        systems = [await company.start(role) for role in ("api", "relay", "projector")]
        await company.clock.sleep(60)
        for plan in company.plans.values():
            for call in ("leases.share.commit", "leases.sign.commit", "leases.marks"):
                plan.order(call, *[Fault.FAILS] * 10_000)
        for system in systems:
            system.progress.stopped["portfolio_item_1"] = "the store does not answer"
        await company.clock.sleep(120)
        for plan in company.plans.values():
            plan.heal()
        await company.clock.sleep(12)
        for system in systems:
            system.progress.stopped.clear()
        await company.clock.sleep(60)
        assert company.receiver.about("database") == ["opened", "recovered"]
        assert company.receiver.about("stopped/portfolio_item") == []

    virtually(story)


def test_what_was_open_before_an_outage_stays_open() -> None:
    async def story(company: Company) -> None:
        systems = [await company.start(role) for role in ("api", "relay", "projector")]
        await company.clock.sleep(30)
        for system in systems:
            system.progress.stopped["portfolio_item_1"] = "for this test"
        await company.clock.sleep(60)
        for plan in company.plans.values():
            for call in ("leases.share.commit", "leases.sign.commit", "leases.marks"):
                plan.order(call, *[Fault.FAILS] * 10_000)
        await company.clock.sleep(120)
        for plan in company.plans.values():
            plan.heal()
        await company.clock.sleep(200)
        assert company.receiver.about("stopped/portfolio_item") == ["opened"]

    virtually(story)


def test_a_write_database_that_hangs_is_told_as_soon_as_one_that_refuses() -> None:
    async def story(company: Company) -> None:
        await company.all()
        await company.clock.sleep(60)
        for plan in company.plans.values():
            plan.pause()
        await company.clock.sleep(50)
        assert company.receiver.about("database") == ["opened"]
        for plan in company.plans.values():
            plan.resume()
        await company.clock.sleep(60)
        assert company.receiver.about("database") == ["opened", "recovered"]

    virtually(story)


def test_a_read_store_that_hangs_keeps_nothing_else_from_being_told() -> None:
    async def story(company: Company) -> None:
        systems = [await company.start(role) for role in ("api", "relay", "projector")]
        await company.clock.sleep(30)

        async def hangs(*_: object) -> None:
            await asyncio.Event().wait()

        for system in systems:
            system.progress.look_at_store = hangs  # type: ignore[method-assign]
            system.read_store.checkpoints = hangs  # type: ignore[method-assign, assignment]
        await company.clock.sleep(10)
        systems[1].progress.stopped["portfolio_item_1"] = "for this test"
        systems[2].progress.stopped["portfolio_item_1"] = "for this test"
        company.database.horizon_seconds = LIMITS.horizon_seconds + 1
        await company.clock.sleep(90)
        assert company.receiver.about("horizon/write database") == ["opened"]
        assert company.receiver.about("stopped/portfolio_item") == ["opened"]

    virtually(story)


def test_that_nothing_came_while_nobody_could_look_is_no_missing_canary() -> None:
    async def story(company: Company) -> None:
        for role in ("api", "relay", "projector"):
            await company.start(role, canary_seconds=20.0)
        await company.clock.sleep(60)
        for plan in company.plans.values():
            plan.pause()
        await company.clock.sleep(200)
        for plan in company.plans.values():
            plan.resume()
        await company.clock.sleep(200)
        assert company.receiver.about("database") == ["opened", "recovered"]
        assert company.receiver.about("canary") == []

    virtually(story)


def test_commands_of_an_aggregate_that_stand_still_are_told_until_they_go_on() -> None:
    async def story(company: Company) -> None:
        api = await company.all()
        accepted = Accepted(
            command_id="c-1",
            lane="proposal:p-1",
            operation="proposal.Submit",
            data=Raw(b"{}"),
            accepted_us=1,
        )
        parked = ParkedLane(
            lane=accepted.lane,
            state="parked",
            command_id=accepted.command_id,
            operation=accepted.operation,
            error="ValueError: ada@example.org",
            cause="ValueError",
            traceback="",
            attempts=5,
            code="",
            since_us=1,
            last_us=1,
        )
        await api.log.parked_lanes.park(parked, 0, accepted)
        await company.clock.sleep(60)
        assert company.receiver.about("waiting/commands") == ["opened"]
        assert "ada" not in repr(company.receiver.got)
        await api.log.inbox.settle([accepted.command_id])
        await company.clock.sleep(120)
        assert company.receiver.about("waiting/commands") == ["opened", "recovered"]

    virtually(story)


def test_notifications_that_get_lost_are_told_by_what_does_not_come_through() -> None:
    """Polling makes up for them; here it is so rare that queries would wait for minutes."""

    async def story(company: Company) -> None:
        options = {"poll_seconds": 300.0, "canary_seconds": 20.0}
        api = await company.start("api", broker=False, **options)
        await company.start("projector", broker=False, **options)
        await submit(api)
        await company.clock.sleep(60)
        assert company.receiver.got == []
        company.plans["projector"].lose_notifications()
        await submit(api)
        await company.clock.sleep(100)
        assert "opened" in company.receiver.about("canary/portfolio_item")
        company.plans["projector"].heal()
        await company.clock.sleep(500)
        assert company.receiver.about("canary/portfolio_item") == ["opened", "recovered"]

    virtually(story)


def test_a_projection_that_falls_behind_is_told_and_that_it_has_caught_up() -> None:
    async def story(company: Company) -> None:
        api = await company.all()
        await company.clock.sleep(10)
        company.plans["projector"].hold_projections()
        await submit(api)
        await company.clock.sleep(90)
        assert company.receiver.about("lag/portfolio_item") == ["opened"]
        assert "(1 events)" in company.receiver.got[0].summary
        company.plans["projector"].heal()
        await company.clock.sleep(90)
        assert company.receiver.about("lag/portfolio_item") == ["opened", "recovered"]

    virtually(story)


def test_a_lag_is_told_although_clocks_are_set_back() -> None:
    async def story(company: Company) -> None:
        systems = [await company.start(role) for role in ("api", "relay", "projector")]
        await company.clock.sleep(10)
        company.plans["projector"].hold_projections()
        await submit(systems[0])
        await company.clock.sleep(10)
        for system in systems:
            an_hour_ago = VirtualClock(START - timedelta(hours=1)).now
            system.clock.now = an_hour_ago  # type: ignore[method-assign]
        await company.clock.sleep(40)
        (lag,) = {one.lag_seconds for one in (await systems[0].lags.measure()).values()}
        # Since it was first seen in the log, which may be some seconds after it came.
        assert 40 < lag < 55
        await company.clock.sleep(60)
        assert company.receiver.about("lag/portfolio_item") == ["opened"]

    virtually(story)


def test_parking_is_told_at_once_and_again_when_it_is_ten_times_as_much() -> None:
    async def story(company: Company) -> None:
        await company.all()
        await company.clock.sleep(10)

        def parked(count: int) -> None:
            known = company.tables.checkpoints["portfolio_item_1"]
            company.tables.checkpoints["portfolio_item_1"] = replace(
                known, parked=count, mended=known.mended + 1
            )

        told = []
        for count, occasion in ((1, "opened"), (7, ""), (12, "changed"), (3, ""), (0, "recovered")):
            parked(count)
            await company.clock.sleep(40)
            told += [occasion] if occasion else []
            assert company.receiver.about("parked/portfolio_item") == told

    virtually(story)


def test_a_channel_that_breaks_unforeseen_repeats_nothing_on_the_other() -> None:
    async def story(company: Company) -> None:
        api = await company.all()
        company.receiver.mistaken = True
        company.database.horizon_seconds = LIMITS.horizon_seconds + 1
        await company.clock.sleep(120)
        assert company.mail.about("horizon/write database") == ["opened"]
        (why,) = (await look_at_alerts(api.log)).failing.values()
        assert why.startswith("ValueError")
        assert "ada" not in why
        company.receiver.mistaken = False
        await company.clock.sleep(60)
        assert company.receiver.about("horizon/write database") == ["opened"]

    virtually(story)


def test_a_message_that_is_always_refused_keeps_no_other_from_being_told() -> None:
    async def story(company: Company) -> None:
        api = await company.all()
        company.receiver.refused = {"disk"}
        company.database.free_bytes = 900 * 1024**2
        await company.clock.sleep(30)
        company.database.horizon_seconds = LIMITS.horizon_seconds + 1
        await company.clock.sleep(120)
        assert company.receiver.about("horizon/write database") == ["opened"]
        assert (await look_at_alerts(api.log)).failing == {"webhook": "500"}
        company.receiver.refused.clear()
        await company.clock.sleep(60)
        assert company.receiver.about("disk/write database (one)") == ["opened"]

    virtually(story)


def test_a_reminder_that_a_channel_is_sent_again_is_the_same_whatever_others_took() -> None:
    async def story(company: Company) -> None:
        await company.all()
        company.database.horizon_seconds = LIMITS.horizon_seconds + 1
        await company.clock.sleep(60)
        tried: list[str] = []

        async def answer_lost(message: Message) -> None:
            tried.append(message.delivery)
            raise NotDelivered("webhook", "no answer in time")

        company.receiver.send = answer_lost  # type: ignore[method-assign]
        await company.clock.sleep(LIMITS.reminder_seconds + 120)
        assert company.mail.about("horizon/write database") == ["opened", "reminder"]
        assert len(tried) > 1
        assert len(set(tried)) == 1

    virtually(story)


def test_what_comes_and_goes_is_told_less_and_less_often() -> None:
    async def story(company: Company) -> None:
        await company.all()
        key = "disk/write database (one)"
        for _ in range(90):
            company.database.free_bytes = 900 * 1024**2
            await company.clock.sleep(10)
            company.database.free_bytes = 8 * 1024**3
            await company.clock.sleep(30)
        opened = company.receiver.about(key).count("opened")
        assert 1 <= opened <= 4
        await company.clock.sleep(1200)
        assert company.receiver.about(key)[-1] == "recovered"

    virtually(story)
