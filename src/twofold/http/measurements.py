"""Numbers for Prometheus."""

from __future__ import annotations

import asyncio
from collections import Counter as Counts
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from math import nan

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from twofold.errors import TwofoldError
from twofold.http.exchange import Exchange
from twofold.http.measured import MeasuredDistributions
from twofold.http.standing import Standing
from twofold.runtime.probe import LIMIT_SECONDS
from twofold.runtime.system import System

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Measurements:
    """Numbers of one process. Labels are bounded: routes as declared, never paths as sent."""

    def __init__(self, system: System) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(MeasuredDistributions(system.observer.measures))
        self._standing = Standing(system, self.registry)
        self._system = system
        self.requests = Counter(
            "twofold_requests",
            "Requests answered",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "twofold_request_seconds",
            "Time from request to answer",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._applied = self._gauge("twofold_projection_applied_position", "Last position applied")
        self._behind = self._gauge("twofold_projection_lag_events", "Events not applied yet")
        self._stopped = self._gauge("twofold_projection_stopped", "1 while it can't go on")
        self._stuck = Gauge(
            "twofold_process_stuck_instances",
            "Instances that can't go on (NaN: the store does not answer)",
            ("process",),
            registry=self.registry,
        )
        self._failing = Gauge(
            "twofold_process_failing_commands",
            "Commands of processes that can't be decided for now (NaN: the store does not answer)",
            ("process",),
            registry=self.registry,
        )
        self._accepted = Counter(
            "twofold_commands_accepted",
            "Commands accepted to be decided later",
            registry=self.registry,
        )
        self._handled = Counter(
            "twofold_commands_handled",
            "Accepted commands by what came of them: decided, decided before (again), parked",
            ("outcome",),
            registry=self.registry,
        )
        self._oldest = Gauge(
            "twofold_commands_oldest_seconds",
            "How long the oldest accepted command waits (NaN: the store does not answer)",
            registry=self.registry,
        )
        self._parked = Gauge(
            "twofold_commands_parked_sequences",
            "Lanes of commands that wait for an operator while all others flow (NaN: unknown)",
            registry=self.registry,
        )
        self._received = Counter(
            "twofold_inbox_messages",
            "Messages of other systems, by what came of them: decided, refused, passed over, kept",
            ("channel", "outcome"),
            registry=self.registry,
        )
        self._kept = Gauge(
            "twofold_rejected_messages",
            "Messages kept aside until somebody looks (NaN: the store does not answer)",
            registry=self.registry,
        )
        self._received_before: dict[str, Counts[str]] = {}
        self._accepted_before = 0
        self._handled_before = Counts[str]()
        self._asked = (self._stuck, self._failing, self._oldest, self._parked, self._kept)
        self._asking: asyncio.Task[None] | None = None
        # Finding a series by its labels takes longer than counting.
        self._series = lru_cache(4_096)(self._new_series)
        self._head = Gauge("twofold_log_head_position", "Last position", registry=self.registry)

    def observe(self, exchange: Exchange, seconds: float) -> None:
        """One request is done."""
        route = exchange.route or "other"
        count, duration = self._series(exchange.told_method, route, exchange.status)
        count.inc()
        duration.observe(seconds)

    def _new_series(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        counted = self.requests.labels(method, route, str(status))
        return counted, self.seconds.labels(method, route)

    async def metrics(self, exchange: Exchange) -> None:
        """GET /metrics."""
        progress = self._system.progress
        self._head.set(progress.head)
        for applier in self._system.appliers:
            position = progress.checkpoint(applier.table).position
            self._applied.labels(applier.name).set(position)
            self._behind.labels(applier.name).set(max(0, progress.head - position))
            stopped = applier.table in progress.stopped or bool(progress.refusing(applier.table))
            self._stopped.labels(applier.name).set(stopped)
        await self._ask_the_stores()
        await exchange.answer(200, generate_latest(self.registry), CONTENT_TYPE_LATEST.encode())

    async def close(self) -> None:
        """Wait for no answer any more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask_the_stores(self) -> None:
        """What hangs keeps nobody from the rest: it is unknown, and not asked a second time."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._look())
        done, _ = await asyncio.wait({self._asking}, timeout=LIMIT_SECONDS)
        if done:
            self._asking.result()
            return
        for gauge in (*self._asked, *self._standing.asked):
            _unknown(gauge)

    async def _look(self) -> None:
        await self._count_processes()
        await self._count_commands()
        await self._count_messages()
        await self._standing.look()

    async def _count_commands(self) -> None:
        queued = self._system.queued
        self._accepted.inc(queued.accepted - self._accepted_before)
        self._accepted_before = queued.accepted
        for outcome, count in queued.handled.items():
            self._handled.labels(outcome).inc(count - self._handled_before[outcome])
        self._handled_before = queued.handled
        try:
            self._oldest.set(await queued.oldest_seconds())
            self._parked.set((await self._system.log.inbox.depth()).parked)
        except TwofoldError:
            self._oldest.set(nan)
            self._parked.set(nan)

    async def _count_messages(self) -> None:
        for channel, handled in self._system.inboxes.handled.items():
            before = self._received_before.get(channel, Counts())
            for outcome, count in handled.items():
                self._received.labels(channel, outcome).inc(count - before[outcome])
            self._received_before[channel] = handled.copy()
        try:
            self._kept.set(await self._system.inboxes.kept())
        except TwofoldError:
            self._kept.set(nan)

    async def _count_processes(self) -> None:
        """Other numbers are there while the store is not: they are wanted most then."""
        processes = self._system.processes
        stuck: Mapping[str, float] = dict.fromkeys(self._system.wired.reactings, nan)
        failing = stuck
        with suppress(TwofoldError):
            stuck, failing = await processes.stuck(), await processes.failing()
        for name in stuck:
            self._stuck.labels(name).set(stuck[name])
            self._failing.labels(name).set(failing[name])

    def _gauge(self, name: str, what: str) -> Gauge:
        return Gauge(name, what, ("projection",), registry=self.registry)


def _unknown(gauge: Gauge) -> None:
    """All that it tells."""
    for family in gauge.collect():
        for sample in family.samples:
            series = gauge.labels(**sample.labels) if sample.labels else gauge
            series.set(nan)
