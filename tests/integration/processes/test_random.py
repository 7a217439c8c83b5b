"""Whatever happens in whatever order, on bad days too: every step once, in an order that holds."""

from __future__ import annotations

from collections import Counter
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.chores import BOARD, Ask, ChoreId, Told, app
from tests.integration.processes.watching import notes, steps
from twofold import RuntimeSettings, Sent, System
from twofold.adapters.memory.log import MemoryLog, MemoryStorage
from twofold.adapters.memory.read_store import MemoryReadStore, MemoryTables
from twofold.errors import StoreUnavailable
from twofold.runtime.clock import SeededChance
from twofold.testing import FaultPlan, FaultyLog, VirtualClock, run_virtual

KEYS = ("a", "b", "c")
words = st.sampled_from(
    [
        "tell:x",
        "tell:no",
        "timer:t:0",
        "timer:t:3",
        "timer:u:7",
        "cancel:t",
        "ignore",
        "end",
        "plain",
    ]
)
asks = st.lists(st.tuples(st.sampled_from(KEYS), words, st.integers(0, 5)), max_size=25)
Asks = list[tuple[str, str, int]]
"""To whom, what, and how many seconds after the one before."""


class World:
    """Processes on one database, with faults; each may be stopped and another one started."""

    def __init__(self, seed: int, faults: float) -> None:
        self.clock = VirtualClock()
        self.plan = FaultPlan(
            self.clock,
            seed=seed,
            failures=faults,
            lost_answers=faults,
            delays=0.3,
            lost_notifications=0.3,
        )
        self._storage, self._tables, self._seed = MemoryStorage(), MemoryTables(), seed

    async def started(self) -> System:
        """One more process; one that can't start tries again, as whoever runs it would."""
        while True:
            system = self._system()
            try:
                await system.start()
            except StoreUnavailable:
                continue
            return system

    def _system(self) -> System:
        self._seed += 1
        return System(
            app,
            FaultyLog(MemoryLog(self._storage), self.plan),
            MemoryReadStore(self._tables),
            clock=self.clock,
            chance=SeededChance(self._seed),
            settings=RuntimeSettings(retry_seconds=0.05, retry_limit_seconds=0.4),
        )


async def asked(system: System, clock: VirtualClock, part: int, wanted: Asks) -> None:
    """Ask all of it, each once, however often it fails."""
    for number, (key, what, pause) in enumerate(wanted):
        await clock.sleep(pause)
        while True:
            try:
                await system.send(
                    Ask(chore_id=ChoreId(key), what=what), Sent(key=f"{part}-{number}")
                )
            except StoreUnavailable:
                await clock.sleep(0.1)
                continue
            break


async def is_quiet(system: System) -> bool:
    """Nothing is due any more and nothing under way."""
    agenda = system.log.agenda
    if await agenda.next_queue(["chores"]) or await agenda.next_timer(["chores"]):
        return False
    head = await system.log.head()
    return all(follower.position == head for follower in system.processes.followers)


async def lived(wanted: Asks, seed: int, faults: float, restarts: int) -> None:
    world = World(seed, faults)
    async with AsyncExitStack() as stack:
        first, second = await world.started(), await world.started()
        stack.push_async_callback(first.stop)
        for part in range(restarts + 1):
            size = len(wanted) // (restarts + 1) + 1
            await asked(first, world.clock, part, wanted[part * size : (part + 1) * size])
            await second.stop()
            second = await world.started()
        stack.push_async_callback(second.stop)
        await world.clock.sleep(60)
        world.plan.heal()
        await world.clock.sleep(60)
        assert await is_quiet(first)
        for key in KEYS:
            await check_instance(first, key)
        await check_board(first)


async def check_instance(system: System, key: str) -> None:
    """Its history is one that could have been: nothing twice, nothing lost."""
    history = await _history(system, key)
    pending: dict[str, str] = {}
    state: list[str] | None = None
    positions = []
    for step in history:
        assert step.outcome == "taken"
        word = await _word(system, step.cause)
        if step.cause["kind"] == "event":
            positions.append(step.cause["position"])
        if step.cause["kind"] == "timer":
            # It fired when it was pending, not before it was due, and not a second too late.
            assert step.cause["name"] in pending
            del pending[step.cause["name"]]
        for change in step.timers:
            if change.due is None:
                del pending[change.name]
            else:
                pending[change.name] = str(change.due)
                assert change.due >= step.time - timedelta(seconds=5)
        if word == "end" or (step.cause["kind"] == "refusal" and state is None):
            state = None
        else:
            state = [*(state or []), word]
        assert (step.state["notes"] if step.state else None) == state
    assert pending == {}
    assert positions == sorted(set(positions))
    recorded = await system.log.read_stream(f"chore:{key}", 0, 1_000)
    decided = [r.position for r in recorded if b'"ignore"' not in r.data]
    assert positions == decided
    assert await notes(system, key) == (state or [])


async def _history(system: System, key: str) -> list[Any]:
    recorded = await system.log.read_stream(f"process-chores:{key}", 0, 1)
    return await steps(system, key) if recorded else []


async def _word(system: System, cause: dict[str, Any]) -> str:
    if cause["kind"] == "event":
        (recorded,) = await system.log.read(cause["position"] - 1, 1)
        return str(system.wired.events.decode(recorded).what)  # type: ignore[attr-defined]
    if cause["kind"] == "timer":
        return "due " + cause["name"].removeprefix("Alarm/")
    key = await _sender(system, cause["commandId"])
    return f"refused no for {key}"


async def _sender(system: System, command_id: str) -> str:
    for key in KEYS:
        if any(c.command_id == command_id for s in await _history(system, key) for c in s.commands):
            return key
    raise AssertionError(f"nobody sent {command_id}")


async def check_board(system: System) -> None:
    """Every command was decided once; those of an instance in the order in which they were sent."""
    recorded = await system.log.read_stream(f"board:{BOARD}", 0, 1_000)
    came = {r.causation_id: r.position for r in recorded}
    assert len(came) == len(recorded)
    assert all(isinstance(system.wired.events.decode(r), Told) for r in recorded)
    sent: Counter[str] = Counter()
    for key in KEYS:
        history = await _history(system, key)
        commands = [c for step in history for c in step.commands]
        sent.update(c.command_id for c in commands)
        positions = [came[c.command_id] for c in commands if c.data["text"] != "no"]
        assert positions == sorted(positions)
        refused = [s.cause["commandId"] for s in history if s.cause["kind"] == "refusal"]
        # A refusal that comes after the end finds nobody; it is noted all the same.
        assert sorted(refused) == sorted(c.command_id for c in commands if c.data["text"] == "no")
    assert max(sent.values(), default=1) == 1
    assert set(came) <= set(sent)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(asks, st.integers(0, 10_000), st.sampled_from([0.0, 0.0, 0.05, 0.15]), st.integers(0, 2))
def test_whatever_happens_each_step_is_taken_once(
    wanted: Asks, seed: int, faults: float, restarts: int
) -> None:
    run_virtual(lambda: lived(wanted, seed, faults, restarts), seed=seed)
