"""Freshness objectives: how far behind the log the answers of each query are."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Mapping
from typing import Any

import structlog

from twofold.errors import TwofoldError
from twofold.messages.recorded import microseconds
from twofold.ports.log import Log
from twofold.ports.time_and_chance import Clock
from twofold.runtime.freshness.budgets import ErrorBudget
from twofold.runtime.freshness.recording import Recorder
from twofold.runtime.freshness.shared_budgets import SharedBudgets
from twofold.runtime.observing.measures import Measure
from twofold.runtime.progress import Progress
from twofold.wiring.answerings import Promise
from twofold.wiring.routes import Route

_LOG = structlog.get_logger("twofold.freshness")
_PACE_SECONDS = 0.1


class Objectives:
    """Counts answers of queries that promise to be fresh, and looks how fresh they were.

    What a process knows of other processes' work is up to a second old, so the stores are asked,
    at most ten times a second, for all answers since: how far the read models have come, and when
    the next event was recorded. An answer counts as it stood then. ``budgets`` are of what this
    process answered since it began, ``shared`` those of all processes.
    """

    def __init__(
        self,
        promises: Mapping[int, Promise],
        log: Log,
        progress: Progress,
        tables: Mapping[str, str],
        clock: Clock,
        measure: Measure,
        process: str,
    ) -> None:
        self.promises = tuple({one.query: one for one in promises.values()}.values())
        self.shared = SharedBudgets(self.promises, log.tallies, clock)
        self._recorder = Recorder(log.tallies, process, clock)
        self.budgets = {one.query: ErrorBudget(one.fresh.share) for one in promises.values()}
        self._promises = promises
        self._log = log
        self._progress = progress
        self._tables = tables
        self._clock = clock
        self._measure = measure
        self._waiting: Counter[Promise] = Counter()
        self._answered = asyncio.Event()

    def saw(self, route: Route) -> None:
        """A query was answered."""
        if route.fresh is not None:
            self._waiting[self._promises[id(route.target)]] += 1
            self._answered.set()

    def work(self) -> list[Coroutine[Any, Any, None]]:
        """What is to run until it is cancelled."""
        return [self._run(), self._recorder.run()] if self.promises else []

    async def finish(self) -> None:
        """Write down what is not written down yet, once ``work`` has been cancelled."""
        try:
            if self._waiting:
                await self._look()
        except TwofoldError as exc:
            _LOG.warning("the last answers are not counted", why=str(exc))
        await self._recorder.write()

    async def _run(self) -> None:
        while True:
            await self._answered.wait()
            self._answered.clear()
            try:
                await self._look()
            except TwofoldError:
                # They are looked at when the stores answer again.
                self._answered.set()
            await self._clock.sleep(_PACE_SECONDS)

    async def _look(self) -> None:
        waiting = self._waiting.copy()
        await self._progress.look_at_store()
        now_us, at = microseconds(self._clock.now()), self._clock.monotonic()
        await self._progress.look_at_log()
        positions = {promise: self._position(promise) for promise in waiting}
        behind = {p: await self._behind_seconds(p, now_us, at) for p in set(positions.values())}
        for promise, answers in waiting.items():
            seconds = behind[positions[promise]]
            late = seconds > promise.fresh.seconds
            self.budgets[promise.query].count(now_us, answers, late=late)
            self._recorder.count(promise, now_us, answers, late=late)
            for _ in range(answers):
                self._measure.observe(seconds, promise.query)
        self._waiting -= waiting

    def _position(self, promise: Promise) -> int:
        tables = (self._tables[name] for name in promise.projections)
        return min(self._progress.checkpoint(table).position for table in tables)

    async def _behind_seconds(self, position: int, now_us: int, at: float) -> float:
        """Since the first event above ``position`` was recorded; 0 if there is none."""
        if position >= self._progress.head:
            return 0.0
        events = await self._log.read(position, 1)
        if not events:
            return 0.0
        told_seconds = (now_us - events[0].time_us) / 1e6
        return self._progress.heads.waited(events[0].position, told_seconds, at)
