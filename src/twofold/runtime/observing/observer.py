"""The one place that is told what the system does: it measures, and opens spans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter

from twofold.errors import NotCaughtUp, StoreUnavailable
from twofold.messages.recorded import Recorded
from twofold.messages.trace_context import sampled_of
from twofold.ports.log import Append, Log
from twofold.ports.tracing import NO_SPAN, NO_TRACING, Attribute, Span, Tracing
from twofold.runtime.observing.measures import Measures

FINE, FAILED = "fine", "failed"


class Observer:
    """One per process. ``log_system`` and ``read_system`` name the databases as ``db.system.name``.

    Every block that it opens measures its time whether it raises or not, and opens a span where
    something sampled is part of it. Time is the processor's own counter: an event loop's clock may
    stand still for one of its rounds, and what is measured changes nothing.
    """

    def __init__(
        self,
        tracing: Tracing = NO_TRACING,
        log_system: str = "memory",
        read_system: str = "memory",
    ) -> None:
        self.tracing = tracing
        self.measures = Measures()
        self.read_system = read_system
        self._log_system = log_system

    @contextmanager
    def appending(self, appends: Sequence[Append]) -> Iterator[None]:
        """One transaction of the log."""
        span = self._append_span(appends) if self.tracing.on else NO_SPAN
        begun, outcome = perf_counter(), FAILED
        try:
            with span:
                yield
            outcome = FINE
        finally:
            self.measures.append_seconds.observe(perf_counter() - begun, outcome)
            self.measures.append_commands.observe(len(appends))

    @contextmanager
    def applying(
        self, projection: str, events: Sequence[Recorded], *, inline: bool = False
    ) -> Iterator[None]:
        """One batch of one projection."""
        on = self.tracing.on and bool(events)
        span = self._apply_span(projection, events, inline) if on else NO_SPAN
        begun, outcome = perf_counter(), FAILED
        try:
            with span:
                yield
            outcome = FINE
        finally:
            seconds = perf_counter() - begun
            self.measures.apply_seconds.observe(seconds, projection, outcome)
            self.measures.apply_events.observe(len(events), projection)

    def _append_span(self, appends: Sequence[Append]) -> Span:
        traces = sampled_of([one.events[0].trace for one in appends if one.events])
        if not traces:
            return NO_SPAN
        told: dict[str, Attribute] = {
            "db.system.name": self._log_system,
            "db.operation.name": "append",
            "db.operation.batch.size": len(appends),
            "twofold.append.events": sum(len(one.all_events) for one in appends),
        }
        return self.tracing.batch("append log", "client", told, traces)

    def _apply_span(self, projection: str, events: Sequence[Recorded], inline: bool) -> Span:
        traces = sampled_of([event.trace for event in events])
        if not traces:
            return NO_SPAN
        told: dict[str, Attribute] = {
            "twofold.projection.name": projection,
            "twofold.projection.inline": inline,
            "twofold.batch.events": len(events),
            "twofold.batch.first_position": events[0].position,
            "twofold.batch.last_position": events[-1].position,
            "db.system.name": self.read_system,
        }
        name = f"apply {projection}"
        if inline:
            return self.tracing.inner(name, "internal", told)
        return self.tracing.batch(name, "consumer", told, traces)

    @contextmanager
    def publishing(self, channel: str, messages: int) -> Iterator[None]:
        """One batch on its way to the broker."""
        begun, outcome = perf_counter(), FAILED
        try:
            yield
            outcome = FINE
        finally:
            self.measures.publish_seconds.observe(perf_counter() - begun, channel, outcome)
            self.measures.publish_messages.observe(messages, channel)

    @contextmanager
    def waiting(self, projection: str, position: int, cause: str) -> Iterator[None]:
        """A query until the projection has applied ``position``, which ``cause`` led to."""
        told: dict[str, Attribute] = {
            "twofold.projection.name": projection,
            "twofold.wait.position": position,
        }
        begun, outcome = perf_counter(), "late"
        try:
            with self.tracing.inner(f"wait {projection}", "internal", told, cause) as span:
                try:
                    yield
                except NotCaughtUp:
                    span.expected()
                    span.tell({"twofold.wait.outcome": outcome})
                    raise
                outcome = "reached"
                span.tell({"twofold.wait.outcome": outcome})
        finally:
            seconds = perf_counter() - begun
            self.measures.wait_seconds.observe(seconds, projection, outcome)

    async def cause(self, log: Log, position: int) -> str:
        """The trace that led to ``position``; looked up only for spans that are recorded."""
        if position < 1 or not self.tracing.recording():
            return ""
        try:
            events = await log.read(position - 1, 1)
        except StoreUnavailable:
            # The answer does not need the log; its trace is not worth an error.
            return ""
        return events[0].trace if events else ""
