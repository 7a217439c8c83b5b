"""Spans through OpenTelemetry: parents, links, sampling, and what is never in them."""

from __future__ import annotations

import pytest
from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    ParentBased,
    Sampler,
    TraceIdRatioBased,
)

from tests.tracing import Spans, context_of, is_within, traceparent_of
from twofold.adapters.otel.sampling import taken_share
from twofold.adapters.otel.tracing import OpenTelemetryTracing
from twofold.messages.trace_context import is_sampled, read_traceparent
from twofold.ports.tracing import NO_TRACING, Kind


def _traceparent(number: int, flags: str = "01") -> str:
    return f"00-{number:032x}-{number:016x}-{flags}"


def test_a_batch_is_a_step_of_the_first_and_links_to_all_of_them() -> None:
    spans = Spans()
    traces = ["", _traceparent(7, "00"), *(_traceparent(n) for n in (1, 2, 1, 3))]
    with spans.tracing.batch("apply", "consumer", {}, traces):
        pass
    (span,) = spans.all
    assert span.parent is not None
    assert span.parent.span_id == 1
    assert [link.context.span_id for link in span.links] == [1, 2, 3]


def test_a_batch_of_thousands_links_to_a_bounded_number() -> None:
    spans = Spans()
    with spans.tracing.batch("apply", "consumer", {}, map(_traceparent, range(1, 2_000))):
        pass
    assert len(spans.all[0].links) == 128


@pytest.mark.parametrize("traces", [[], [""], [_traceparent(1, "00")], ["no-traceparent-0"]])
def test_a_batch_without_a_sampled_trace_leaves_no_span(traces: list[str]) -> None:
    spans = Spans()
    with spans.tracing.batch("apply", "consumer", {}, traces):
        assert not spans.tracing.recording()
    assert spans.all == ()


def test_work_for_several_is_no_step_of_whatever_is_under_way() -> None:
    spans = Spans()
    with (
        spans.tracing.span("request", "server", {}),
        spans.tracing.batch("apply", "consumer", {}, [_traceparent(5)]),
    ):
        pass
    assert not is_within(spans.one("apply"), spans.one("request"))


def test_who_takes_a_message_links_to_where_it_comes_from() -> None:
    spans = Spans()
    kinds: tuple[Kind, ...] = ("consumer", "internal")
    for kind in kinds:
        with spans.tracing.span(kind, kind, {}, _traceparent(5)):
            pass
    assert [link.context.span_id for link in spans.one("consumer").links] == [5]
    assert list(spans.one("internal").links) == []


def test_a_step_named_by_its_text_is_within_the_span_under_way() -> None:
    spans = Spans()
    with (
        spans.tracing.span("request", "server", {}) as request,
        spans.tracing.span("command", "internal", {}, request.traceparent),
    ):
        pass
    assert is_within(spans.one("command"), spans.one("request"))
    assert spans.one("command").parent.is_remote is False  # type: ignore[union-attr]


def test_errors_leave_their_type_alone() -> None:
    spans = Spans()
    with (
        pytest.raises(ValueError, match="jane"),
        spans.tracing.span("command", "internal", {}),
    ):
        raise ValueError("jane.doe@example.com is odd")
    (span,) = spans.all
    assert span.attributes == {"error.type": "ValueError"}
    assert not span.status.is_ok
    assert not span.status.description
    assert span.events == ()


def test_what_is_expected_is_no_error() -> None:
    spans = Spans()
    with pytest.raises(ValueError, match="no"), spans.tracing.span("c", "internal", {}) as span:
        span.expected()
        raise ValueError("no")
    assert spans.all[0].status.is_unset


def test_of_a_share_some_are_recorded_and_all_are_named() -> None:
    spans = Spans(ParentBased(TraceIdRatioBased(0.2)))
    named = [spans.tracing.span("command", "internal", {}).traceparent for _ in range(2_000)]
    assert all(read_traceparent(one) == one for one in named)
    assert len(set(named)) == 2_000
    # Further off than once in ten million runs.
    assert 290 < sum(map(is_sampled, named)) < 510


def test_without_tracing_nothing_has_a_name() -> None:
    assert NO_TRACING.unsampled() == ""


def test_who_asks_for_the_unsampled_first_has_as_many_recorded() -> None:
    spans = Spans(ParentBased(TraceIdRatioBased(0.2)))
    named = []
    for _ in range(2_000):
        name = spans.tracing.unsampled()
        if not name:
            with spans.tracing.span("command", "internal", {}) as span:
                # Nothing else begins within what is under way.
                assert spans.tracing.unsampled() == ""
                assert is_sampled(span.traceparent)
                name = span.traceparent
        assert read_traceparent(name) == name
        named.append(name)
    assert len(set(named)) == 2_000
    assert 290 < sum(map(is_sampled, named)) == len(spans.all) < 510


def test_what_a_host_says_beside_a_span_changes_no_share() -> None:
    tracing = Spans(ParentBased(TraceIdRatioBased(0.0))).tracing
    token = contexts.attach(contexts.set_value("tenant", "north"))
    try:
        assert tracing.unsampled() == ""
        assert not is_sampled(tracing.span("command", "internal", {}).traceparent)
    finally:
        contexts.detach(token)


@pytest.mark.parametrize(("sampler", "named"), [(ALWAYS_ON, 0), (TraceIdRatioBased(0.0), 100)])
def test_of_all_none_is_unsampled_and_of_none_all(sampler: Sampler, named: int) -> None:
    tracing = Spans(ParentBased(sampler)).tracing
    assert sum(tracing.unsampled() != "" for _ in range(100)) == named


@pytest.mark.parametrize("sampler", [ParentBased(TraceIdRatioBased(0.0)), ParentBased(ALWAYS_OFF)])
def test_what_is_not_sampled_passes_its_word_on(sampler: ParentBased) -> None:
    spans = Spans(sampler)
    with spans.tracing.entry("GET", {}, {}) as request:
        command = spans.tracing.span("command", "internal", {}, request.traceparent)
        assert command.traceparent == request.traceparent
    assert request.traceparent
    assert not is_sampled(request.traceparent)
    assert spans.all == ()


def test_parents_are_followed_whatever_the_share() -> None:
    spans = Spans(ParentBased(TraceIdRatioBased(0.0)))
    with spans.tracing.entry("GET", {}, {b"traceparent": _traceparent(9).encode()}):
        pass
    (span,) = spans.all
    assert context_of(span).trace_id == 9
    assert is_sampled(traceparent_of(span))


def test_samplers_of_another_kind_decide_themselves() -> None:
    spans = Spans(TraceIdRatioBased(0.5))
    assert taken_share(spans.tracer) is None
    assert taken_share(trace.NoOpTracer()) is None


def test_a_host_that_traces_the_request_has_ours_within_its_own() -> None:
    spans = Spans()
    host = OpenTelemetryTracing(spans.tracer)
    with host.span("host", "server", {}), spans.tracing.entry("GET", {}, {}):
        pass
    assert is_within(spans.one("GET"), spans.one("host"))
    assert spans.one("GET").kind is trace.SpanKind.INTERNAL


def test_without_tracing_the_trace_of_others_is_passed_on() -> None:
    assert NO_TRACING.span("command", "internal", {}, _traceparent(1)).traceparent == _traceparent(
        1
    )
    with NO_TRACING.batch("apply", "consumer", {}, [_traceparent(1)]) as span:
        assert not span.recorded
