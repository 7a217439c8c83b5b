"""Where a request comes in: the trace it is part of, and what log lines say of it."""

from __future__ import annotations

from types import TracebackType

from twofold.http.exchange import Exchange
from twofold.messages.trace_context import read_traceparent
from twofold.ports.tracing import NoSpan, Span, Tracing
from twofold.runtime.observing.bound import BOUND, Bound

# Asked all the time by machines, or open for hours.
_UNTRACED = frozenset({"/health/live", "/health/ready", "/metrics", "/events/stream"})


class Entrance:
    """For as long as a request is answered. Paths are told as routes: ids may say who it is."""

    __slots__ = ("_bound", "_exchange", "_span")

    def __init__(self, exchange: Exchange, tracing: Tracing) -> None:
        self._exchange = exchange
        if tracing.on and exchange.path not in _UNTRACED:
            method = exchange.told_method
            self._span: Span = tracing.entry(
                _name(method),
                {
                    "http.request.method": method,
                    "url.scheme": exchange.scope.get("scheme", "http"),
                    "twofold.request.id": exchange.request_id,
                },
                exchange.headers,
            )
        else:
            self._span = NoSpan(read_traceparent(exchange.header(b"traceparent")))

    def __enter__(self) -> None:
        exchange, span = self._exchange, self._span
        if span.recorded:
            span.__enter__()
        exchange.traceparent = span.traceparent
        request_id = exchange.request_id
        self._bound = BOUND.set(Bound(request_id, request_id, "", span.traceparent))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        BOUND.reset(self._bound)
        if self._span.recorded:
            self._tell()
            self._span.__exit__(kind, error, traceback)

    def _tell(self) -> None:
        exchange, span = self._exchange, self._span
        if exchange.route:
            span.rename(f"{_name(exchange.told_method)} {exchange.route}")
            span.tell({"http.route": exchange.route})
        if exchange.status:
            span.tell({"http.response.status_code": exchange.status})
        if exchange.status >= 500:
            span.failed(str(exchange.status))


def _name(method: str) -> str:
    """As the semantic conventions call a request whose method is none of HTTP's."""
    return "HTTP" if method == "_OTHER" else method
