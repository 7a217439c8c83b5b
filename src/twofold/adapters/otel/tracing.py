"""Traces through the API of OpenTelemetry: recorded by whatever provider the process has."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextvars import Token
from types import TracebackType

from opentelemetry import context as contexts
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
)

from twofold.messages.trace_context import is_sampled, read_traceparent, sampled_of
from twofold.ports.tracing import NO_SPAN, Attributes, Kind, NoSpan, Span

_LINKS = 128
_PAIRS = [f"{number:02x}" for number in range(256)]
_KINDS = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "consumer": SpanKind.CONSUMER,
}


class OpenTelemetryTracing:
    """Which traces are sampled, and where they go, is up to the provider.

    With ``share``, which of the traces that begin here are sampled is drawn here: a span that comes
    to nothing would cost a tenth of a command. See ``twofold.adapters.otel.sampling``.
    """

    on = True

    def __init__(self, tracer: Tracer, share: float | None = None) -> None:
        self._tracer = tracer
        self._passed_over = _passed_over(1.0 if share is None else share)
        self._left_out = next(self._passed_over)
        self._names: list[str] = []
        fields = propagate.get_global_textmap().fields
        self._fields = {field.lower().encode() for field in fields}

    def recording(self) -> bool:
        """As the context says."""
        return trace.get_current_span().is_recording()

    def entry(self, name: str, attributes: Attributes, headers: Mapping[bytes, bytes]) -> Span:
        """With the propagators that ``OTEL_PROPAGATORS`` names, by default W3C's."""
        under_way = trace.get_current_span().get_span_context()
        if under_way.is_valid:
            # Mounted in an application that has opened a span for the request already.
            return self._begin(name, SpanKind.INTERNAL, attributes, None)
        if self._fields.isdisjoint(headers):
            return self._root(name, SpanKind.SERVER, attributes)
        outside = propagate.extract(headers, Context(), _HEADERS)
        return self._begin(name, SpanKind.SERVER, attributes, outside)

    def span(self, name: str, kind: Kind, attributes: Attributes, parent: str = "") -> Span:
        """Unsampled ones are not even begun."""
        if not parent:
            if not contexts.get_current():
                return self._root(name, _KINDS[kind], attributes)
            under_way = trace.get_current_span().get_span_context()
            if not under_way.is_valid:
                return self._root(name, _KINDS[kind], attributes)
            if not under_way.trace_flags.sampled:
                return NoSpan(_text(under_way))
            return self._begin(name, _KINDS[kind], attributes, None)
        if not is_sampled(parent):
            return NoSpan(parent)
        # Who takes a message links to where it comes from, also where that is the parent.
        links = _links([parent]) if kind == "consumer" else ()
        return self._begin(name, _KINDS[kind], attributes, _within(parent), links)

    def unsampled(self) -> str:
        """Here is where nothing is under way, and it is not the turn of one that is recorded."""
        if self._left_out <= 0 or contexts.get_current():
            return ""
        return self._leave_out()

    def inner(self, name: str, kind: Kind, attributes: Attributes, cause: str = "") -> Span:
        """Costs one look at the context where nothing is recorded."""
        if not trace.get_current_span().is_recording():
            return NO_SPAN
        links = _links([cause]) if cause else ()
        return self._begin(name, _KINDS[kind], attributes, None, links)

    def batch(
        self, name: str, kind: Kind, attributes: Attributes, traceparents: Iterable[str]
    ) -> Span:
        """The span under way is not asked: work for several begins in whoever came first."""
        found = sampled_of(traceparents)
        if not found:
            return NO_SPAN
        sampled = list(dict.fromkeys(found))
        links = _links(sampled[:_LINKS])
        return self._begin(name, _KINDS[kind], attributes, _within(sampled[0]), links)

    def _root(self, name: str, kind: SpanKind, attributes: Attributes) -> Span:
        """A new trace, or the word that follows from it that it is not sampled."""
        if self._left_out > 0:
            return NoSpan(self._leave_out())
        self._left_out = next(self._passed_over)
        return self._begin(name, kind, attributes, Context())

    def _leave_out(self) -> str:
        self._left_out -= 1
        if not self._names:
            self._names = _unsampled()
        return self._names.pop()

    def _begin(
        self,
        name: str,
        kind: SpanKind,
        attributes: Attributes,
        context: Context | None,
        links: Iterable[Link] = (),
    ) -> Span:
        return _Open(
            self._tracer.start_span(
                name, context, kind, attributes, tuple(links), record_exception=False
            )
        )


def _passed_over(share: float) -> Iterator[int]:
    """How many traces are left out before each that is recorded, ``share`` of them all being that.

    As many as if each were drawn by itself, which would have to be done for each.
    """
    while True:
        if share >= 1:
            yield 0
        elif share <= 0:
            yield sys.maxsize
        else:
            yield int(math.log(1 - random.random()) / math.log1p(-share))


def _unsampled() -> list[str]:
    """Names of traces that are not sampled, each another one.

    256 at a time: drawn one by one, among other work, it was a twentieth of a command.
    """
    digits = random.randbytes(23).hex()
    first, last = f"00-{digits[:30]}", f"-{digits[30:]}-00"
    return [f"{first}{pair}{last}" for pair in _PAIRS]


class _Open:
    """A span of OpenTelemetry."""

    __slots__ = ("_expected", "_span", "_token", "traceparent")

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self._expected = False
        self._token: Token[Context] | None = None
        self.traceparent = _text(span.get_span_context())

    @property
    def recorded(self) -> bool:
        return self._span.is_recording()

    def tell(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def failed(self, error_type: str) -> None:
        self._span.set_attribute("error.type", error_type)
        self._span.set_status(Status(StatusCode.ERROR))

    def expected(self) -> None:
        self._expected = True

    def __enter__(self) -> Span:
        self._token = contexts.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._token is not None:
            contexts.detach(self._token)
        # An error's text may hold what must not leave; its type never does.
        if kind is not None and not self._expected:
            self.failed(kind.__qualname__)
        self._span.end()


class _Headers(Getter[Mapping[bytes, bytes]]):
    """Headers as ASGI has them."""

    def get(self, carrier: Mapping[bytes, bytes], key: str) -> list[str] | None:
        value = carrier.get(key.lower().encode())
        return None if value is None else [value.decode("latin-1")]

    def keys(self, carrier: Mapping[bytes, bytes]) -> list[str]:
        return [name.decode("latin-1") for name in carrier]


_HEADERS = _Headers()


def _text(context: SpanContext) -> str:
    if not context.is_valid:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _context(traceparent: str) -> SpanContext | None:
    text = read_traceparent(traceparent)
    if not text:
        return None
    flags = TraceFlags(int(text[53:], 16))
    return SpanContext(int(text[3:35], 16), int(text[36:52], 16), True, flags)


def _within(traceparent: str) -> Context | None:
    """Where the span named is under way here, that one itself; else it is somewhere else."""
    named = _context(traceparent)
    if named is None:
        return Context()
    under_way = trace.get_current_span().get_span_context()
    if under_way.span_id == named.span_id and under_way.trace_id == named.trace_id:
        return None
    return trace.set_span_in_context(NonRecordingSpan(named), Context())


def _links(traceparents: Iterable[str]) -> list[Link]:
    found = [_context(one) for one in traceparents]
    return [Link(one) for one in found if one is not None]
