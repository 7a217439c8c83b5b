"""Processes that are killed at any step they take: before any call to a store, and after the last.

Nobody names the steps: whatever a port is asked, by an operation as it is today, is one. Killed
before a call, a process leaves what it leaves if it is killed after the one before; so each of them
is tried undone, and done.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any

_MOST_STEPS = 200
_LISTENING = {"wait", "wait_applied", "waiting", "share", "sign", "leave", "close"}
_READING = {
    *("head", "read", "read_stream", "load", "records"),
    *("checkpoints", "get", "row", "rows", "select", "sums"),
    *("members", "marks", "signs", "depth", "held", "find", "commands", "counts"),
    *("consumers", "queued", "due_queues", "next_queue", "due_timers", "next_timer"),
}
Counted = Callable[[str], bool]
_LOOKING = ContextVar("looking", default=False)


@contextmanager
def looking() -> Iterator[None]:
    """What is asked in the block is no step: a test looks at a process that works by itself."""
    token = _LOOKING.set(True)
    try:
        yield
    finally:
        _LOOKING.reset(token)


def working(step: str) -> bool:
    """Whether it is a step of some work: not what a process does all the time, listening and
    showing that it lives, and how often depends on how long it has to wait."""
    return step.rpartition(".")[2] not in _LISTENING


def changing(step: str) -> bool:
    """The same without what is known to change nothing, for a process that looks again and
    again."""
    return working(step) and step.rpartition(".")[2] not in _READING


class Doom:
    """Kills a process before the step at which it ``dies``, as it is told by all steps so far.

    ``number`` tells it from others. Killed, it stands still: nothing is caught, nothing tidied up,
    and no store is reached any more, until its tasks are cancelled.
    """

    def __init__(
        self, number: int, dies: Callable[[list[str]], bool], counted: Counted = working
    ) -> None:
        self.number = number
        self.steps: list[str] = []
        self.dead = False
        self.gone = asyncio.Event()
        self._dies = dies
        self._counted = counted

    async def meet(self, step: str) -> None:
        """The process is about to take this step."""
        if not self.dead and self._counted(step) and not _LOOKING.get():
            self.steps.append(step)
            self.dead = self._dies(self.steps)
        if self.dead:
            self.gone.set()
            await asyncio.Future()


class Dying:
    """A port of a process that is killed, and all that can be reached through it."""

    def __init__(self, port: Any, doom: Doom, name: str) -> None:
        self._port = port
        self._doom = doom
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        found, name = getattr(self._port, attribute), f"{self._name}.{attribute}"
        if attribute == "close":
            return found
        if inspect.iscoroutinefunction(found):
            return self._stepped(found, name)
        return self._reaching(found, name) if callable(found) else self._reached(found, name)

    def _stepped(self, call: Callable[..., Awaitable[Any]], name: str) -> Any:
        async def stepped(*given: Any, **named: Any) -> Any:
            await self._doom.meet(name)
            return await call(*map(_real, given), **named)

        return stepped

    def _reaching(self, call: Callable[..., Any], name: str) -> Any:
        def reaching(*given: Any, **named: Any) -> Any:
            found = call(*map(_real, given), **named)
            if isinstance(found, AbstractAsyncContextManager):
                return self._transaction(found, name)
            return self._reached(found, name)

        return reaching

    def _reached(self, found: Any, name: str) -> Any:
        ours = type(found).__module__.startswith("twofold.adapters.")
        return Dying(found, self._doom, name) if ours else found

    @asynccontextmanager
    async def _transaction(
        self, transaction: AbstractAsyncContextManager[Any], name: str
    ) -> AsyncIterator[Any]:
        await self._doom.meet(f"{name}.begin")
        async with transaction as begun:
            yield Dying(begun, self._doom, name)
            await self._doom.meet(f"{name}.commit")
        await self._doom.meet(f"{name}.committed")


def _real(given: Any) -> Any:
    return given._port if isinstance(given, Dying) else given


async def at_every_step(
    attempt: Callable[[Doom], Awaitable[bool]], least: int, counted: Counted = working
) -> None:
    """``attempt`` with a process that dies at its first step, at its second, … until one survives.

    It answers whether the process was killed, once it has been gone on with. The survivor must have
    gone through ``least`` steps or more.
    """
    died: set[str] = set()
    for number in range(_MOST_STEPS):
        doom = Doom(number, lambda steps, at=number: len(steps) > at, counted)
        if not await attempt(doom):
            break
        died.add(doom.steps[-1])
    print(f"killed at each of {number} steps: {', '.join(doom.steps)}")
    assert least <= number < _MOST_STEPS - 1
    # What a process does at the same time comes in another order each time.
    for again, step in enumerate(set(doom.steps) - died, number + 1):
        await attempt(Doom(again, lambda steps, last=step: steps[-1] == last, counted))
