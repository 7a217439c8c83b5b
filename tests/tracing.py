"""Spans of a test, kept in memory."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler
from opentelemetry.trace import SpanContext

from twofold.adapters.otel.sampling import taken_share
from twofold.adapters.otel.tracing import OpenTelemetryTracing


class Spans:
    """A provider of the test's own. ``tracing`` is what systems are given."""

    def __init__(self, sampler: Sampler | None = None) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(sampler=sampler or ParentBased(ALWAYS_ON), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = provider.get_tracer("tests")
        self.tracing = OpenTelemetryTracing(self.tracer, taken_share(self.tracer))

    @property
    def all(self) -> Sequence[ReadableSpan]:
        """Those that have ended, in that order."""
        return self._exporter.get_finished_spans()

    def named(self, prefix: str) -> list[ReadableSpan]:
        """Those whose names begin so."""
        return [span for span in self.all if span.name.startswith(prefix)]

    def one(self, prefix: str) -> ReadableSpan:
        """The only one."""
        (found,) = self.named(prefix)
        return found


def context_of(span: ReadableSpan) -> SpanContext:
    """Where the span is; every span that has ended is somewhere."""
    assert span.context is not None
    return span.context


def traceparent_of(span: ReadableSpan) -> str:
    """As events and messages carry it."""
    context = context_of(span)
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def is_within(span: ReadableSpan, outer: ReadableSpan) -> bool:
    """Whether ``outer`` is the parent."""
    return span.parent is not None and span.parent.span_id == context_of(outer).span_id
