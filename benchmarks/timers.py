"""Timers of process managers: what pending ones cost, and how fast due ones fire."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any, NamedTuple, NewType

from twofold import (
    Application,
    Command,
    Context,
    Event,
    EventSourced,
    Module,
    Process,
    Recorded,
    RuntimeSettings,
    System,
    Then,
    Timer,
    Value,
    anyone,
    internal,
)
from twofold.assembly.assemble import assemble
from twofold.assembly.settings import read_settings
from twofold.messages.recorded import microseconds, moment
from twofold.runtime.processes.instances import Happened, Trigger

PENDING, FIRED, SENT = 100_000, 20_000, 5_000
IDLE_SECONDS = 10.0
_BATCH = 1_000
PlanId = NewType("PlanId", str)


class Plan(Command):
    """Something to wait for."""

    plan_id: PlanId


class Finish(Command):
    """It was waited for."""

    plan_id: PlanId


class Planned(Event):
    """It is waited for until ``due_us``; then a command is sent, or not."""

    due_us: int
    sends: bool


class Finished(Event):
    """The end."""


class PlanState(Value):
    """Nothing to decide on."""


class Waiting(Value):
    """What the process remembers."""

    sends: bool


class Due(Timer):
    """The time has come."""


plan = EventSourced(PlanState, PlanId, name="plan")
waiting = Process(Waiting)


@plan.decides
def begin(state: None, command: Plan) -> Planned:
    """Always possible."""
    return Planned(due_us=0, sends=False)


@plan.decides
def finish(state: PlanState | None, command: Finish) -> Finished:
    """Always possible."""
    return Finished()


@plan.evolves
def evolve(state: PlanState | None, event: Planned | Finished) -> PlanState:
    """Nothing changes."""
    return PlanState()


@waiting.on
def planned(state: Waiting | None, event: Planned) -> Then[Waiting]:
    """Wait."""
    return Then(Waiting(sends=event.sends)).timer(Due(), at=moment(event.due_us))


@waiting.due
def due(state: Waiting, timer: Due, context: Context) -> Then[Waiting]:
    """The end, said to the plan or not."""
    ended = Then[Waiting](None)
    return ended.send(Finish(plan_id=PlanId(context.identity))) if state.sends else ended


app = Application(
    "timers",
    Module("timers", plan, waiting, internal(Plan, may=anyone), internal(Finish, may=anyone)),
)


class Measured(NamedTuple):
    """Timers fired per second, commands sent by them per second, and the idle share of a core."""

    fired: float
    sent: float
    idle_percent: float
    steps: float


def system(address: str) -> System:
    """The application on the database at ``address``, its scheduler alone."""
    settings = read_settings("timers", {"TWOFOLD_LOG": address})
    return assemble(app, settings, roles=frozenset({"scheduler"}), runtime=RuntimeSettings())


async def measured(address: str) -> Measured:
    """All of it on a fresh database."""
    async with system(address) as running:
        later = microseconds(running.clock.now() + timedelta(days=1))
        steps = await _plan(running, 0, PENDING, later, sends=False)
        idle = await _idle_percent()
        fired = await _fire(running, PENDING, FIRED, sends=False)
        sent = await _fire(running, PENDING + FIRED, SENT, sends=True)
    return Measured(fired, sent, idle, steps)


async def _plan(running: System, first: int, count: int, due_us: int, *, sends: bool) -> float:
    """Instances that wait, made as the follower of a log would make them; how many a second."""
    begun = time.perf_counter()
    event = Planned(due_us=due_us, sends=sends)
    for begin in range(first, first + count, _BATCH):
        work: dict[str, list[Trigger]] = {}
        for number in range(begin, min(begin + _BATCH, first + count)):
            recorded = Recorded(
                number + 1,
                f"e{number}",
                f"plan:{number}",
                1,
                "plan.Planned",
                1,
                0,
                "",
                "",
                "",
                "",
                b"",
            )
            work[f"process-waiting:{number}"] = [Happened(recorded, event)]
        assert not await running.processes.stepping.take(work)
    return count / (time.perf_counter() - begun)


async def _idle_percent() -> float:
    """The share of a core that this process uses while nothing is due."""
    await asyncio.sleep(3)
    begun, used = time.perf_counter(), time.process_time()
    await asyncio.sleep(IDLE_SECONDS)
    return 100 * (time.process_time() - used) / (time.perf_counter() - begun)


async def _fire(running: System, first: int, count: int, *, sends: bool) -> float:
    """Timers that come due together, from then until the last has led to what it leads to."""
    scheduler, before = running.processes.scheduler, running.processes.scheduler.fired
    wait = timedelta(seconds=count / 1_000)
    due_at = running.clock.now() + wait
    await _plan(running, first, count, microseconds(due_at), sends=sends)
    left = (due_at - running.clock.now()).total_seconds()
    assert left > 0, "planning took longer than expected"
    await asyncio.sleep(left)
    begun = time.perf_counter()
    while scheduler.fired - before < count or (sends and await _open(running)):
        await running.clock.sleep(0.005)
    return count / (time.perf_counter() - begun)


async def _open(running: System) -> Any:
    return await running.log.agenda.next_queue(["waiting"])
