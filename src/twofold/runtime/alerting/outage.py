"""The one alert that can't be written down: the database that it would be written to is gone."""

from __future__ import annotations

from collections.abc import Callable

from twofold.messages.recorded import microseconds
from twofold.ports.time_and_chance import Clock
from twofold.runtime.alerting.book import Book, Finding
from twofold.runtime.alerting.delivering import Deliveries
from twofold.runtime.alerting.kinds import KINDS

_KIND = "database"
_FINDING = Finding(_KIND, "", "the write database does not answer")


class Outage:
    """Kept in memory by the process that sent last, from the outage to its end.

    A restart in between may tell it twice, or tell no end.
    """

    def __init__(self, deliveries: Deliveries, clock: Clock, new_id: Callable[[], str]) -> None:
        self._deliveries = deliveries
        self._clock = clock
        self._new_id = new_id
        self._since: float | None = None
        self._book = Book()

    async def silent(self) -> None:
        """It does not answer."""
        now = self._clock.monotonic()
        if self._since is None:
            self._since = now
        if now - self._since >= KINDS[_KIND].hold_seconds:
            await self._deliver(
                self._book.seen([_FINDING], self._now_us(), self._new_id, self._deliveries.names)
            )

    async def answers(self) -> None:
        """It does."""
        self._since = None
        if self._book != Book():
            await self._deliver(self._book.over([_FINDING.key], self._now_us()))
            if not self._book.failing:
                self._book = Book()

    async def _deliver(self, book: Book) -> None:
        self._book = await self._deliveries.deliver(book)

    def _now_us(self) -> int:
        return microseconds(self._clock.now())
