"""Traces: what a request led to, span by span, across processes.

Spans are opened at the ports, in ``twofold.runtime.observing`` and where requests come in; nothing
else knows of them. Traces are named by W3C traceparents (``twofold.messages.trace_context``), ""
for none. What begins in a trace that is not sampled is not recorded either, and costs next to
nothing.

Attributes never hold payloads, personal data or secrets, nor do errors: of these there is the type.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Literal, Protocol, TypeAlias

Kind: TypeAlias = Literal["internal", "server", "client", "consumer"]
Attribute: TypeAlias = str | int | float | bool
Attributes: TypeAlias = Mapping[str, Attribute]


class Span(Protocol):
    """Something that takes time. Open as long as its ``with`` block lasts; failed if that raises.

    Within the block it is the one that is under way.
    """

    @property
    def traceparent(self) -> str:
        """What names it for those that follow from it, "" without a trace."""

    @property
    def recorded(self) -> bool:
        """Whether it is worth finding out something for it."""

    def tell(self, attributes: Attributes) -> None:
        """Add what is known by now."""

    def rename(self, name: str) -> None:
        """Its name is known by now."""

    def failed(self, error_type: str) -> None:
        """It failed, although nothing is raised."""

    def expected(self) -> None:
        """What is raised is an answer, no failure."""

    def __enter__(self) -> Span: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class Tracing(Protocol):
    """The port."""

    @property
    def on(self) -> bool:
        """Whether anything may ever be recorded."""

    def recording(self) -> bool:
        """Whether the span under way is recorded."""

    def entry(self, name: str, attributes: Attributes, headers: Mapping[bytes, bytes]) -> Span:
        """A request from outside: part of the trace that its headers name, else of a new one."""

    def span(self, name: str, kind: Kind, attributes: Attributes, parent: str = "") -> Span:
        """A step of ``parent``, "" for the span under way; without either, a new trace."""

    def unsampled(self) -> str:
        """The name of a trace that begins here and is not recorded; "" if ``span`` is to be asked.

        The short way for what nearly all of a busy process's traces are.
        """

    def inner(self, name: str, kind: Kind, attributes: Attributes, cause: str = "") -> Span:
        """A step of the span under way if that is recorded, else nothing. Links to ``cause``."""

    def batch(
        self, name: str, kind: Kind, attributes: Attributes, traceparents: Iterable[str]
    ) -> Span:
        """Work for several at once: a step of the first sampled one, with links to all of them.

        Nothing if none of them is sampled.
        """


class NoSpan:
    """Nothing is recorded; ``traceparent`` is passed on as it came."""

    __slots__ = ("traceparent",)
    recorded = False

    def __init__(self, traceparent: str = "") -> None:
        self.traceparent = traceparent

    def tell(self, attributes: Attributes) -> None:
        """Not recorded."""

    def rename(self, name: str) -> None:
        """Not recorded."""

    def failed(self, error_type: str) -> None:
        """Not recorded."""

    def expected(self) -> None:
        """Not recorded."""

    def __enter__(self) -> NoSpan:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None


NO_SPAN = NoSpan()


class NoTracing:
    """Nothing is recorded."""

    on = False

    def recording(self) -> bool:
        """Never."""
        return False

    def entry(self, name: str, attributes: Attributes, headers: Mapping[bytes, bytes]) -> Span:
        """Nothing."""
        return NO_SPAN

    def span(self, name: str, kind: Kind, attributes: Attributes, parent: str = "") -> Span:
        """Nothing."""
        return NoSpan(parent) if parent else NO_SPAN

    def unsampled(self) -> str:
        """Nothing has a name."""
        return ""

    def inner(self, name: str, kind: Kind, attributes: Attributes, cause: str = "") -> Span:
        """Nothing."""
        return NO_SPAN

    def batch(
        self, name: str, kind: Kind, attributes: Attributes, traceparents: Iterable[str]
    ) -> Span:
        """Nothing."""
        return NO_SPAN


NO_TRACING = NoTracing()
