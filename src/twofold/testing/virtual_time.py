"""An event loop in which time is a number: whole systems run in milliseconds, the same every time.

    def test_a_reminder_is_sent_after_a_day() -> None:
        run_virtual(scenario, seed=7)

When nothing is ready the clock jumps to the next timer. Whatever is ready at the same moment runs
in an order drawn from the seed, so that many seeds try many interleavings and a failing one can be
repeated. There are no sockets and no threads: what needs them can't run here.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, TypeVarTuple

R = TypeVar("R")
Ts = TypeVarTuple("Ts")
START = datetime(2026, 1, 1, 9, tzinfo=UTC)
_TURNS_LIMIT = 1_000_000


class Deadlock(Exception):
    """Everybody waits for something that nobody will do."""


class Livelock(Exception):
    """Something keeps asking without letting any time pass."""


def run_virtual(main: Callable[[], Coroutine[Any, Any, R]], *, seed: int = 0) -> R:
    """Run ``main()`` to its end in virtual time; answers its result.

    Raises Deadlock when nothing is left to happen before that, naming what every task waits for.
    """
    with virtual_runner(seed) as runner:
        return runner.run(main())


def virtual_runner(seed: int = 0) -> asyncio.Runner:
    """A runner whose loop keeps virtual time from one ``run`` to the next."""
    return asyncio.Runner(loop_factory=lambda: VirtualLoop(seed))


class VirtualClock:
    """Tells the loop's time as a time of day; it begins at ``start`` and moves by waiting alone."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start

    def now(self) -> datetime:
        """The current time (UTC)."""
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Seconds since the loop began."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Wait; others go on meanwhile."""
        await asyncio.sleep(seconds)


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop; use ``run_virtual`` where you can."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self._seconds = 0.0
        self._turns = 0
        self._ready = _Shuffled(random.Random(seed))
        self._selector = _Jump(self)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._seconds

    def jump(self, timeout_seconds: float | None) -> None:
        """Called once per turn: let the time pass that has to. Raises Deadlock, Livelock."""
        if timeout_seconds is None:
            raise Deadlock(f"deadlock: nothing left to happen\n{_waiting(self)}")
        self._turns = 0 if timeout_seconds else self._turns + 1
        if self._turns > _TURNS_LIMIT:
            raise Livelock(f"{_TURNS_LIMIT} turns without any time passing\n{_waiting(self)}")
        self._seconds += timeout_seconds

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], R], *args: *Ts
    ) -> asyncio.Future[R]:
        """Raises RuntimeError: threads know no virtual time."""
        raise RuntimeError(f"{func} needs a thread, and there are none in virtual time")

    def _process_events(self, event_list: Any) -> None:
        """There are no events from outside."""

    def _write_to_self(self) -> None:
        """Nobody outside has to wake this loop up."""


class _Jump:
    """Stands where a loop asks the system for events and waits."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout_seconds: float | None) -> tuple[()]:
        """No events, ever."""
        self._loop.jump(timeout_seconds)
        return ()


class _Shuffled(deque[Any]):
    """Callbacks that are ready, handed out in an order drawn from a random source."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance

    def popleft(self) -> Any:
        """Any one of them."""
        if len(self) > 1:
            index = self._chance.randrange(len(self))
            self[0], self[index] = self[index], self[0]
        return super().popleft()


def _waiting(loop: asyncio.AbstractEventLoop) -> str:
    return "\n".join(sorted(_where(task) for task in asyncio.all_tasks(loop)))


def _where(task: asyncio.Task[Any]) -> str:
    frames = task.get_stack()
    if not frames:
        return f"  {task.get_name()}"
    code = frames[-1].f_code
    return f"  {task.get_name()} in {code.co_qualname} ({code.co_filename}:{frames[-1].f_lineno})"
