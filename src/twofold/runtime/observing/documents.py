"""What queries read of a store, observed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from twofold.ports.read_store import Select, Selected, Summed, Sums
from twofold.ports.tracing import Span
from twofold.runtime.observing.observer import Observer


class Documents(Protocol):
    """The part of ``ReadStore`` that answers queries."""

    async def get(self, table: str, key: str) -> bytes | None:
        """One document."""

    async def select(self, table: str, select: Select) -> Selected:
        """A list."""

    async def sums(self, table: str, sums: Sums) -> Sequence[Summed]:
        """A report."""


class ObservedDocuments:
    """Spans for what is read on behalf of a request that is recorded. Neither keys nor filters."""

    def __init__(self, documents: Documents, observer: Observer) -> None:
        self._documents = documents
        self._observer = observer

    async def get(self, table: str, key: str) -> bytes | None:
        """As told in ``ReadStore``."""
        with self._span("get", table):
            return await self._documents.get(table, key)

    async def select(self, table: str, select: Select) -> Selected:
        """As told in ``ReadStore``."""
        with self._span("select", table) as span:
            selected = await self._documents.select(table, select)
            span.tell({"db.response.returned_rows": len(selected.documents)})
            return selected

    async def sums(self, table: str, sums: Sums) -> Sequence[Summed]:
        """As told in ``ReadStore``."""
        with self._span("sums", table) as span:
            summed = await self._documents.sums(table, sums)
            span.tell({"db.response.returned_rows": len(summed)})
            return summed

    def _span(self, operation: str, table: str) -> Span:
        told = {
            "db.system.name": self._observer.read_system,
            "db.operation.name": operation,
            "db.collection.name": table,
        }
        return self._observer.tracing.inner(f"{operation} {table}", "client", told)


def observed(documents: Documents, observer: Observer) -> Documents:
    """``documents`` themselves where nothing is traced: they are the hot path of reading."""
    return ObservedDocuments(documents, observer) if observer.tracing.on else documents
