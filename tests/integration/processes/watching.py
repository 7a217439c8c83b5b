"""Looking at instances of processes from tests."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

from tests.chores import BOARD, Ask, ChoreId, Told
from twofold import Sent, System
from twofold.errors import NotFound
from twofold.runtime.processes.views import InstanceView, ProcessViews, StepView


async def until(
    system: System, fact: Callable[[], Awaitable[bool]], timeout_seconds: float = 20
) -> None:
    """Wait until it is so; what makes it so is recorded in the log."""
    async with asyncio.timeout(timeout_seconds):
        while True:
            head = await system.log.head()
            # An instance that has not begun yet is not there to look at.
            with suppress(NotFound):
                if await fact():
                    return
            await system.log.wait(head, 0.05)


async def ask(system: System, key: str, *what: str, at: datetime | None = None) -> None:
    """Tell a chore what to do."""
    for one in what:
        await system.send(Ask(chore_id=ChoreId(key), what=one), Sent(at=at))


async def shown(system: System, key: str, process: str = "chores") -> InstanceView:
    """An instance as operators see it."""
    return await ProcessViews(system).instance(process, key)


async def steps(system: System, key: str, process: str = "chores") -> list[StepView]:
    """Its history."""
    return await ProcessViews(system).history(process, key, 0, 1_000)


async def notes(system: System, key: str) -> list[str]:
    """What an instance has noted; nothing if there is none."""
    found = await ProcessViews(system).instances("chores", "", 1_000, "")
    state = next((one.state for one in found.items if one.key == key), None)
    return list(state["notes"]) if state else []


async def noted(system: System, key: str, *expected: str) -> None:
    """Wait until it has noted this, and nothing else."""

    async def fact() -> bool:
        return await notes(system, key) == list(expected)

    await until(system, fact)


async def told(system: System) -> Counter[str]:
    """What stands on the board, and how often."""
    recorded = await system.log.read_stream(f"board:{BOARD}", 0, 10_000)
    texts = [system.wired.events.decode(one) for one in recorded]
    return Counter(one.text for one in texts if isinstance(one, Told))
