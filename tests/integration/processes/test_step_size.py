"""Steps stay small in the log, however much an instance looks after."""

from __future__ import annotations

from tests.integration.processes.conftest import StartChores
from tests.integration.processes.watching import ask, noted, shown, steps
from twofold.runtime.processes.step_records import LARGEST_STATE_BYTES

_NOTE = "x" * 500


async def test_a_state_too_large_is_left_out_of_the_history(chores_of: StartChores) -> None:
    system = await chores_of()
    expected = [f"{number}{_NOTE}" for number in range(12)]
    await ask(system, "a", *expected)
    await noted(system, "a", *expected)
    found = await steps(system, "a")
    sizes = [one.state_bytes for one in found]
    assert [size == 0 for size in sizes] == [one.state is not None for one in found]
    assert sizes[0] == 0
    assert LARGEST_STATE_BYTES < sizes[-1] < 10_000
    stream = await system.log.read_stream(system.wired.reactings["chores"].stream("a"), 0, 100)
    assert max(len(one.data) for one in stream) < 2 * LARGEST_STATE_BYTES
    assert (await shown(system, "a")).state == {"notes": expected}


async def test_an_instance_with_a_large_state_goes_on_after_a_restart(
    chores_of: StartChores,
) -> None:
    first = await chores_of("api")
    expected = [f"{number}{_NOTE}" for number in range(8)]
    await ask(first, "a", *expected)
    await chores_of("scheduler")
    await noted(first, "a", *expected)
    again = await chores_of("scheduler")
    await ask(first, "a", "more")
    await noted(again, "a", *expected, "more")
