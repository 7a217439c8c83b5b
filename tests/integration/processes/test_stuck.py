"""A reaction that raises holds up its own instance, in order, and no other."""

from __future__ import annotations

from tests import chores
from tests.integration.processes.conftest import PAST, StartChores
from tests.integration.processes.watching import ask, noted, shown, steps, until
from twofold import System


async def stuck(system: System, key: str, waiting: int) -> None:
    """Wait until it is stuck with so many events waiting, and was tried again."""

    async def fact() -> bool:
        failure = (await shown(system, key)).failure
        return failure is not None and failure.attempts > 1 and len(failure.waiting) == waiting

    await until(system, fact)


async def test_events_wait_behind_one_that_fails(chores_of: StartChores) -> None:
    chores.broken.add("two")
    system = await chores_of()
    await ask(system, "a", "one", "two", "three", "ignore", "four")
    await ask(system, "b", "other")
    await noted(system, "b", "other")
    await stuck(system, "a", 4)
    seen = await shown(system, "a")
    assert (seen.status, seen.state) == ("stuck", {"notes": ["one"]})
    assert seen.failure is not None
    assert seen.failure.error == "RuntimeError: two is broken"
    chores.broken.clear()
    await noted(system, "a", "one", "two", "three", "four")
    assert (await shown(system, "a")).status == "running"
    await ask(system, "a", "five")
    await noted(system, "a", "one", "two", "three", "four", "five")


async def test_the_history_tells_of_a_failure_once(chores_of: StartChores) -> None:
    chores.broken.add("one")
    system = await chores_of()
    await ask(system, "a", "one", "two")
    await stuck(system, "a", 2)
    found = await steps(system, "a")
    assert [(one.outcome, one.error) for one in found] == [
        ("failed", "RuntimeError: one is broken"),
        ("waits", ""),
    ]


async def test_timers_wait_behind_an_event_that_fails(chores_of: StartChores) -> None:
    chores.broken.add("two")
    system = await chores_of("api")
    await ask(system, "a", "timer:x:1", "two", "timer:y:1", at=PAST)
    await chores_of("scheduler")
    await stuck(system, "a", 2)
    chores.broken.clear()
    await noted(system, "a", "timer:x:1", "two", "timer:y:1", "due x", "due y")


async def test_events_wait_behind_a_timer_that_fails(chores_of: StartChores) -> None:
    chores.broken.add("due x")
    system = await chores_of()
    await ask(system, "a", "timer:x:0")
    await stuck(system, "a", 0)
    await ask(system, "a", "one", "two")
    await stuck(system, "a", 2)
    chores.broken.clear()
    await noted(system, "a", "timer:x:0", "due x", "one", "two")


async def test_a_refusal_waits_too(chores_of: StartChores) -> None:
    chores.broken.update({"two", "no"})
    system = await chores_of()
    await ask(system, "a", "tell:no", "two")
    await stuck(system, "a", 1)
    chores.broken.remove("no")

    async def held_up() -> bool:
        commands = (await shown(system, "a")).commands
        return any("stuck" in one.error for one in commands)

    await until(system, held_up)
    chores.broken.clear()
    await noted(system, "a", "tell:no", "two", "refused no for a")


async def test_a_reaction_to_a_refusal_that_fails_is_tried_again(chores_of: StartChores) -> None:
    chores.broken.add("refused no")
    system = await chores_of()
    await ask(system, "a", "tell:no")

    async def tried() -> bool:
        commands = (await shown(system, "a")).commands
        return bool(commands) and "refused no is broken" in commands[0].error

    await until(system, tried)
    chores.broken.clear()
    await noted(system, "a", "tell:no", "refused no for a")
    assert (await shown(system, "a")).commands == ()


async def test_an_instance_that_can_not_begin_is_stuck(chores_of: StartChores) -> None:
    chores.broken.add("one")
    system = await chores_of()
    await ask(system, "a", "one")
    await stuck(system, "a", 1)
    chores.broken.clear()
    await noted(system, "a", "one")


async def test_what_waited_goes_on_without_pauses_between(chores_of: StartChores) -> None:
    chores.broken.add("two")
    system = await chores_of(retry_seconds=1.0, retry_limit_seconds=1.0)
    many = [f"n{number}" for number in range(30)]
    await ask(system, "a", "two", *many)
    await stuck(system, "a", 31)
    chores.broken.clear()
    begun = system.clock.monotonic()
    await noted(system, "a", "two", *many)
    assert system.clock.monotonic() - begun < 15
