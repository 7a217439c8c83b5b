"""A collector of OpenTelemetry's protocol: spans as processes export them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

from tests.receivers import Hook, hook

_KINDS = {
    trace_pb2.Span.SPAN_KIND_INTERNAL: "internal",
    trace_pb2.Span.SPAN_KIND_SERVER: "server",
    trace_pb2.Span.SPAN_KIND_CLIENT: "client",
    trace_pb2.Span.SPAN_KIND_PRODUCER: "producer",
    trace_pb2.Span.SPAN_KIND_CONSUMER: "consumer",
}


@dataclass(frozen=True)
class Told:
    """A span that a process told. ``parent`` is "" for the first of a trace."""

    role: str
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    links: Sequence[str]
    attributes: Mapping[str, Any]
    failed: bool


class Collector:
    """What came so far."""

    def __init__(self, hook: Hook) -> None:
        self._hook = hook

    @property
    def variables(self) -> dict[str, str]:
        """The environment of processes that export to it."""
        return {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": self._hook.url,
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }

    @property
    def raw(self) -> bytes:
        """All of it, for looking for what must not be in it."""
        return b"\n".join(body for _, body in self._hook.requests)

    @property
    def spans(self) -> Sequence[Told]:
        """In the order in which they came."""
        return [span for _, body in self._hook.requests for span in _read(body)]


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    """A collector on this machine."""
    async with hook() as receiver:
        yield Collector(receiver)


def _read(body: bytes) -> Iterator[Told]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        role = _values(resource.resource.attributes)["twofold.role"]
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield _told(role, span)


def _told(role: str, span: trace_pb2.Span) -> Told:
    return Told(
        role=role,
        name=span.name,
        kind=_KINDS[span.kind],
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        links=[link.span_id.hex() for link in span.links],
        attributes=_values(span.attributes),
        failed=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
    )


def _values(attributes: Sequence[KeyValue]) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value") or "") for one in attributes}
