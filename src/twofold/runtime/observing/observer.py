"""The one place that is told what the system does: it measures, and opens spans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType

from twofold.errors import ConcurrencyConflict, NotCaughtUp, StoreUnavailable
from twofold.messages.recorded import Recorded
from twofold.ports.log import Append, Log
from twofold.ports.time_and_chance import Clock
from twofold.ports.tracing import NO_TRACING, Attribute, Kind, Span, Tracing
from twofold.runtime.observing.measures import Measures
from twofold.runtime.refusals import REFUSALS

FINE, FAILED = "fine", "failed"


class Observer:
    """One per process. ``log_system`` and ``read_system`` name the databases as ``db.system.name``.

    Every block that it opens measures its time whether it raises or not, and opens a span where
    something sampled is part of it.
    """

    def __init__(
        self,
        clock: Clock,
        tracing: Tracing = NO_TRACING,
        log_system: str = "memory",
        read_system: str = "memory",
    ) -> None:
        self.tracing = tracing
        self.measures = Measures()
        self.read_system = read_system
        self._clock = clock
        self._log_system = log_system

    def command(self, operation: str, kind: Kind, parent: str) -> CommandWatch:
        """A command from its arrival to its outcome."""
        return CommandWatch(self, self._clock, operation, kind, parent)

    @contextmanager
    def appending(self, appends: Sequence[Append]) -> Iterator[None]:
        """One transaction of the log."""
        traces = (one.all_events[0].trace for one in appends if one.all_events)
        told: dict[str, Attribute] = {}
        if self.tracing.on:
            told = {
                "db.system.name": self._log_system,
                "db.operation.name": "append",
                "db.operation.batch.size": len(appends),
                "twofold.append.events": sum(len(one.all_events) for one in appends),
            }
        begun, outcome = self._clock.monotonic(), FAILED
        try:
            with self.tracing.batch("append log", "client", told, traces):
                yield
            outcome = FINE
        finally:
            self.measures.append_seconds.observe(self._clock.monotonic() - begun, outcome)
            self.measures.append_commands.observe(len(appends))

    @contextmanager
    def applying(
        self, projection: str, events: Sequence[Recorded], *, inline: bool = False
    ) -> Iterator[None]:
        """One batch of one projection."""
        told: dict[str, Attribute] = {}
        if self.tracing.on and events:
            told = {
                "twofold.projection.name": projection,
                "twofold.projection.inline": inline,
                "twofold.batch.events": len(events),
                "twofold.batch.first_position": events[0].position,
                "twofold.batch.last_position": events[-1].position,
                "db.system.name": self.read_system,
            }
        begun, outcome = self._clock.monotonic(), FAILED
        try:
            with self._apply_span(f"apply {projection}", told, events, inline):
                yield
            outcome = FINE
        finally:
            seconds = self._clock.monotonic() - begun
            self.measures.apply_seconds.observe(seconds, projection, outcome)
            self.measures.apply_events.observe(len(events), projection)

    def _apply_span(
        self, name: str, told: dict[str, Attribute], events: Sequence[Recorded], inline: bool
    ) -> Span:
        if inline:
            return self.tracing.inner(name, "internal", told)
        return self.tracing.batch(name, "consumer", told, (event.trace for event in events))

    @contextmanager
    def publishing(self, channel: str, messages: int) -> Iterator[None]:
        """One batch on its way to the broker."""
        begun, outcome = self._clock.monotonic(), FAILED
        try:
            yield
            outcome = FINE
        finally:
            self.measures.publish_seconds.observe(self._clock.monotonic() - begun, channel, outcome)
            self.measures.publish_messages.observe(messages, channel)

    @contextmanager
    def waiting(self, projection: str, position: int, cause: str) -> Iterator[None]:
        """A query until the projection has applied ``position``, which ``cause`` led to."""
        told: dict[str, Attribute] = {
            "twofold.projection.name": projection,
            "twofold.wait.position": position,
        }
        begun, outcome = self._clock.monotonic(), "late"
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
            seconds = self._clock.monotonic() - begun
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


class CommandWatch:
    """A command under way; ``outcome`` is what the one who handles it says, if nothing is raised.

    ``traceparent`` is what its events are to carry.
    """

    __slots__ = ("_begun", "_clock", "_observer", "_operation", "_span", "outcome", "traceparent")

    def __init__(
        self, observer: Observer, clock: Clock, operation: str, kind: Kind, parent: str
    ) -> None:
        self.outcome = "succeeded"
        self._observer = observer
        self._clock = clock
        self._operation = operation
        tracing = observer.tracing
        told = {"twofold.command.name": operation} if tracing.on else {}
        self._span = tracing.span(f"command {operation}", kind, told, parent)
        self.traceparent = self._span.traceparent

    def __enter__(self) -> CommandWatch:
        self._begun = self._clock.monotonic()
        self._span.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.outcome = _outcome(kind)
            if self.outcome == "refused":
                self._span.expected()
        seconds = self._clock.monotonic() - self._begun
        measures = self._observer.measures
        measures.command_seconds.observe(seconds, self._operation, self.outcome)
        if self._span.recorded:
            self._span.tell({"twofold.command.outcome": self.outcome})
        self._span.__exit__(kind, error, traceback)


def _outcome(kind: type[BaseException]) -> str:
    if issubclass(kind, REFUSALS):
        return "refused"
    return "conflict" if issubclass(kind, ConcurrencyConflict) else FAILED
