"""The command bus, observed."""

from __future__ import annotations

from collections.abc import Coroutine
from time import perf_counter
from typing import Any, TypeVar

import msgspec

from twofold.errors import ConcurrencyConflict
from twofold.messages.trace_context import is_sampled
from twofold.messages.value import Command
from twofold.ports.agenda import Later, QueuedCommand
from twofold.ports.inbox import Accepted
from twofold.ports.log import Log
from twofold.ports.time_and_chance import Chance, Clock
from twofold.ports.tracing import Attributes, Kind, Span
from twofold.runtime.command_bus import CommandBus
from twofold.runtime.observing.bound import BOUND, NOTHING, Bound
from twofold.runtime.observing.measures import Distribution
from twofold.runtime.observing.observer import Observer
from twofold.runtime.refusals import REFUSALS
from twofold.runtime.sending import Done, Sent
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.streams import Streams
from twofold.runtime.writer import Writer
from twofold.wiring.wired import Wired

T = TypeVar("T")
_NOBODY_KNOWN = Sent()


class _Subject:
    """What is said of one type of command again and again."""

    __slots__ = ("attributes", "operation", "span", "succeeded")

    def __init__(self, operation: str, succeeded: Distribution) -> None:
        self.operation = operation
        self.span = f"command {operation}"
        self.attributes: Attributes = {"twofold.command.name": operation}
        self.succeeded = succeeded


class ObservedCommandBus(CommandBus):
    """Measures commands. Events carry the trace of the command that led to them."""

    def __init__(
        self,
        observer: Observer,
        wired: Wired,
        log: Log,
        streams: Streams,
        writer: Writer,
        clock: Clock,
        chance: Chance,
        settings: RuntimeSettings,
    ) -> None:
        super().__init__(wired, log, streams, writer, clock, chance, settings)
        self._observer = observer
        self._subjects = {
            command: _Subject(
                handling.operation,
                observer.measures.command_seconds.of(handling.operation, "succeeded"),
            )
            for command, handling in wired.handlings.items()
        }

    async def handle(self, command: Command, sent: Sent | None = None) -> Done:
        """As told in ``CommandBus``."""
        sent = sent or _NOBODY_KNOWN
        if not (sent.correlation_id and sent.trace):
            sent = _with_bound(sent)
        subject = self._subjects.get(type(command))
        if subject is None:
            return await super().handle(command, sent)
        tracing = self._observer.tracing
        if tracing.on and not sent.trace and (name := tracing.unsampled()):
            sent = msgspec.structs.replace(sent, trace=name)
        # Where it is known not to be sampled there is nothing to ask.
        elif tracing.on and (not sent.trace or is_sampled(sent.trace)):
            span = self._span(subject, "internal", sent.trace)
            if span.traceparent != sent.trace:
                sent = msgspec.structs.replace(sent, trace=span.traceparent)
            if span.recorded:
                return await self._traced(subject, span, super().handle(command, sent))
        # As in _measured, but this is the path of nearly every command.
        begun = perf_counter()
        try:
            done = await super().handle(command, sent)
        except BaseException as exc:
            self._distribution(subject, _outcome_after(exc)).observe(perf_counter() - begun)
            raise
        if done.replayed:
            self._distribution(subject, "replayed").observe(perf_counter() - begun)
        else:
            subject.succeeded.observe(perf_counter() - begun)
        return done

    async def handle_queued(self, command: Command, queued: QueuedCommand) -> Done:
        """As told in ``CommandBus``."""
        subject = self._subjects[type(command)]
        span = self._span(subject, "consumer", queued.trace)
        if span.traceparent != queued.trace:
            queued = msgspec.structs.replace(queued, trace=span.traceparent)
        bound = BOUND.set(Bound("", queued.correlation_id, queued.command_id, queued.trace))
        try:
            return await self._traced(subject, span, super().handle_queued(command, queued))
        finally:
            BOUND.reset(bound)

    async def handle_accepted(
        self, command: Command, accepted: Accepted, later: Later | None
    ) -> bool:
        """As told in ``CommandBus``."""
        subject = self._subjects[type(command)]
        span = self._span(subject, "consumer", accepted.trace)
        if span.traceparent != accepted.trace:
            accepted = msgspec.structs.replace(accepted, trace=span.traceparent)
        bound = BOUND.set(Bound("", accepted.correlation_id, accepted.command_id, accepted.trace))
        try:
            handled = super().handle_accepted(command, accepted, later)
            return await self._traced(subject, span, handled)
        finally:
            BOUND.reset(bound)

    def _span(self, subject: _Subject, kind: Kind, parent: str) -> Span:
        return self._observer.tracing.span(subject.span, kind, subject.attributes, parent)

    async def _traced(self, subject: _Subject, span: Span, work: Coroutine[Any, Any, T]) -> T:
        outcome = ""
        with span:
            try:
                handled = await self._measured(subject, work)
                outcome = _outcome_of(handled)
                return handled
            except BaseException as exc:
                outcome = _outcome_after(exc)
                if outcome == "refused":
                    span.expected()
                raise
            finally:
                span.tell({"twofold.command.outcome": outcome})

    async def _measured(self, subject: _Subject, work: Coroutine[Any, Any, T]) -> T:
        begun = perf_counter()
        try:
            handled = await work
        except BaseException as exc:
            self._distribution(subject, _outcome_after(exc)).observe(perf_counter() - begun)
            raise
        self._distribution(subject, _outcome_of(handled)).observe(perf_counter() - begun)
        return handled

    def _distribution(self, subject: _Subject, outcome: str) -> Distribution:
        return self._observer.measures.command_seconds.of(subject.operation, outcome)


def _with_bound(sent: Sent) -> Sent:
    """What is sent within a request belongs to it, also where it was not told so."""
    bound = BOUND.get()
    if bound is NOTHING:
        return sent
    correlation_id = sent.correlation_id or bound.correlation_id
    trace = sent.trace or bound.traceparent
    if (correlation_id, trace) == (sent.correlation_id, sent.trace):
        return sent
    return msgspec.structs.replace(sent, correlation_id=correlation_id, trace=trace)


def _outcome_of(handled: object) -> str:
    if isinstance(handled, Done):
        return "replayed" if handled.replayed else "succeeded"
    return "decided" if handled else "decided-before"


def _outcome_after(error: BaseException) -> str:
    if isinstance(error, REFUSALS):
        return "refused"
    return "conflict" if isinstance(error, ConcurrencyConflict) else "failed"
