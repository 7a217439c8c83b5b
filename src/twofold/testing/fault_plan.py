"""What goes wrong, and when: decided by a seed, or ordered call by call."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from enum import Enum

from twofold.errors import StoreUnavailable
from twofold.ports.time_and_chance import Clock

_WITHIN = ("log.commit", "read.commit")


class Fault(Enum):
    """What can happen to one call."""

    NONE = "it works"
    FAILS = "it raises StoreUnavailable and has done nothing"
    LOSES_ANSWER = "it raises StoreUnavailable though it has done its work"


class FaultPlan:
    """Decides for every call what happens to it; shared by the stores of one system.

    ``failures``, ``lost_answers``, ``delays`` and ``lost_notifications`` are fractions of calls;
    a delay takes up to ``delay_seconds``.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        seed: int = 0,
        failures: float = 0.0,
        lost_answers: float = 0.0,
        delays: float = 0.0,
        delay_seconds: float = 0.05,
        lost_notifications: float = 0.0,
    ) -> None:
        self._clock = clock
        self._random = random.Random(seed)
        self._failures = failures
        self._lost_answers = lost_answers
        self._delays = delays
        self._delay_seconds = delay_seconds
        self._lost_notifications = lost_notifications
        self._ordered: dict[str, deque[Fault]] = {}
        self._gate = asyncio.Event()
        self._gate.set()
        self._running = asyncio.Event()
        self._running.set()
        self.happened: list[tuple[str, Fault]] = []

    def order(self, call: str, *faults: Fault) -> None:
        """The next calls of this name get these faults: "log.commit", "read.commit", "log.load"."""
        self._ordered.setdefault(call, deque()).extend(faults)

    def heal(self) -> None:
        """From now on nothing goes wrong."""
        self._failures = self._lost_answers = self._delays = self._lost_notifications = 0.0
        self._ordered.clear()
        self.release_projections()
        self.resume()

    def slow_down(self, *, delays: float, delay_seconds: float) -> None:
        """From now on this fraction of calls takes up to so much longer."""
        self._delays, self._delay_seconds = delays, delay_seconds

    def lose_notifications(self) -> None:
        """From now on all of them are lost."""
        self._lost_notifications = 1.0

    def pause(self) -> None:
        """The process stands still, like one that was stopped by a signal: no call goes out.

        Transactions that have begun end first, for databases end those that stand still.
        """
        self._running.clear()

    def resume(self) -> None:
        """It goes on as if no time had passed."""
        self._running.set()

    def hold_projections(self) -> None:
        """The read store begins no transaction of its own until they are released."""
        self._gate.clear()

    def release_projections(self) -> None:
        """Let waiting projections go on."""
        self._gate.set()

    async def may_project(self) -> None:
        """Waits while projections are held back."""
        await self._gate.wait()

    async def meet(self, call: str) -> Fault:
        """Delay ``call`` if it is its turn, fail it if it is; else answer what follows its work."""
        if call not in _WITHIN:
            await self._running.wait()
        if self._random.random() < self._delays:
            await self._clock.sleep(self._random.random() * self._delay_seconds)
        fault = self._fault(call)
        if fault is not Fault.NONE:
            self.happened.append((call, fault))
        if fault is Fault.FAILS:
            raise StoreUnavailable(call, "it failed as planned")
        return fault

    async def forget_to_notify(self, seconds: float) -> bool:
        """Whether a notification is lost; then all of ``seconds`` have passed."""
        lost = self._random.random() < self._lost_notifications
        if lost:
            await self._clock.sleep(seconds)
        return lost

    def _fault(self, call: str) -> Fault:
        if ordered := self._ordered.get(call):
            return ordered.popleft()
        drawn = self._random.random()
        if drawn < self._failures:
            return Fault.FAILS
        # Only writing can be done without being known to be done.
        if call.endswith("commit") and drawn < self._failures + self._lost_answers:
            return Fault.LOSES_ANSWER
        return Fault.NONE


def answered(call: str, fault: Fault) -> None:
    if fault is Fault.LOSES_ANSWER:
        raise StoreUnavailable(call, "it succeeded, and its answer was lost as planned")
